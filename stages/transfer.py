"""Stage: give a face the motion, or the change, of another one's.

"From Continuity to Editability" (ICCV 2021), section 4.5, with two ways to choose what is given.

*Rows of W+*: the reference's code differences from its first frame, as they are, in place of the
target's own differences from its first frame:

    w'_t = w_t - (w_t - w_0) + s (r_u - r_0)     on the chosen rows, u the same moment

*An attribute* with a direction d, such as mouth: the differences' projections on d say how the
attribute goes, the mesh how much of it there is (``face_motion.explained``), and the step is
as long as this face needs: its first frame is rendered with some of d, and measured.

    w'_t = w_t + d (s (a_u - a_0) - (b_t - b_0)) / m

with a and b the attribute of reference and target and m what a step changes of it. A change is the
difference of the reference's last frame alone, and leaves the target's own motion where it is.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from pipeline.failure import NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, I64, Alignment, Tracks, Video
from stages.code_path import CodePath
from stages.detect import DetectFaces, FaceFinder
from stages.edit_artifacts import Direction, Edits
from stages.edit_steps import KnownDirection, steps_of
from stages.face_motion import MEASURES, explained, measured
from stages.inversion_artifacts import Latents
from stages.joint_inversion import load_generator
from stages.label_samples import render_256
from stages.learn_motion import meshes
from stages.motion_file import Motion, Moves, check_generator, read_motion
from stages.motion_time import moments, principal, resampled
from stages.motion_use import MotionUse
from stages.network_weights import FaceModelWeights, GeneratorWeights, HeadWeights
from stages.networks.rgb_head import RenderableGenerator

TRIED = (0.0, 1.5, 3.0)
"""Sigmas of a direction at which a face is measured."""
LEAST = 0.1
"""Of what a sigma changes on the generator's own faces, a face has to answer with this share."""
FARTHEST = 6.0
"""Sigmas that a face is moved at most."""


@dataclass(frozen=True)
class Measurer:
    """Renders a face, and measures it."""

    generator: RenderableGenerator
    finder: FaceFinder

    def per_sigma(self, code: F32, step: F32, name: str) -> float:
        """What a step changes of an attribute of this face, a sigma.

        Raises:
            NothingToEdit: the attribute does not answer.
        """
        codes = np.stack([code + k * step for k in TRIED])
        found = []
        for crop in render_256(self.generator, torch.tensor(codes)):
            faces = DetectFaces().faces_in(self.finder, crop, [])
            found.append(measured(faces[0].landmarks[None])[0] if faces else None)
        if all(each is not None for each in found):
            seen = np.array(found, np.float64)[:, list(MEASURES).index(name)]
            slope = float(np.polyfit(TRIED, seen, 1)[0])
            if abs(slope) > LEAST * _USUAL[name]:
                return slope
        raise NothingToEdit(f"the {name} of this face does not answer to its direction")


_USUAL = {"mouth": 0.1, "smile": 0.13, "yaw": 17.0}
"""By how much of a measure the generator's own faces differ that lie a sigma apart."""


@dataclass(frozen=True)
class _Target:
    """The rows of the alignment that have codes, and what they are measured by."""

    path: CodePath
    alignment: Alignment
    tracks: Tracks
    times: F64 = field(repr=False)

    def each(self) -> list[I64]:
        """The rows of each track, in order of frames."""
        rows = np.array(self.path.rows, np.int64)
        of = self.alignment.track[rows]
        return [rows[of == track] for track in np.unique(of)]


