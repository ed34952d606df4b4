"""The DAG of ``pipeline morph``: two pictures, one inversion, one clip."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from configs.inversion import GiveWeights, Networks, give_networks
from configs.presets import PRESETS, PresetName
from pipeline.failure import Failure, UsageError
from pipeline.fetch import digest
from pipeline.moment import Moment
from pipeline.plan import Node, Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.crop_faces import CropFaces
from stages.detect import DetectFaces
from stages.evaluation import IdentityWeights
from stages.invert_pair import InvertPair
from stages.media.photo import is_photo
from stages.morph import RenderMorph
from stages.photo_clip import PhotoAsClip
from stages.pick_frames import PickFrames
from stages.probe import Probe
from stages.shots import FindShots
from stages.track import TrackFaces

LONGEST = 3000
"""Frames that a morph may have."""


class Morph(BaseModel):
    """Settings of a morph."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seconds: float = Field(default=2.0, gt=0)
    """How long it lasts."""
    fps: float = Field(default=25.0, gt=0, le=240)
    """Frames a second."""
    preset: PresetName = "standard"
    """draft or standard."""
    pace: Literal["even", "linear"] = "even"
    """Equal perceptual distances from frame to frame, or equal steps of the code."""

    @property
    def frames(self) -> int:
        """Both ends included.

        Raises:
            UsageError: less than two, or too many.
        """
        count = round(self.seconds * self.fps)
        if not 2 <= count <= LONGEST:
            raise UsageError(
                f"A morph of {self.seconds:g} s at {self.fps:g} frames a second has {count} "
                f"frames: 2 to {LONGEST} are permitted."
            )
        return count

    def plan(
        self,
        first: Moment,
        second: Moment,
        weights: GiveWeights,
        identity: tuple[Path, str] | None = None,
    ) -> Plan:
        """All stages, wired. The node ``morph`` holds the clip.

        Args:
            first, second: where it begins and ends.
            weights: gives those of the manifest.
            identity: a recognition network's checkpoint and its sha256.

        Raises:
            UsageError: a clip without a time, a photograph with one.
        """
        plan, preset = Plan(), PRESETS[self.preset]
        networks = give_networks(plan, weights)
        ends = {
            name: _face(plan, networks, f"{name}_", moment)
            for name, moment in (("first", first), ("second", second))
        }
        three = {
            "generator": networks.generator,
            "heads": networks.heads,
            "perceptual": networks.perceptual,
        }
        pair = plan.add(
            "ends",
            InvertPair(steps=2 * preset.anchors + 8),
            **ends,
            **three,
            encoder=networks.encoder,
        )
        known = None if identity is None else plan.given("identity", IdentityWeights(*identity))
        render = RenderMorph(
            frames=self.frames,
            fps=self.fps,
            size=preset.render,
            pace=self.pace,
        )
        plan.add(
            "morph", render, ends=pair, face_models=networks.face_models, identity=known, **three
        )
        return plan


def told(failure: Failure, first: Moment, second: Moment) -> str:
    """The failure's sentence, with the picture named that it is about."""
    for prefix, moment in (("first_", first), ("second_", second)):
        if failure.node.startswith(prefix):
            return f"{moment}: {failure.text}"
    return failure.text


def _face(plan: Plan, networks: Networks, prefix: str, moment: Moment) -> Node:
    """The node of the crop (many, of which one is needed) of a picture's largest face."""
    source = SourceClip(path=moment.path.resolve(), sha256=digest(moment.path))
    if is_photo(moment.path):
        if moment.at is not None:
            raise UsageError(f"{moment} is a moment of a clip, and {moment.path.name} is a photo.")
        photo = plan.given(f"{prefix}photo", source)
        clip = plan.add(f"{prefix}clip", PhotoAsClip(), photo=photo)
        video = plan.add(f"{prefix}video", Probe(), clip=clip)
    else:
        if moment.at is None:
            raise UsageError(f"{moment} is a clip: name a moment of it, {moment}@1.5.")
        clip = plan.given(f"{prefix}clip", source)
        whole = plan.add(f"{prefix}whole", Probe(), clip=clip)
        pick = PickFrames(frames=1, at=(moment.at,), around=0)
        video = plan.add(f"{prefix}video", pick, video=whole)
    shots = plan.add(f"{prefix}shots", FindShots(), clip=clip, video=video)
    models = networks.face_models
    faces = plan.add(f"{prefix}faces", DetectFaces(), face_models=models, clip=clip, video=video)
    tracks = plan.add(f"{prefix}tracks", TrackFaces(), faces=faces, shots=shots, video=video)
    alignment = plan.add(
        f"{prefix}alignment", AlignFaces(), tracks=tracks, shots=shots, video=video
    )
    return plan.add(f"{prefix}windows", CropFaces(), clip=clip, video=video, alignment=alignment)
