"""Figures of the faces, on aligned crops: likeness, identity, steadiness of landmarks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.artifacts import F32, F64, U8
from stages.evaluation import Figure
from stages.metrics.frechet import Moments, frechet
from stages.metrics.identity import cosine, global_similarity, local_similarity
from stages.metrics.jitter import Jitter
from stages.metrics.perceptual import PerceptualMetric
from stages.networks.facemesh import FaceMesh, Mesh, quad_of_landmarks
from stages.networks.mobilefacenet import NAME as IDENTITY
from stages.networks.mobilefacenet import Identity, face_chip
from stages.networks.pooled_features import DIMS, PooledFeatures
from stages.networks.pooled_features import NAME as FRECHET
from stages.paired_clips import Pair
from stages.quad import apply_affine, crop, quad_to_square
from stages.series import Series

CROP = 256
_BATCH = 8
_SEEN = 0.8
"""Confidence of the mesh from which a face counts as found, as in ``DetectFaces``."""
NO_IDENTITY = "no recognition network was named (--identity FILE: a MobileFaceNet checkpoint)"
NO_LPIPS = "needs the extra 'perceptual' and its VGG-16 (pipeline weights pull lpips-vgg)"


@dataclass(frozen=True)
class FaceNetworks:
    """What looks at faces. ``identity`` and ``lpips`` only where they can be had."""

    mesh: FaceMesh
    distance: PerceptualMetric
    pooled: PooledFeatures
    lpips: PerceptualMetric | None = None
    identity: Identity | None = None


@dataclass(frozen=True)
class FaceRow:
    """A chosen face in a frame of the source: its steady crop and its landmarks (468, 2)."""

    track: int
    quad: F64
    landmarks: F32


class _Identities:
    """Embeddings of both clips, in the order of tracks and frames."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []
        self.before: list[F32] = []
        self.after: list[F32] = []

    def figures(self) -> Iterator[Figure]:
        order = sorted(range(len(self.rows)), key=lambda i: self.rows[i])
        rows = np.array([self.rows[i] for i in order]).reshape(-1, 2)
        similarity = Series()
        name = f"identity_{IDENTITY}"
        if not order:
            yield similarity.figure(name, "face", "higher", note="the face was found in no frame")
            return
        before, after = (np.stack([table[i] for i in order]) for table in (self.before, self.after))
        for (_, frame), value in zip(rows, cosine(before, after), strict=True):
            similarity.add(int(frame), float(value))
        yield similarity.figure(name, "face", "higher")
        follows = np.zeros(len(rows), bool)
        follows[1:] = (np.diff(rows[:, 0]) == 0) & (np.diff(rows[:, 1]) == 1)
        if not follows.any():
            for time in ("tl_id", "tg_id"):
                yield Figure(time, "face", None, "one", note="needs two neighbouring frames")
            return
        own, value = local_similarity(before, follows), local_similarity(after, follows)
        count = int(follows.sum())
        yield Figure("tl_id", "face", value / own, "one", source=own, count=count)
        # Pairs of one face only: two people are not meant to be alike.
        tracks = [rows[:, 0] == t for t in np.unique(rows[:, 0])]
        long = [t for t in tracks if t.sum() > 1]
        pairs = np.array([t.sum() * (t.sum() - 1) for t in long])
        own, value = (
            float(np.average([global_similarity(e[t]) for t in long], weights=pairs))
            for e in (before, after)
        )
        total = int(pairs.sum()) // 2
        yield Figure("tg_id", "face", value / own, "one", source=own, count=total)


