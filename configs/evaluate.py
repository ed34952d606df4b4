"""The DAG of ``pipeline evaluate``: find the source's faces, then measure both clips."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.plan import Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.detect import DetectFaces
from stages.evaluate import Evaluate
from stages.evaluation import IdentityWeights, LpipsWeights, NiqeWeights
from stages.face_choice import check_choice
from stages.network_weights import FaceModelWeights, PerceptualWeights
from stages.paired_clips import PairClips
from stages.probe import Probe
from stages.shots import FindShots
from stages.track import TrackFaces

NIQE = "niqe"
LPIPS = "lpips-vgg"
GiveWeights = Callable[[str], tuple[Path, str]]


class EvaluateClip(BaseModel):
    """Settings of an evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    gates: ClassVar[tuple[str, ...]] = ("pair",)
    """Nodes that are done first, because they can refuse the rest."""

    face: str = "largest"
    """largest, all or track:N."""
    start: float | None = Field(default=None, ge=0)
    """Seconds from the source's beginning, where the result shows a part of it."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the source's beginning."""

    @field_validator("face")
    @classmethod
    def _selector(cls, text: str) -> str:
        return check_choice(text)

    def plan(
        self,
        clip: SourceClip,
        result: SourceClip,
        weights: GiveWeights,
        identity: tuple[Path, str] | None = None,
        optional: frozenset[str] = frozenset(),
    ) -> Plan:
        """All stages, wired. The node ``evaluation`` holds the figures.

        Nodes up to ``alignment`` are those of ``pipeline run``, and are found done after one.

        Args:
            clip: the source.
            result: what was made of it.
            weights: gives an entry's folder and sha256.
            identity: file and sha256 of a recognition network.
            optional: which of NIQE and LPIPS can be had.
        """
        plan = Plan()
        source, made = plan.given("clip", clip), plan.given("made", result)
        faces_net = plan.given(
            "face_models", FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        )
        effnet = PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
        networks = {"face_models": faces_net, "perceptual": plan.given("perceptual", effnet)}
        if NIQE in optional:
            networks["niqe"] = plan.given("niqe", NiqeWeights(NIQE, *weights(NIQE)))
        if LPIPS in optional:
            networks["lpips"] = plan.given("lpips", LpipsWeights(LPIPS, *weights(LPIPS)))
        if identity is not None:
            networks["identity"] = plan.given("identity", IdentityWeights(*identity))

        video = plan.add("video", Probe(start=self.start, end=self.end), clip=source)
        made_video = plan.add("made_video", Probe(), clip=made)
        both = {"clip": source, "video": video, "result": made, "result_video": made_video}
        pair = plan.add("pair", PairClips(), **both)
        shots = plan.add("shots", FindShots(), clip=source, video=video)
        faces = plan.add("faces", DetectFaces(), face_models=faces_net, clip=source, video=video)
        tracks = plan.add("tracks", TrackFaces(), faces=faces, shots=shots, video=video)
        alignment = plan.add(
            "alignment", AlignFaces(face=self.face), tracks=tracks, shots=shots, video=video
        )
        plan.add(
            "evaluation", Evaluate(), **both, pair=pair, shots=shots, tracks=tracks,
            alignment=alignment, **networks,
        )  # fmt: skip
        return plan
