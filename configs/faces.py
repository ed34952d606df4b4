"""The DAG of ``pipeline faces``: find and follow, as a run does, and draw."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from configs.photo import as_clip
from pipeline.plan import Plan
from stages.artifacts import SourceClip
from stages.detect import DetectFaces
from stages.network_weights import FaceModelWeights
from stages.probe import Probe
from stages.shots import FindShots
from stages.track import TrackFaces
from stages.track_sheet import DrawTracks

GiveWeights = Callable[[str], tuple[Path, str]]


class ShowFaces(BaseModel):
    """Settings of a look at a clip's faces."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    start: float | None = Field(default=None, ge=0)
    """Seconds from the clip's beginning. A part has track numbers of its own."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the clip's beginning."""

    def plan(self, clip: SourceClip, weights: GiveWeights) -> Plan:
        """All stages, wired. The node ``sheet`` holds the picture.

        Nodes up to ``tracks`` are those of ``pipeline run``: done by one, found done by the other.
        """
        plan = Plan()
        source = as_clip(plan, clip)
        models = FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        given = plan.given("face_models", models)
        video = plan.add("video", Probe(start=self.start, end=self.end), clip=source)
        shots = plan.add("shots", FindShots(), clip=source, video=video)
        faces = plan.add("faces", DetectFaces(), face_models=given, clip=source, video=video)
        tracks = plan.add("tracks", TrackFaces(), faces=faces, shots=shots, video=video)
        plan.add("sheet", DrawTracks(), clip=source, video=video, tracks=tracks)
        return plan
