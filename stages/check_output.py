"""Stage: whether the output can hold the clip, asked before any work is done on it."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import SourceClip, Video
from stages.media.container import check_container


@dataclass(frozen=True)
class OutputPlan(Artifact):
    """The encoder that will write the video."""

    encoder: str


class CheckOutput(Stage):
    """Tries every stream of the clip against the output's container."""

    resources: ClassVar[Resources] = Resources(cpus=1)

    suffix: str
    """Of the output."""
    codec: str | None = None
    """As asked for."""

    def run(self, clip: SourceClip, video: Video, context: Context) -> OutputPlan:
        return OutputPlan(check_container(clip.path, video, self.suffix, self.codec).name)
