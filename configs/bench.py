"""The DAG of ``pipeline bench inversion``: one start, every inverter from it, figures of each."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from configs.bench_plan import WINDOW, Bench, Files, GiveWeights, Rival, StartName
from configs.bench_table import CURVED, SYNTHESISED, Subject
from configs.presets import PRESETS
from pipeline.failure import UsageError
from pipeline.plan import Plan
from stages.artifacts import SourceClip
from stages.face_choice import check_choice
from stages.inverters.choice import METHODS, find_method
from stages.inverters.joint import ABLATION
from stages.joint_inversion import Precision
from stages.synthesised import SampleCurves, SampleSequences


class BenchInversion(BaseModel):
    """Settings of a bench."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    inverters: tuple[str, ...] = ()
    """By name; without one all, or none beside an ablation. The first, or joint where it is among
    them, is what others are related to."""
    ablation: bool = False
    """Ours with one part changed each."""
    steps: tuple[int, ...] = Field(default=(40,), min_length=1)
    """Of every optimiser, for each window. Of several, every inverter takes each in turn."""
    frames: int = Field(default=2 * WINDOW, ge=WINDOW)
    """Frames of each clip, in whole windows."""
    precision: tuple[Precision, ...] = Field(default=("fp32",), min_length=1)
    """Of the generator while it is inverted; or each in turn."""
    start: tuple[StartName, ...] = Field(default=("encoder",), min_length=1)
    """The encoder's codes with the track's offset, or the mean latent; or each in turn."""
    start_steps: int = Field(default=PRESETS["standard"].start, ge=1)
    """Of the first round of the track's offset, six times as many in all at most, as ``pipeline
    run`` has them; before all inverters, and no part of their seconds."""
    face: str = "largest"
    """largest or track:N."""
    synthesised: int = Field(default=0, ge=0)
    """Sequences of paper 003's synthesised set to invert as well."""
    curved: int = Field(default=0, ge=0)
    """Sequences of its second set, along paths that are not straight."""
    edits: bool = False
    """Edit what was found in clips as well; in the synthesised sets that is always done."""
    lec: bool = False
    """Latent editing consistency, which inverts everything once more."""

    @field_validator("inverters")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            find_method(name)
        return tuple(dict.fromkeys(names))

    @field_validator("steps")
    @classmethod
    def _positive(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if min(steps, default=1) < 1:
            raise UsageError(f"--steps {min(steps)}: at least one step is needed.")
        return tuple(dict.fromkeys(steps))

    @field_validator("face")
    @classmethod
    def _one(cls, text: str) -> str:
        if text == "all":
            raise UsageError("A bench looks at one face of a clip: largest or track:N.")
        return check_choice(text)

    @property
    def rivals(self) -> list[Rival]:
        """The rows of the table. Steps, start and precision are in the label where there are
        several."""
        chosen = self.inverters or (() if self.ablation else tuple(METHODS))
        ablation = tuple(ABLATION) if self.ablation else ()
        found = []
        for name in dict.fromkeys((*ablation, *chosen)):
            method = find_method(name)
            for start in dict.fromkeys(self.start):
                for steps, kind in itertools.product(self.steps, dict.fromkeys(self.precision)):
                    label = name if len(self.steps) == 1 else f"{name} {steps}"
                    label = label if len(self.start) == 1 else f"{label} from {start}"
                    label = label if len(self.precision) == 1 else f"{label} {kind}"
                    method = method.model_copy(update={"steps": steps})
                    found.append(Rival(label, method, start, kind))
        return found

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
        niqe: tuple[Path, str] | None = None,
    ) -> tuple[Plan, list[Subject]]:
        """All stages, wired, and what there is to compare: a node of figures each.

        Args:
            clips: with a face each.
            weights: gives an entry's folder and digest.
            encoder: file and sha256, where there is one.
            identity: file and sha256 of a user's recognition network.
            niqe: folder and sha256 of NIQE's parameters, where they can be had.

        Raises:
            UsageError: the start is the encoder's, and there is none.
        """
        bench = self.build(clips, Files(weights, encoder, identity, niqe))
        return bench.plan, bench.subjects

    def build(self, clips: Sequence[SourceClip], files: Files) -> Bench:
        """The same, for who adds to it. Raises UsageError as ``plan`` does."""
        if files.encoder is None and "encoder" in self.start:
            raise UsageError("There is no encoder to start from: use --start mean.")
        bench = Bench(self, files)
        names = [clip.path.name for clip in clips]
        for number, clip in enumerate(clips):
            name = names[number] if names.count(names[number]) == 1 else str(clip.path)
            bench.add_clip(name, number, clip)
        if self.synthesised:
            bench.add_sequences(SYNTHESISED, SampleSequences(samples=self.synthesised))
        if self.curved:
            bench.add_sequences(CURVED, SampleCurves(samples=self.curved))
        return bench
