"""The DAG of ``pipeline bench inversion``: one start, every inverter from it, figures of each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from configs.bench_table import SYNTHESISED, Row, Subject
from configs.directions import known_directions
from configs.inversion import GENERATOR, HEADS
from pipeline.failure import UsageError
from pipeline.plan import Each, Node, Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.bench_edits import AddEditFigures
from stages.bench_figures import MeasureInversion
from stages.bench_inversion import RunInverter
from stages.bench_starts import StartAtMean, StartNear
from stages.crop_faces import CropFaces
from stages.detect import DetectFaces
from stages.encode import EncodeFaces
from stages.encoder_weights import EncoderWeights
from stages.evaluation import IdentityWeights
from stages.face_choice import check_choice
from stages.flow import EstimateFlow
from stages.initialise import InitialiseLatents
from stages.inverters.choice import METHODS, AnyMethod, find_method
from stages.inverters.joint import ABLATION
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
)
from stages.probe import Probe
from stages.shots import FindShots
from stages.synthesised import RenderSequence, SampleSequences
from stages.track import TrackFaces

GiveWeights = Callable[[str], tuple[Path, str]]
WINDOW = 5
"""Frames of a window: paper 003's N."""
SLOWEST = 8.0
"""Frames a second that a clip is taken to have at least, to read no more of it than is needed."""
NO_ENCODER = "needs the encoder, which is not here"


class BenchInversion(BaseModel):
    """Settings of a bench."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    inverters: tuple[str, ...] = ()
    """By name; without one all, or none beside an ablation. The first, or joint where it is among
    them, is what others are related to."""
    ablation: bool = False
    """Ours with one part changed each."""
    steps: int = Field(default=40, ge=1)
    """Of every optimiser, for each window."""
    frames: int = Field(default=2 * WINDOW, ge=WINDOW)
    """Frames of each clip, in whole windows."""
    start: Literal["encoder", "mean"] = "encoder"
    """The encoder's codes with the track's offset, or the mean latent."""
    face: str = "largest"
    """largest or track:N."""

    synthesised: int = Field(default=0, ge=0)
    """Sequences of paper 003's synthesised set to invert as well."""

    @field_validator("inverters")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            find_method(name)
        return tuple(dict.fromkeys(names))

    @field_validator("face")
    @classmethod
    def _one(cls, text: str) -> str:
        if text == "all":
            raise UsageError("A bench looks at one face of a clip: largest or track:N.")
        return check_choice(text)

    @property
    def methods(self) -> dict[str, AnyMethod]:
        """Settings of each row of the table, by its name."""
        chosen = self.inverters or (() if self.ablation else tuple(METHODS))
        ablation = tuple(ABLATION) if self.ablation else ()
        named = {name: find_method(name) for name in (*ablation, *chosen)}
        return {n: m.model_copy(update={"steps": self.steps}) for n, m in named.items()}

    @property
    def windows(self) -> int:
        """Of each clip."""
        return self.frames // WINDOW

    def plan(
        self,
        clips: Sequence[SourceClip],
        weights: GiveWeights,
        encoder: tuple[Path, str] | None,
        identity: tuple[Path, str] | None = None,
    ) -> tuple[Plan, list[Subject]]:
        """All stages, wired, and what there is to compare: a node of figures each.

        Args:
            clips: with a face each.
            weights: gives an entry's folder and digest.
            encoder: file and sha256, where there is one.
            identity: file and sha256 of a user's recognition network.

        Raises:
            UsageError: the start is the encoder's, and there is none.
        """
        if encoder is None and self.start == "encoder":
            raise UsageError("There is no encoder to start from: use --start mean.")
        bench = _Bench(self, weights, encoder, identity)
        names = [clip.path.name for clip in clips]
        for number, clip in enumerate(clips):
            name = names[number] if names.count(names[number]) == 1 else str(clip.path)
            bench.add_clip(name, number, clip)
        if self.synthesised:
            bench.add_synthesised()
        return bench.plan, bench.subjects