class FaceFigures:
    """Takes faces in order of frames. Crops are looked at in small batches and not kept.

    Both clips are cropped, and their meshes sought, at the same place: that of the source's face.
    Identity chips are aligned by each clip's own mesh.
    """

    def __init__(self, networks: FaceNetworks) -> None:
        self._networks = networks
        self._waiting: list[tuple[int, U8, U8]] = []
        metrics = [networks.distance, *([networks.lpips] if networks.lpips else [])]
        self._distances = [(metric, Series()) for metric in metrics]
        self._moments = Moments(DIMS), Moments(DIMS)
        self._identities = _Identities()
        self._jitters: dict[int, tuple[Jitter, Jitter]] = {}
        self._seen: dict[int, int] = {}
        self.faces = 0
        self.lost = 0

    def add(self, pair: Pair, row: FaceRow) -> None:
        """A face of this frame."""
        self.faces += 1
        crops = [crop(image, row.quad, CROP) for image in (pair.before, pair.after)]
        self._waiting.append((pair.index, crops[0], crops[1]))
        if len(self._waiting) == _BATCH:
            self._look()
        place = quad_of_landmarks(row.landmarks)
        before, after = (self._networks.mesh(i, place) for i in (pair.before, pair.after))
        if before.confidence < _SEEN:
            return  # the tracker bridged a gap: there is nothing to compare with
        if after.confidence < _SEEN:
            self.lost += 1
            return
        self._follow(pair, row, before, after)
        if self._networks.identity is not None:
            both = (
                face_chip(pair.before, before.landmarks),
                face_chip(pair.after, after.landmarks),
            )
            chips = self._networks.identity(np.stack(both))
            self._identities.rows.append((row.track, pair.index))
            self._identities.before.append(chips[0])
            self._identities.after.append(chips[1])

    def _follow(self, pair: Pair, row: FaceRow, before: Mesh, after: Mesh) -> None:
        jitters = self._jitters.setdefault(row.track, (Jitter(), Jitter()))
        to_crop = quad_to_square(row.quad, 1)
        for jitter, mesh in zip(jitters, (before, after), strict=True):
            if self._seen.get(row.track) != pair.index - 1:
                jitter.interrupt()
            jitter.add(pair.seconds, apply_affine(to_crop, mesh.landmarks))
        self._seen[row.track] = pair.index

    def _look(self) -> None:
        if not self._waiting:
            return
        frames = [frame for frame, _, _ in self._waiting]
        before, after = (np.stack([w[i] for w in self._waiting]) for i in (1, 2))
        for metric, series in self._distances:
            for frame, value in zip(frames, metric(before, after), strict=True):
                series.add(frame, float(value))
        for moments, crops in zip(self._moments, (before, after), strict=True):
            moments.add(self._networks.pooled(crops))
        self._waiting.clear()

    def figures(self) -> list[Figure]:
        """All figures, after the last face."""
        self._look()
        found = [s.figure(m.name, "face", "lower") for m, s in self._distances]
        if self._networks.lpips is None:
            found.append(Figure("lpips_vgg", "face", None, "lower", note=NO_LPIPS))
        found.append(self._frechet())
        if self._networks.identity is None:
            names = (f"identity_{IDENTITY}", "tl_id", "tg_id")
            found += [Figure(n, "face", None, "higher", note=NO_IDENTITY) for n in names]
        else:
            found += self._identities.figures()
        found.append(self._landmarks())
        return found

    def _frechet(self) -> Figure:
        if self._moments[0].count < 2:
            return Figure(FRECHET, "face", None, "lower", note="needs two faces or more")
        distance = frechet(*self._moments)
        note = f"no shrinkage; {distance.dims} features"
        if not distance.full_rank:
            note = (
                f"only {distance.samples} samples for {distance.dims} features, no shrinkage: "
                "compare with nothing but the same number of samples"
            )
        return Figure(FRECHET, "face", distance.value, "lower", count=distance.samples, note=note)

    def _landmarks(self) -> Figure:
        own, value = (Jitter.pooled(j[i] for j in self._jitters.values()) for i in (0, 1))
        if own is None or value is None:
            why = "needs three neighbouring frames of one face"
            return Figure("landmark_jitter", "face", None, "lower", note=why)
        ratio = value / own if own > 0 else None
        count = sum(jitters[0].count for jitters in self._jitters.values())
        note = "" if ratio is not None else "the source's landmarks do not move at all"
        return Figure(
            "landmark_jitter", "face", value, "lower", "widths/s2", own, ratio, count, note=note
        )
