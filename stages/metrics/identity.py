"""Identity over time, on embeddings of any recognition network. All rows are unit vectors."""

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]


def cosine(a: F32, b: F32) -> F32:
    """(n,) cosine between corresponding rows of two (n, d) arrays of unit vectors."""
    if a.shape != b.shape:
        raise ValueError(f"embeddings differ in shape: {a.shape} and {b.shape}")
    return np.asarray(np.sum(a * b, axis=1), dtype=np.float32)


def local_similarity(embeddings: F32, follows: Bool | None = None) -> float:
    """Mean cosine between adjacent frames.

    Args:
        embeddings: (n, d) in frame order.
        follows: (n,) whether a row is of the frame right after the row before it (and of the same
            face); pairs that are not are left out. None: each does.

    Raises:
        ValueError: there is no pair.
    """
    adjacent = np.ones(len(embeddings), bool) if follows is None else follows
    pairs = cosine(embeddings[1:], embeddings[:-1])[adjacent[1:]]
    if not len(pairs):
        raise ValueError("identity over time needs two frames that follow each other")
    return float(pairs.mean())


def global_similarity(embeddings: F32) -> float:
    """Mean cosine over all pairs of different frames, (n, d), n of 2 or more."""
    n = len(embeddings)
    if n < 2:
        raise ValueError(f"identity over time needs two frames or more, got {n}")
    # The sum over all pairs is the squared length of the sum, so no (n, n) table is needed.
    rows = embeddings.astype(np.float64)
    total = rows.sum(axis=0)
    return float((total @ total - np.sum(rows * rows)) / (n * (n - 1)))


def tl_id(edited: F32, source: F32, follows: Bool | None = None) -> float:
    """Local identity steadiness (Tzaban et al. 2022, STIT): adjacent frames, 1.0 as the source.

    Args:
        edited: (n, d), n of 2 or more, in frame order.
        source: (n, d), the same frames before the edit.
        follows: see ``local_similarity``.
    """
    return local_similarity(edited, follows) / local_similarity(source, follows)


def tg_id(edited: F32, source: F32) -> float:
    """Global identity steadiness (STIT): as ``tl_id``, over all pairs of different frames."""
    return global_similarity(edited) / global_similarity(source)