class _Bench:
    """A plan that grows clip by clip."""

    def __init__(
        self,
        settings: BenchInversion,
        weights: GiveWeights,
        encoder: tuple[Path, str] | None,
        identity: tuple[Path, str] | None,
    ) -> None:
        self.settings = settings
        self.plan = plan = Plan()
        self.subjects: list[Subject] = []
        folder, sha256 = weights(HEADS)
        self.models = plan.given(
            "face_models", FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        )
        self.generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
        self.heads = plan.given(
            "heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR)
        )
        self.perceptual = plan.given(
            "perceptual", PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
        )
        self.encoder = encoder and plan.given("encoder", EncoderWeights(*encoder, GENERATOR))
        self.identity = identity and plan.given("identity", IdentityWeights(*identity))
        self.networks = {
            "generator": self.generator,
            "heads": self.heads,
            "perceptual": self.perceptual,
        }

    def add_clip(self, shown: str, number: int, clip: SourceClip) -> None:
        """Its first windows, and every inverter on them."""
        plan = self.plan

        def name(node: str) -> str:
            return f"{node}_{number}"

        source = plan.given(name("clip"), clip)
        end = (self.settings.frames + 1) / SLOWEST
        video = plan.add(name("video"), Probe(end=end), clip=source)
        shots = plan.add(name("shots"), FindShots(), clip=source, video=video)
        faces = plan.add(
            name("faces"), DetectFaces(), face_models=self.models, clip=source, video=video
        )
        tracks = plan.add(name("tracks"), TrackFaces(), faces=faces, shots=shots, video=video)
        alignment = plan.add(
            name("alignment"), AlignFaces(face=self.settings.face), tracks=tracks, shots=shots,
            video=video,
        )  # fmt: skip
        windows = plan.add(
            name("windows"), CropFaces(span=WINDOW - 1), clip=source, video=video,
            alignment=alignment,
        )  # fmt: skip
        if self.settings.start == "mean":
            start = self.start_at_mean(name("start"), windows)
        else:
            encoded = self.encoded(name("encoded"), windows)
            offset = plan.add(
                name("offset"), InitialiseLatents(steps=self.settings.steps), clip=source,
                video=video, alignment=alignment, encoder=self.encoder, **self.networks,
            )  # fmt: skip
            start = plan.add(name("start"), StartNear(), encoded=Each(encoded), starts=offset)
        count = self.settings.windows
        self.add_inverters(shown, str(number), windows, start, count)

    def add_synthesised(self) -> None:
        """Faces whose codes are known, and every inverter on them."""
        plan, count = self.plan, self.settings.synthesised
        known = tuple(plan.given(f"direction_{d.name}", d) for d in known_directions())
        truth = plan.add(
            "sequences", SampleSequences(samples=count, frames=WINDOW), generator=self.generator,
            directions=known,
        )  # fmt: skip
        faces = plan.add(
            "faces_synthesised", RenderSequence(), codes=Each(truth), generator=self.generator,
            heads=self.heads,
        )  # fmt: skip
        if self.settings.start == "mean":
            start = self.start_at_mean("start_synthesised", faces)
        else:
            start = self.encoded("start_synthesised", faces)
        made = self.add_inverters(SYNTHESISED, SYNTHESISED, faces, start, count)
        for subject, run in made:
            edited = plan.add(
                f"edits of {subject.node}", AddEditFigures(), figures=plan.nodes[subject.node],
                made=run, truth=truth, directions=known, **self.networks,
            )  # fmt: skip
            self.subjects.append(Subject(subject.row, node=edited.name))
            self.subjects.remove(subject)

    def start_at_mean(self, name: str, windows: Node) -> Node:
        return self.plan.add(
            name, StartAtMean(), generator=self.generator, heads=self.heads, faces=Each(windows)
        )

    def encoded(self, name: str, windows: Node) -> Node:
        return self.plan.add(
            name, EncodeFaces(), faces=Each(windows), generator=self.generator,
            encoder=self.encoder,
        )  # fmt: skip

    def add_inverters(
        self, clip: str, number: str, windows: Node, start: Node, count: int
    ) -> list[tuple[Subject, Node]]:
        """All inverters on the first windows, from this start: their figures, and their runs."""
        added: list[tuple[Subject, Node]] = []
        flow = self.plan.add(f"flow_{number}", EstimateFlow(), faces=Each(windows))
        for label, method in self.settings.methods.items():
            if method.needs_encoder and self.encoder is None:
                self.subjects.append(Subject(Row(clip, label), note=NO_ENCODER))
                continue
            stage = RunInverter(method=method, windows=count)
            made = self.plan.add(
                f"{label}_{number}", stage, faces=windows, flow=flow, start=start,
                encoder=self.encoder if method.needs_encoder else None, **self.networks,
            )  # fmt: skip
            figures = self.plan.add(
                f"figures of {label}_{number}", MeasureInversion(), made=made, faces=windows,
                perceptual=self.perceptual, face_models=self.models, identity=self.identity,
            )  # fmt: skip
            added.append((Subject(Row(clip, label), node=figures.name), made))
        self.subjects += [subject for subject, _ in added]
        return added
