"""The DAG of ``pipeline preview``: that of a run, for a few frames and several strengths.

A face that is named by its track is looked for in the whole clip, where ``pipeline faces`` or a run
has found it before; any other only in the frames that are shown.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from configs.directions import find_direction, own_directions
from configs.inversion import ENCODER, GENERATOR, HEADS
from configs.photo import as_clip
from configs.presets import PRESETS
from pipeline.plan import Each, Node, Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.crop_faces import CropFaces
from stages.detect import DetectFaces
from stages.edit import ComposeEdits, check_edits, faces_of
from stages.edit_range import Shown, parse_range
from stages.edit_steps import KnownDirection
from stages.edit_text import parse_edits
from stages.encode import EncodeFaces
from stages.encoder_weights import EncoderWeights
from stages.face_choice import check_choice
from stages.flow import EstimateFlow
from stages.initialise import InitialiseLatents
from stages.invert_windows import InvertAnchors
from stages.joint_inversion import Precision
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
    PersonWeights,
)
from stages.networks.mobile_stylegan import GeneratorShape
from stages.pick_frames import MomentsAsShots, PickFrames, PickRows
from stages.probe import Probe
from stages.shots import FindShots
from stages.strip import DrawStrip
from stages.track import TrackFaces

GiveWeights = Callable[[str], tuple[Path, str]]


class PreviewClip(BaseModel):
    """Settings of a preview."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    edits: tuple[str, ...]
    """As for a run; one may be a range, NAME=LOW..HIGH."""
    directions: tuple[Path, ...] = ()
    """Direction files of the user's own, as for a run."""
    strengths: int = 7
    """Of the range."""
    frames: int = Field(default=1, ge=1, le=24)
    """Frames at even distances."""
    at: tuple[Annotated[float, Field(ge=0)], ...] = ()
    """Seconds of the clip, instead of ``frames``."""
    face: str = "largest"
    """largest, all or track:N."""
    preset: Literal["draft", "standard"] = "draft"
    """draft or standard: how closely frames are inverted, and how large they are rendered."""
    precision: Precision = "fp32"
    """Of the generator's features, in inversion and render: fp32 or bf16."""

    @field_validator("face")
    @classmethod
    def _selector(cls, text: str) -> str:
        return check_choice(text)

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The strip's columns.

        Raises:
            UsageError: an edit is unknown, cannot be read, or is too strong; see
                ``own_directions``.
            InputError: a direction file cannot be read.
        """
        columns = parse_range(self.edits, self.strengths)
        own = own_directions(self.directions, GENERATOR)
        for column in columns:
            edits = parse_edits(column.edits)
            known = {
                edit.name: KnownDirection.read(find_direction(edit.name, own)) for edit in edits
            }
            check_edits(edits, known, GeneratorShape().rows)
        return columns

    def plan(self, clip: SourceClip, weights: GiveWeights) -> Plan:
        """All stages, wired. The node ``strip`` holds the picture."""
        plan, preset, columns = Plan(), PRESETS[self.preset], self.shown
        asked = parse_edits(columns[0].edits)
        faces = faces_of(asked, self.face)
        source = as_clip(plan, clip)
        generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
        folder, sha256 = weights(HEADS)
        heads = plan.given("heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR))
        effnet = PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
        selfie = PersonWeights("mediapipe-selfie", *weights("mediapipe-selfie"))
        person = plan.given("person", selfie)
        folder, sha256 = weights(ENCODER)
        trained = EncoderWeights(folder / "encoder.safetensors", sha256, GENERATOR)
        encoder = plan.given("encoder", trained)
        networks = {
            "generator": generator, "heads": heads, "perceptual": plan.given("perceptual", effnet),
        }  # fmt: skip
        names = dict.fromkeys(edit.name for edit in asked)
        own = own_directions(self.directions, GENERATOR)
        directions = tuple(plan.given(f"direction_{n}", find_direction(n, own)) for n in names)

        whole, video, shots, tracks = self._follow(plan, source, weights, whole="track:" in faces)
        aligned = plan.add(
            "aligned", AlignFaces(face=faces), tracks=tracks, shots=shots, video=video
        )
        picked = PickRows(frames=self.frames, at=self.at)
        alignment = plan.add("alignment", picked, whole=whole, video=video, alignment=aligned)
        at_hand = {"clip": source, "video": video, "alignment": alignment}

        windows = plan.add("windows", CropFaces(), **at_hand)
        flow = plan.add("flow", EstimateFlow(), faces=Each(windows))
        encoded = plan.add(
            "encoded", EncodeFaces(), faces=Each(windows), generator=generator, encoder=encoder
        )
        starts = plan.add(
            "starts",
            InitialiseLatents(steps=preset.start, most=preset.most, precision=self.precision),
            **at_hand,
            encoder=encoder,
            **networks,
        )
        latents = plan.add(
            "inverted",
            InvertAnchors(steps=preset.anchors, precision=self.precision),
            faces=Each(windows),
            flow=Each(flow),
            encoded=Each(encoded),
            starts=starts,
            **networks,
        )
        edits = []
        for i, column in enumerate(columns):
            stage = ComposeEdits(
                edits=column.edits, face=self.face, generator=GENERATOR, rows=GeneratorShape().rows
            )
            edits.append(
                plan.add(
                    f"edits_{i}", stage, directions=directions, tracks=tracks, shots=shots,
                    video=video, alignment=alignment,
                )
            )  # fmt: skip
        strip = DrawStrip(
            headings=tuple(each.heading for each in columns),
            largest=preset.render,
            precision=self.precision,
        )
        plan.add(
            "strip", strip, **at_hand, latents=latents, edits=tuple(edits), generator=generator,
            heads=heads, person=person,
        )  # fmt: skip
        return plan

    def _follow(
        self, plan: Plan, clip: Node, weights: GiveWeights, *, whole: bool
    ) -> tuple[Node, Node, Node, Node]:
        """The whole clip, the part that is looked at, its shots, and the tracks in them."""
        models = FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        given = plan.given("face_models", models)
        video = plan.add("video", Probe(), clip=clip)
        if whole:
            shots = plan.add("shots", FindShots(), clip=clip, video=video)
            faces = plan.add("faces", DetectFaces(), face_models=given, clip=clip, video=video)
            return video, video, shots, plan.add(
                "tracks", TrackFaces(), faces=faces, shots=shots, video=video
            )  # fmt: skip
        part = plan.add("moments", PickFrames(frames=self.frames, at=self.at), video=video)
        faces = plan.add("faces", DetectFaces(), face_models=given, clip=clip, video=part)
        shots = plan.add("shots", MomentsAsShots(), whole=video, video=part, faces=faces)
        tracks = plan.add("tracks", TrackFaces(), faces=faces, shots=shots, video=part)
        return video, part, shots, tracks
