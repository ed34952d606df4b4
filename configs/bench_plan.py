"""How the plan of a bench grows: clips and synthesised sets, and every inverter on each."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from configs.bench_table import CURVED, Row, Subject
from configs.directions import known_directions
from configs.inversion import GENERATOR, HEADS
from pipeline.plan import Each, Node, Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.bench_consistency import AddEditingConsistency, ShowEdited
from stages.bench_edits import AddEditFigures
from stages.bench_figures import MeasureInversion
from stages.bench_inversion import RunInverter
from stages.bench_starts import StartAtMean, StartNear
from stages.crop_faces import CropFaces
from stages.detect import DetectFaces
from stages.edit_artifacts import Direction
from stages.encode import EncodeFaces
from stages.encoder_weights import EncoderWeights
from stages.evaluation import IdentityWeights, NiqeWeights
from stages.flow import EstimateFlow
from stages.initialise import InitialiseLatents
from stages.inverters.choice import AnyMethod
from stages.joint_inversion import Precision
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

if TYPE_CHECKING:
    from configs.bench import BenchInversion

GiveWeights = Callable[[str], tuple[Path, str]]
StartName = Literal["encoder", "mean"]
WINDOW = 5
"""Frames of a window: paper 003's N."""
SLOWEST = 8.0
"""Frames a second that a clip is taken to have at least, to read no more of it than is needed."""
NO_ENCODER = "needs the encoder, which is not here"
EDITS = ("age", "smile", "yaw")
"""Directions of the synthesised sets and of edits, as far as they ship: few, and the same however
many do, so that figures stay comparable."""


@dataclass(frozen=True)
class Rival:
    """A row of the table: an inverter with its settings, and where it starts."""

    label: str
    method: AnyMethod
    start: StartName
    precision: Precision = "fp32"


@dataclass(frozen=True)
class Files:
    """What is given from outside. ``encoder``, ``identity``, ``niqe``: only where they are."""

    weights: GiveWeights
    encoder: tuple[Path, str] | None = None
    identity: tuple[Path, str] | None = None
    niqe: tuple[Path, str] | None = None


def bench_directions() -> list[Direction]:
    """Those of ``EDITS`` that ship."""
    return [each for each in known_directions() if each.name in EDITS]


