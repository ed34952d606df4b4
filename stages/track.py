"""Stage: follow faces from frame to frame within each shot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, Faces, Shots, Tracks, Video
from stages.networks.blazeface import overlaps
from stages.quad import eyes_and_mouth
from stages.yaw import yaw_of


@dataclass(eq=False)
class _Path:
    """Rows of ``Faces`` that are one face, in order of time."""

    rows: list[int] = field(default_factory=list)


class TrackFaces(Stage):
    """Per shot, joins the detections of neighbouring frames into tracks and closes short gaps.

    A pair costs 1 - IoU of the boxes plus the distance of eyes and mouth in face heights; the
    cheapest assignment is taken (Hungarian method). Tracks never cross a cut.
    """

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    max_gap: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Longest time in seconds without a detection that is bridged by interpolation."""
    min_seconds: Annotated[float, Field(ge=0)] = 0.2
    """Tracks that last less are dropped, unless they last a whole shot."""
    max_cost: Annotated[float, Field(gt=0)] = 1.3
    """Above this cost two detections are not one face: by default about 0.3 of overlap and a
    shift of 0.6 face heights."""

    def run(self, faces: Faces, shots: Shots, video: Video, context: Context) -> Tracks:
        order = np.argsort(faces.frame, kind="stable")
        starts = np.searchsorted(faces.frame[order], np.arange(video.frames + 1))
        seconds = video.seconds
        steps = np.diff(seconds)
        usual = float(np.median(steps)) if len(steps) else 0.0
        tables = []
        for first, last in shots.ranges:
            rows_of = [order[starts[i] : starts[i + 1]].tolist() for i in range(first, last)]
            whole = float(seconds[last - 1] - seconds[first])
            for path in self._follow(faces, rows_of, seconds[first:last], usual):
                frames = faces.frame[path.rows]
                lasts = float(seconds[frames[-1]] - seconds[frames[0]])
                if lasts + usual >= min(self.min_seconds, whole):
                    tables.append(_fill_gaps(faces, path.rows, seconds))
        tables.sort(key=lambda table: _presence(table, video.upright_size), reverse=True)
        return _join(tables, faces)

    def _follow(
        self, faces: Faces, rows_of: Sequence[list[int]], seconds: F64, usual: float
    ) -> list[_Path]:
        """The paths through one shot. ``rows_of[i]``: detections of its i-th frame."""
        done: list[_Path] = []
        open_paths: list[tuple[_Path, float]] = []
        for now, rows in zip(seconds, rows_of, strict=True):
            # A gap is the time without a detection: one missed frame of 0.04 s is a gap of 0.04.
            lapsed = [p for p, seen in open_paths if now - seen > self.max_gap + usual * 1.01]
            done += lapsed
            open_paths = [(p, seen) for p, seen in open_paths if p not in lapsed]
            tails = [path.rows[-1] for path, _ in open_paths]
            joined: set[int] = set()
            for i, j in self._match(faces, tails, rows):
                open_paths[i][0].rows.append(rows[j])
                open_paths[i] = (open_paths[i][0], float(now))
                joined.add(j)
            fresh = [row for j, row in enumerate(rows) if j not in joined]
            open_paths += [(_Path([row]), float(now)) for row in fresh]
        return done + [path for path, _ in open_paths]

    def _match(self, faces: Faces, tails: list[int], rows: list[int]) -> list[tuple[int, int]]:
        if not tails or not rows:
            return []
        cost = np.array([_cost(faces, tail, rows) for tail in tails])
        # All hopeless pairs cost the same, or a far one would break up a good pair to save on it.
        pairs = zip(*linear_sum_assignment(np.minimum(cost, self.max_cost)), strict=True)
        return [(int(i), int(j)) for i, j in pairs if cost[i, j] < self.max_cost]


def _cost(faces: Faces, tail: int, rows: list[int]) -> F64:
    """(len(rows),) how unlike one face the detections are."""
    height = max(float(faces.box[tail, 3] - faces.box[tail, 1]), 1.0)
    moved = eyes_and_mouth(faces.landmarks[rows]) - eyes_and_mouth(faces.landmarks[tail])
    distance = np.linalg.norm(moved, axis=-1).mean(axis=-1) / height
    return np.asarray(1 - overlaps(faces.box[tail], faces.box[rows]) + distance, np.float64)


def _fill_gaps(faces: Faces, rows: list[int], seconds: F64) -> Tracks:
    """One track, id 0, with every frame from its first to its last."""
    seen = faces.frame[rows]
    frame = np.arange(seen[0], seen[-1] + 1, dtype=np.int32)
    right = np.clip(np.searchsorted(seen, frame), 1, max(len(seen) - 1, 1)).clip(max=len(seen) - 1)
    left = np.maximum(right - 1, 0)
    span = np.maximum(seconds[seen[right]] - seconds[seen[left]], 1e-9)
    part = ((seconds[frame] - seconds[seen[left]]) / span).astype(np.float32)

    def between(values: F32) -> F32:
        chosen = values[rows]
        t = part.reshape(-1, *[1] * (chosen.ndim - 1))
        return np.asarray(chosen[left] * (1 - t) + chosen[right] * t, np.float32)

    return Tracks(
        layout=faces.layout,
        track=np.zeros(len(frame), np.int32),
        frame=frame,
        box=between(faces.box),
        score=between(faces.score),
        interpolated=~np.isin(frame, seen),
        landmarks=between(faces.landmarks),
    )


def _presence(table: Tracks, size: tuple[int, int]) -> float:
    """How much of a face is shown over time: its area inside the picture, less as it turns away.

    By the whole box's area alone, a head bowed out of the picture counts more than the face behind
    it that looks at us.
    """
    corners = np.clip(table.box.reshape(-1, 2, 2).astype(np.float64), 0, size)
    area = np.prod(corners[:, 1] - corners[:, 0], axis=1)
    facing = np.cos(np.radians(np.clip(yaw_of(table.landmarks), -90, 90)))
    return float((area * np.square(facing)).sum())


def _join(tables: list[Tracks], faces: Faces) -> Tracks:
    ids = [np.full(len(table.frame), i, np.int32) for i, table in enumerate(tables)]
    none = np.zeros(0, np.int64)
    return Tracks(
        layout=faces.layout,
        track=np.concatenate([none.astype(np.int32), *ids]),
        frame=np.concatenate([faces.frame[none], *(t.frame for t in tables)]),
        box=np.concatenate([faces.box[none], *(t.box for t in tables)]),
        score=np.concatenate([faces.score[none], *(t.score for t in tables)]),
        interpolated=np.concatenate([none.astype(bool), *(t.interpolated for t in tables)]),
        landmarks=np.concatenate([faces.landmarks[none], *(t.landmarks for t in tables)]),
    )
