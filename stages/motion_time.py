"""A motion at the moments of another clip."""

from typing import Literal

import numpy as np

from stages.artifacts import F32, F64


def moments(seconds: F64, times: F64, end: Literal["hold", "loop"]) -> F64:
    """(m,) seconds within a motion, for seconds (m,) since it began.

    Args:
        seconds: (n,) of the motion's frames, rising from 0.
        end: hold stays at its last frame; loop begins again a frame's time after it.
    """
    if end == "hold":
        return np.clip(times, 0, seconds[-1])
    return np.asarray(np.maximum(times, 0) % (seconds[-1] + np.median(np.diff(seconds))))


def resampled(seconds: F64, values: F64 | F32, at: F64) -> F64:
    """(m, k) values (n, k) at seconds (m,) within a motion, linear in between.

    After the last frame, where a loop closes, they go back to the first one's.
    """
    closed = seconds[-1] + np.median(np.diff(seconds))
    known = np.append(seconds, closed)
    columns = [np.interp(at, known, np.append(column, column[0])) for column in values.T]
    return np.asarray(np.stack(columns, axis=1) if columns else np.zeros((len(at), 0)), np.float64)


def principal(differences: F32, most: int, share: float = 0.999) -> tuple[F32, F64]:
    """A motion as few steps and their course: ``differences = course @ steps``, nearly.

    Args:
        differences: (n, rows, style_dim).
        most: how many steps at most.
        share: of the motion's squared length that has to be kept, where ``most`` permits.

    Returns:
        steps (k, rows, style_dim), orthonormal, and their course (n, k).
    """
    flat = differences.reshape(len(differences), -1).astype(np.float64)
    # The Gram matrix is small: there are far fewer frames than numbers in a code.
    power, vectors = np.linalg.eigh(flat @ flat.T)
    power, vectors = power[::-1].clip(0), vectors[:, ::-1]
    if power[0] <= 0:
        return np.zeros((0, *differences.shape[1:]), np.float32), np.zeros((len(flat), 0))
    enough = int(np.searchsorted(power.cumsum() / power.sum(), share)) + 1
    kept = slice(0, min(enough, most, int((power > 1e-12 * power[0]).sum())))
    course = vectors[:, kept] * np.sqrt(power[kept])
    steps = (vectors[:, kept] / np.sqrt(power[kept])).T @ flat
    return steps.reshape(-1, *differences.shape[1:]).astype(np.float32), course