class TransferMotion(Stage):
    """Adds steps, whose strengths follow references, to the edits that were asked for."""

    version: ClassVar[int] = 3
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=2)

    uses: tuple[MotionUse, ...]
    """One for each motion."""
    generator: str
    """Name of the generator that will render."""
    rows: int
    """Rows of its W+."""
    active: tuple[int, ...]
    """Those that act."""
    smoothing: float = Field(ge=0)
    """As in the render, so that a target's own motion is taken away as it would be shown."""
    most: int = Field(default=64, ge=1)
    """Steps that stand for the motion of rows at most."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        face_models: FaceModelWeights,
        context: Context,
    ) -> Measurer:
        return Measurer(
            load_generator(generator, heads, context),
            DetectFaces().load(face_models=face_models, context=context),
        )

    def run(
        self,
        loaded: Measurer,
        motions: list[Motion],
        directions: list[Direction],
        latents: list[Latents],
        alignment: Alignment,
        tracks: Tracks,
        video: Video,
        context: Context,
        edits: Edits | None = None,
    ) -> Edits:
        """Raises NothingToEdit: an attribute of a face cannot be moved."""
        times = video.seconds[alignment.frame]
        path = CodePath(latents, alignment, video, self.smoothing)
        target = _Target(path, alignment, tracks, times - times[path.rows].min())
        known = {each.name: KnownDirection.read(each) for each in directions}
        parts = _Parts(len(alignment.frame), edits)
        for use, motion in zip(self.uses, motions, strict=True):
            moves = read_motion(motion.file)
            check_generator(moves.header, self.generator, motion.file.name)
            if use.names:
                self._attributes(parts, loaded, use, moves, target, known)
            if rows := use.rows(self.active):
                self._rows(parts, use, moves, target, rows)
        text = [edits.text] if edits else []
        return parts.together(", ".join([*text, *(f"transfer: {use}" for use in self.uses)]))

    def _attributes(
        self,
        parts: "_Parts",
        loaded: Measurer,
        use: MotionUse,
        moves: Moves,
        target: _Target,
        known: dict[str, KnownDirection],
    ) -> None:
        """A step for each attribute; its strength is what the face needs at each moment."""
        steps = steps_of([known[name] for name in use.names], self.rows)
        at = moments(moves.seconds, target.times, use.end)
        for name, (step, *_) in zip(use.names, steps, strict=True):
            header, vector = known[name].header, known[name].vector
            codes = moves.on(header.rows).mean(axis=1) @ vector
            wanted = use.strength * explained(moves.measure(name), codes.astype(np.float64))
            strength = np.zeros(len(target.times))
            for rows in target.each():
                own = target.path.codes(rows.tolist())
                if use.mode == "change":
                    asked = np.full(len(rows), wanted[-1])
                else:
                    asked = resampled(moves.seconds, wanted[:, None], at[rows])[:, 0]
                    along = (own - own[:1])[:, list(header.rows)].mean(axis=1) @ vector
                    seen = measured(meshes(target.alignment, target.tracks, rows))
                    course = seen[:, list(MEASURES).index(name)].astype(np.float64)
                    asked = asked - explained(course, along.astype(np.float64))
                per_sigma = loaded.per_sigma(own[0], step, name)
                strength[rows] = np.clip(asked / per_sigma, -FARTHEST, FARTHEST)
            parts.add(name, step[None], strength[:, None])

    def _rows(
        self,
        parts: "_Parts",
        use: MotionUse,
        moves: Moves,
        target: _Target,
        rows: tuple[int, ...],
    ) -> None:
        """The reference's differences come, and the target's own go."""
        differences = moves.on(rows)
        if use.mode == "change":
            constant = np.full((len(target.times), 1), use.strength)
            parts.add("change", self._whole(differences[-1:], rows), constant)
            return
        steps, course = principal(differences, self.most)
        at = moments(moves.seconds, target.times, use.end)
        strengths = use.strength * resampled(moves.seconds, course, at)
        parts.add("motion", self._whole(steps, rows), strengths)
        for own in target.each():
            codes = target.path.codes(own.tolist())[:, list(rows)]
            steps, course = principal(codes - codes[:1], self.most)
            away = np.zeros((len(target.times), len(steps)))
            away[own] = -course
            parts.add("own motion", self._whole(steps, rows), away)

    def _whole(self, steps: F32, rows: tuple[int, ...]) -> F32:
        whole = np.zeros((len(steps), self.rows, steps.shape[2]), np.float32)
        whole[:, list(rows)] = steps
        return whole


class _Parts:
    """Steps and strengths as they come together."""

    def __init__(self, rows: int, edits: Edits | None) -> None:
        self._rows = rows
        self._beyond = edits.beyond if edits else ()
        self._names: list[str] = list(edits.names) if edits else []
        self._steps: list[F32] = [edits.steps] if edits else []
        self._strengths: list[F32] = [edits.strengths] if edits else []

    def add(self, name: str, steps: F32, strengths: F64) -> None:
        """Steps (k, w_plus rows, style_dim) and their strengths (alignment rows, k)."""
        self._names += [name] * len(steps)
        self._steps.append(steps.astype(np.float32))
        self._strengths.append(strengths.astype(np.float32))

    def together(self, text: str) -> Edits:
        return Edits(
            text=text,
            names=tuple(self._names),
            steps=np.concatenate(self._steps),
            strengths=np.concatenate(self._strengths, axis=1),
            beyond=self._beyond,
        )