class Bench:
    """A plan that grows. ``subjects``: what there is to compare, a node of figures each."""

    def __init__(self, settings: "BenchInversion", files: Files) -> None:
        self.settings = settings
        self.plan = plan = Plan()
        self.subjects: list[Subject] = []
        self.inversions: dict[Row, Node] = {}
        self.truths: dict[str, Node] = {}
        weights = files.weights
        folder, sha256 = weights(HEADS)
        self.models = plan.given(
            "face_models", FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        )
        self.encoder = files.encoder and plan.given(
            "encoder", EncoderWeights(*files.encoder, GENERATOR)
        )
        self.identity = files.identity and plan.given("identity", IdentityWeights(*files.identity))
        self.niqe = files.niqe and plan.given("niqe", NiqeWeights("niqe", *files.niqe))
        self.generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
        self.heads = plan.given(
            "heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR)
        )
        self.perceptual = plan.given(
            "perceptual", PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
        )
        self.networks = {
            "generator": self.generator,
            "heads": self.heads,
            "perceptual": self.perceptual,
        }
        self.directions = tuple(plan.given(f"direction_{d.name}", d) for d in bench_directions())

    def add_clip(
        self, shown: str, number: int, clip: SourceClip, among: Container[str] | None = None
    ) -> None:
        """Its first windows, and every rival on them, or those of the labels in ``among``."""
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
        offset = None
        if "encoder" in self.settings.start:
            steps = self.settings.start_steps
            offset = plan.add(
                name("offset"), InitialiseLatents(steps=steps, most=6 * steps), clip=source,
                video=video, alignment=alignment, encoder=self.encoder, **self.networks,
            )  # fmt: skip
        self._add_inverters(shown, str(number), windows, offset, self.settings.windows, among)

    def add_sequences(
        self, shown: str, stage: SampleSequences, among: Container[str] | None = None
    ) -> None:
        """Faces whose codes are known, and every rival on them, or those in ``among``."""
        truth = self.plan.add(
            f"sequences_{shown}", stage, generator=self.generator, directions=self.directions
        )
        self.truths[shown] = truth
        faces = self.plan.add(
            f"faces_{shown}", RenderSequence(), codes=Each(truth), generator=self.generator,
            heads=self.heads,
        )  # fmt: skip
        self._add_inverters(shown, shown, faces, None, stage.samples, among)

    def _add_inverters(
        self, clip: str, number: str, windows: Node, offset: Node | None, count: int,
        among: Container[str] | None,
    ) -> None:  # fmt: skip
        """The rivals on the first windows: their codes, and the figures of those."""
        flow = self.plan.add(f"flow_{number}", EstimateFlow(), faces=Each(windows))
        starts = {
            kind: self._start(kind, number, windows, offset)
            for kind in dict.fromkeys(self.settings.start)
        }
        for rival in self.settings.rivals:
            if among is not None and rival.label not in among:
                continue
            row = Row(clip, rival.label)
            if rival.method.needs_encoder and self.encoder is None:
                self.subjects.append(Subject(row, note=NO_ENCODER))
                continue
            made = self._invert(f"{rival.label}_{number}", rival, windows, flow,
                                starts[rival.start], count)  # fmt: skip
            self.inversions[row] = made
            figures = self.plan.add(
                f"figures of {rival.label}_{number}", MeasureInversion(), made=made, faces=windows,
                perceptual=self.perceptual, face_models=self.models, identity=self.identity,
                niqe=self.niqe,
            )  # fmt: skip
            if clip in self.truths or self.settings.edits:
                figures = self.plan.add(
                    f"edits of {rival.label}_{number}",
                    AddEditFigures(path="curved" if clip == CURVED else "straight"),
                    figures=figures, made=made, truth=self.truths.get(clip),
                    directions=self.directions, niqe=self.niqe, **self.networks,
                )  # fmt: skip
            if self.settings.lec:
                figures = self._again(rival, number, windows, offset, count, made, figures)
            self.subjects.append(Subject(row, node=figures.name))

    def _invert(
        self, name: str, rival: Rival, windows: Node, flow: Node, start: Node, count: int
    ) -> Node:
        return self.plan.add(
            name,
            RunInverter(method=rival.method, windows=count, precision=rival.precision),
            faces=windows, flow=flow, start=start,
            encoder=self.encoder if rival.method.needs_encoder else None,
            **self.networks,
        )  # fmt: skip

    def _again(
        self, rival: Rival, number: str, windows: Node, offset: Node | None, count: int,
        made: Node, figures: Node,
    ) -> Node:  # fmt: skip
        """Figures with LEC: what was made is edited, and inverted again from a start of its own."""
        name = f"{rival.label}_{number}"
        direction = self.directions[0]
        edited = self.plan.add(
            f"edited by {name}", ShowEdited(), made=made, faces=windows, direction=direction,
            **self.networks,
        )  # fmt: skip
        flow = self.plan.add(f"flow edited by {name}", EstimateFlow(), faces=Each(edited))
        start = self._start(rival.start, f"edited by {name}", edited, offset)
        again = self._invert(f"{name} again", rival, edited, flow, start, count)
        return self.plan.add(
            f"consistency of {name}", AddEditingConsistency(), figures=figures, made=made,
            again=again, direction=direction, **self.networks,
        )  # fmt: skip

    def _start(self, kind: StartName, name: str, windows: Node, offset: Node | None) -> Node:
        if kind == "mean":
            return self.plan.add(
                f"mean_{name}", StartAtMean(), generator=self.generator, heads=self.heads,
                faces=Each(windows),
            )  # fmt: skip
        encoded = self.plan.add(
            f"encoded_{name}", EncodeFaces(), faces=Each(windows), generator=self.generator,
            encoder=self.encoder,
        )  # fmt: skip
        if offset is None:
            return encoded
        return self.plan.add(f"start_{name}", StartNear(), encoded=Each(encoded), starts=offset)
