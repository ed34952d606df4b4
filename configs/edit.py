"""The DAG of ``pipeline run``: probe to verified clip, on one page."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from configs.directions import find_direction, known_directions, own_directions
from configs.inversion import GENERATOR, GiveWeights, give_networks, invert
from configs.people import NODE as PEOPLE
from configs.people import by_content, give_people, sha256_of
from configs.photo import as_clip, refuse_for_photo
from configs.presets import MOVING, PRESETS, SPACING, PresetName
from configs.transfer import Transfer, add_transfers, check_together, prefixes
from pipeline.artifact import Artifact
from pipeline.face_list import photographs_of
from pipeline.failure import Failure, InputError, UsageError
from pipeline.plan import Plan
from stages.artifacts import Alignment, SourceClip, Video
from stages.check_output import CheckOutput
from stages.direction_file import DEGREES, read_direction
from stages.edit import ComposeEdits, check_edits, faces_of
from stages.edit_steps import KnownDirection
from stages.edit_text import parse_edits
from stages.face_choice import check_choice
from stages.joint_inversion import Precision
from stages.network_weights import AgeGenderWeights
from stages.networks.mobile_stylegan import GeneratorShape
from stages.photo_clip import CheckPhotoOutput
from stages.probe import Probe
from stages.render import RenderClip
from stages.render_photo import RenderPhoto
from stages.safe_edits import SafeEdits
from stages.verify import Verify
from stages.verify_photo import VerifyPhoto


class EditClip(BaseModel):
    """Settings of a whole run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    gates: ClassVar[tuple[str, ...]] = ("output",)
    """Nodes that are done first, because they can refuse the rest."""
    outlook: ClassVar[tuple[str, ...]] = ("output", "video", "alignment")
    """Nodes that a dry run does."""

    directions: tuple[Path, ...] = ()
    """Direction files of the user's own; one that is named as one that ships is taken for it."""
    edits: tuple[str, ...] = ()
    """NAME=STRENGTH each, in standard deviations (age=+2), years (age=+10y) or degrees
    (yaw=+15deg), with keyframes or for a track as ``stages.edit_text`` has them."""
    transfers: tuple[Transfer, ...] = ()
    """Whose motion, or change, the face is given."""
    face: str = "largest"
    """largest, all, track:N or like:PHOTO: whom edits without a track of their own are for."""
    identity: Path | None = None
    """A recognition network's checkpoint, by which the people in photographs are known again."""
    preset: PresetName = "standard"
    """draft or standard."""
    precision: Precision = "fp32"
    """Of the generator's features, in inversion and render: fp32 or bf16."""
    start: float | None = Field(default=None, ge=0)
    """Seconds from the clip's beginning."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the clip's beginning."""
    codec: str | None = None
    """Video encoder."""
    crf: float | None = None
    """Quality on the encoder's scale, a whole number."""
    compare: bool = False
    """Source and result side by side."""
    clamp: bool = False
    """Keep strengths inside the safe range of each face."""
    suffix: str = ".mp4"
    """Of the output's container."""

    @field_validator("edits")
    @classmethod
    def _known(cls, texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        own = own_directions(info.data.get("directions", ()), GENERATOR)
        edits = parse_edits(texts)
        known = {edit.name: KnownDirection.read(find_direction(edit.name, own)) for edit in edits}
        check_edits(edits, known, GeneratorShape().rows)
        return texts

    @field_validator("transfers")
    @classmethod
    def _apart(cls, transfers: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
        check_together(transfers)
        return transfers

    @field_validator("face")
    @classmethod
    def _selector(cls, text: str) -> str:
        return check_choice(text, photographs=True)

    @model_validator(mode="after")
    def _knows_people(self) -> Self:
        photographs = photographs_of(self._whom)
        if not photographs:
            return self
        if self.identity is None:
            raise UsageError(
                "--face like: needs a recognition network, which we do not ship: "
                "--identity mobilefacenet.pth."
            )
        for path in (*map(Path, photographs), self.identity):
            sha256_of(path)
        return self

    @field_validator("crf")
    @classmethod
    def _whole(cls, value: float | None) -> float | None:
        if value is not None and value != int(value):
            raise UsageError(f"crf {value} is not a whole number.")
        return value

    def plan(self, clip: SourceClip, weights: GiveWeights) -> Plan:
        """All stages, wired. The node ``result`` holds the verified clip."""
        plan, preset = Plan(), PRESETS[self.preset]._replace(precision=self.precision)
        source = as_clip(plan, clip)
        ages = plan.given("age_gender", AgeGenderWeights("age-gender", *weights("age-gender")))
        networks = give_networks(plan, weights)
        asked = parse_edits(self.edits)
        names = dict.fromkeys(edit.name for edit in asked)
        own = own_directions(self.directions, GENERATOR)
        directions = tuple(plan.given(f"direction_{n}", find_direction(n, own)) for n in names)

        video = plan.add("video", Probe(start=self.start, end=self.end), clip=source)
        photo = plan.nodes.get("photo")
        check: CheckOutput | CheckPhotoOutput = CheckOutput(suffix=self.suffix, codec=self.codec)
        if photo is not None:
            check = CheckPhotoOutput(suffix=self.suffix)
            refuse_for_photo(
                clip.path.name, start=self.start, end=self.end, codec=self.codec, crf=self.crf,
                compare=self.compare, transfer=self.transfers or None,
            )  # fmt: skip
        plan.add("output", check, clip=source, video=video)
        whom = self._whom
        face = by_content(whom)
        moved = any(each.use.mode == "motion" for each in self.transfers)
        found = invert(
            plan, networks, source, video, face=face, preset=preset,
            spacing=0 if moved else SPACING,
            people=give_people(plan, whom, self.identity, networks.face_models),
        )  # fmt: skip

        edits = None
        if self.edits or not self.transfers:
            edits = plan.add(
                "edits",
                ComposeEdits(
                    edits=self.edits,
                    face=by_content(self.face) if photographs_of(whom) else self.face,
                    generator=GENERATOR,
                    rows=GeneratorShape().rows,
                ),
                directions=directions,
                tracks=found.tracks,
                shots=found.shots,
                video=video,
                alignment=found.alignment,
                likeness=found.likeness,
            )
        if edits is not None and directions:
            edits = plan.add(
                "safe_edits", SafeEdits(clamp=self.clamp), edits=edits, latents=found.latents,
                alignment=found.alignment, directions=directions,
            )  # fmt: skip
        if photo is not None:
            assert edits is not None  # only a transfer could have taken its place
            picture = RenderPhoto(
                largest=preset.render, precision=self.precision, suffix=self.suffix
            )
            painted = plan.add(
                "rendered", picture, photo=photo, clip=source, video=video,
                alignment=found.alignment, latents=found.latents, edits=edits,
                generator=networks.generator, heads=networks.heads, person=networks.person,
            )  # fmt: skip
            plan.add(
                "result", VerifyPhoto(), photo=photo, alignment=found.alignment, rendered=painted,
                edits=edits, age_gender=ages,
            )  # fmt: skip
            return plan
        crf = None if self.crf is None else int(self.crf)
        render = RenderClip(
            largest=preset.render,
            precision=self.precision,
            codec=self.codec,
            crf=crf,
            suffix=self.suffix,
            compare=self.compare,
        )
        if moved:
            render = render.model_copy(update={"smoothing": MOVING})
        if self.transfers:
            edits = add_transfers(
                plan, networks, self.transfers, found, video, edits,
                preset=preset, smoothing=render.smoothing,
            )  # fmt: skip
        rendered = plan.add(
            "rendered", render, clip=source, video=video, alignment=found.alignment,
            latents=found.latents, edits=edits, generator=networks.generator, heads=networks.heads,
            person=networks.person,
        )  # fmt: skip
        plan.add(
            "result", Verify(compare=self.compare), clip=source, video=video,
            alignment=found.alignment, rendered=rendered, edits=edits, age_gender=ages,
        )  # fmt: skip
        return plan

    @property
    def _whom(self) -> str:
        """Whose faces are edited, by the edits' own tracks as well."""
        return faces_of(parse_edits(self.edits), self.face)

    @property
    def first(self) -> tuple[str, ...]:
        """The gates, and the faces of references and photographs: without one there is nothing to
        begin."""
        references = prefixes(self.transfers)
        known = [PEOPLE] if photographs_of(self._whom) else []
        aligned = (f"{p}alignment" for p, t in references.items() if not t.is_file)
        return (*self.gates, *known, *aligned)

    def told(self, failure: Failure) -> Failure:
        """The failure, with the reference or the photograph named where it is about one."""
        for path in photographs_of(self.face):
            with suppress(InputError):  # it may be gone by now
                text = failure.text.replace(f"like:{sha256_of(Path(path))}", f"like:{path}")
                failure = replace(failure, text=text)
        for prefix, transfer in prefixes(self.transfers).items():
            if failure.node.startswith(prefix):
                text = f"the reference {transfer.reference.path}: {failure.text}"
                return replace(failure, text=text)
        return failure

    def look(self, results: Mapping[str, Artifact]) -> str:
        """What a dry run says of the clip."""
        video, alignment = results["video"], results["alignment"]
        assert isinstance(video, Video) and isinstance(alignment, Alignment)
        shown = alignment.weight > 0
        width, height = video.upright_size
        length = float(video.seconds[-1] - video.seconds[0])
        lines = [
            f"{video.frames} frames of {width}x{height}, {length:.2f} s, {video.codec}",
            f"{len(set(alignment.frame[shown].tolist()))} frames would be edited",
        ]
        for track in sorted(set(alignment.track.tolist())):
            frames = alignment.frame[(alignment.track == track) & shown]
            if len(frames):
                lines.append(f"track {track}: frames {frames[0]} to {frames[-1]}")
        return "\n".join(lines)


def edit_help(files: tuple[Path, ...] = ()) -> str:
    """Names, units and ranges of all edits, and how they are written.

    Args:
        files: directions of the user's own.
    """
    lines = ["NAME=STRENGTH; strength in standard deviations over the generator's own faces."]
    known = {d.name: d for d in (*known_directions(), *own_directions(files, GENERATOR))}
    for direction in known.values():
        header, _ = read_direction(direction.file)
        other = ""
        if header.sigmas_of(1) is not None:
            other = f", or years ({header.name}=+10y)"
        elif header.unit == DEGREES:
            other = f", or degrees ({header.name}=+15deg)"
        lines.append(f"{header.name:12} -3 to +3{other}")
    return "\n".join([*lines, "", *HOW_TO_WRITE])


HOW_TO_WRITE = (
    "several     age=+2,smile=-1 or --edit age=+2 --edit smile=-1; none takes from another, and",
    "            smile=0 holds the smile where age alone would move it",
    "over time   smile=0@0s,+2@1.5s: 0 up to 0 s of the output, straight to +2 at 1.5 s, then held",
    "            (times as 1.5s or 0:01.5; a part with = begins the next edit)",
    "one face    track:1:age=-2: only that track; edits without a track are for --face",
)
