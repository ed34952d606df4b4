"""Stands in for configs.edit: real clips, crops, flow, inversion and rendering, a tiny generator.

The face is taken to stay where it is; a clip whose first frame is black has none. For what should
go wrong, ``TROUBLE`` in the driver's environment names a folder: the first inversion that finds a
file there takes it away and does what its name says. ``journal`` in that folder gets a line for
each inversion that begins or ends.
"""

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from pipeline.allocator import keep_memory
from pipeline.failure import Failure, NothingToEdit
from pipeline.plan import Each, Plan
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Alignment, SourceClip, Video
from stages.crop_faces import CropFaces
from stages.edit import parse_edits
from stages.edit_artifacts import Edits, Rendered, Result
from stages.flow import EstimateFlow
from stages.inversion_artifacts import AlignedFaces, Flow, Latents
from stages.joint_inversion import Inverter, invert_jointly
from stages.media.reader import read_planes
from stages.objective import Pairs, Weights
from stages.probe import Probe
from stages.render import RenderClip
from stages.renderer import Renderer
from tests.stages import tiny

ONE = Resources(cpus=1)
MEMORY = 3 << 30
"""Bytes that an inversion takes that is to be killed for it."""


class TinyProbe(Probe):
    resources: ClassVar[Resources] = ONE


class TinyAlign(Stage):
    def run(self, clip: SourceClip, video: Video, context: Context) -> Alignment:
        (first,) = read_planes(clip.path, video, 0, 1)
        if first.rgb().max() < 32:
            raise NothingToEdit("No face was found in the clip.")
        return tiny.alignment((0, range(video.frames)), centre=(64, 48), radius=12)


class TinyCrop(CropFaces):
    resources: ClassVar[Resources] = ONE
    span: int = 4


class TinyFlow(EstimateFlow):
    resources: ClassVar[Resources] = ONE


class TinyInvert(Stage):
    """A few steps from the mean code."""

    steps: int = 1
    trouble: Path | None = Field(default=None, exclude=True)
    crash: bool = Field(default=False, exclude=True)

    def load(self, context: Context) -> Inverter:
        keep_memory()
        return tiny.inverter()

    def run(self, loaded: Inverter, faces: AlignedFaces, flow: Flow, context: Context) -> Latents:
        if self.crash:
            ctypes.string_at(0)
        if self.trouble is not None:
            self._note(f"begins {context.scratch.name}")
            self._meet(self.trouble)
        start = np.repeat(loaded.mean_code()[None], len(faces.frame), axis=0)
        found = invert_jointly(
            loaded,
            faces.crops,
            start,
            Pairs.of(flow, 0, len(faces.frame), "cpu"),
            Weights(),
            steps=self.steps,
            rate=0.05,
            perceptual_size=64,
        )
        kept = len(faces.frame) - faces.joins_next
        if self.trouble is not None:
            self._note(f"ends {context.scratch.name}")
        return Latents(faces.track, faces.frame[:kept], found.psnr[:kept], found.w_plus[:kept])

    def _note(self, line: str) -> None:
        assert self.trouble is not None
        with (self.trouble / "journal").open("a") as file:
            file.write(f"{line}\n")

    def _meet(self, folder: Path) -> None:
        for name in ("hold", "segfault", "memory"):
            try:
                (folder / name).rename(folder / f"{name}.taken")
            except FileNotFoundError:
                continue
            if name == "segfault":
                ctypes.string_at(0)
            held = [np.ones(MEMORY, np.uint8)] if name == "memory" else []
            self._note(f"holding {os.getpid()}")
            time.sleep(120)
            raise AssertionError(f"was left alone with {len(held)} blocks")


class TinyOffset(Stage):
    edits: tuple[str, ...]

    def run(self, alignment: Alignment) -> Edits:
        strength = sum(edit.keys[0].strength.amount for edit in parse_edits(self.edits))
        step = np.full((tiny.SHAPE.rows, tiny.SHAPE.style_dim), 0.2, np.float32)
        return tiny.edits(alignment, step, strength, ",".join(self.edits))


class TinyRender(RenderClip):
    resources: ClassVar[Resources] = ONE

    def load(self, context: Context) -> Renderer:  # type: ignore[override]
        keep_memory()
        torch.set_num_threads(1)
        return Renderer(tiny.renderable())


class TinyResult(Stage):
    def run(self, rendered: Rendered) -> Result:
        return Result(rendered.file, "{}")


class EditClip(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    gates: ClassVar[tuple[str, ...]] = ("video",)
    first: ClassVar[tuple[str, ...]] = gates
    outlook: ClassVar[tuple[str, ...]] = ()
    edits: tuple[str, ...]
    directions: tuple[()] = ()
    transfers: tuple[()] = ()
    face: str
    identity: Path | None
    preset: str
    precision: str
    start: float | None
    end: float | None
    codec: str | None
    crf: float | None
    compare: bool
    clamp: bool
    suffix: str

    def told(self, failure: Failure) -> Failure:
        return failure

    def plan(self, clip: SourceClip, weights: Callable[[str], tuple[Path, str]]) -> Plan:
        named = os.environ.get("TROUBLE")
        trouble = Path(named) if named else None
        plan = Plan()
        source = plan.given("clip", clip)
        video = plan.add("video", TinyProbe(), clip=source)
        alignment = plan.add("alignment", TinyAlign(), clip=source, video=video)
        windows = plan.add("windows", TinyCrop(), clip=source, video=video, alignment=alignment)
        flow = plan.add("flow", TinyFlow(), faces=Each(windows))
        invert = TinyInvert(trouble=trouble, crash="crash" in clip.path.stem)
        inverted = plan.add("inverted", invert, faces=Each(windows), flow=Each(flow))
        edits = plan.add("edits", TinyOffset(edits=self.edits), alignment=alignment)
        render = TinyRender(largest=256, suffix=self.suffix, crf=None)
        rendered = plan.add(
            "rendered", render, clip=source, video=video, alignment=alignment, latents=inverted,
            edits=edits,
        )  # fmt: skip
        plan.add("result", TinyResult(), rendered=rendered)
        return plan
