"""Stages: how many years an edit adds to faces in finished pictures.

Years that are measured on renders promise too much for a photograph: it is given its own skin back
(``stages.detail``), which a small step hardly changes. So photographs are edited by several
strengths as a clip's frames are, and the apparent age is looked up afterwards. It does not rise in
proportion, so that what is kept is a curve: sigmas, and years by each.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.detail import edit_flow, with_moved_detail
from stages.direction_file import read_below, read_direction, write_direction
from stages.edit_artifacts import Direction
from stages.edit_steps import KnownDirection, offset_of
from stages.label_samples import Labellers, LabellingStage
from stages.networks.rgb_head import RenderableGenerator
from stages.photographs import Photograph, PhotographCodes, face_crop
from stages.register import register, registration

STRENGTHS = (-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


@dataclass(frozen=True)
class YearsSeen(Artifact):
    """Of one photograph: the change of the apparent age by each of ``strengths``, in sigmas."""

    strengths: tuple[float, ...]
    years: tuple[float, ...]


class MeasureYears(LabellingStage):
    """Edits one photograph by every strength and tells the age of each result."""

    resources: ClassVar[Resources] = Resources(cpus=1, gpus=0.25, memory_gb=2)

    strengths: tuple[float, ...] = STRENGTHS
    """Of the edits, in sigmas of the direction; in rising order, none of them 0."""
    size: int = Field(default=512, ge=256)
    """Side of crop and render in pixels; the generator needs a head for it."""

    def run(
        self,
        loaded: Labellers,
        photograph: Photograph,
        codes: PhotographCodes,
        direction: Direction,
        context: Context,
    ) -> YearsSeen:
        source = face_crop(loaded.finder, photograph.path, self.size)
        known = KnownDirection.read(direction)
        (inverted,) = render(loaded.generator, codes.w_plus, self.size, context.device)
        shown = [source]
        for done, strength in enumerate(self.strengths):
            moved = codes.w_plus + offset_of(known, strength, codes.w_plus.shape[1])
            (edited,) = render(loaded.generator, moved, self.size, context.device)
            shown.append(finished(source, inverted, edited))
            context.progress(done + 1, len(self.strengths))
        ages = loaded.ages.age(np.stack(shown))
        return YearsSeen(self.strengths, tuple(float(age - ages[0]) for age in ages[1:]))


class RecordYears(Stage):
    """Writes a direction file anew, with the years that photographs showed in the mean."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    made_by: str = "pipeline directions years"
    """The command that the file names after the one that made it."""

    def run(self, direction: Direction, seen: list[YearsSeen], context: Context) -> Direction:
        header, vector = read_direction(direction.file)
        mean = np.mean([each.years for each in seen], axis=0)
        known = header.model_copy(
            update={
                "years": curve(seen[0].strengths, mean.tolist()),
                "photographs": len(seen),
                "made_by": f"{header.made_by.partition('; ')[0]}; {self.made_by}",
            }
        )
        below = read_below(direction.file) if header.below else None
        return write_direction(context.scratch / f"{header.name}.safetensors", known, vector, below)


def curve(strengths: tuple[float, ...], years: list[float]) -> tuple[tuple[float, float], ...]:
    """(sigmas, years) rising in both through (0, 0): strengths that add nothing are left out.

    Raises:
        InputError: no strength of one sign changes the age in its own.
    """
    found: list[tuple[float, float]] = [(0.0, 0.0)]
    for sign in (-1, 1):
        reached = 0.0
        along = sorted((k * sign, y * sign) for k, y in zip(strengths, years, strict=True))
        for strength, change in along:
            if strength > 0 and change > reached:
                reached = change
                found.append((round(strength * sign, 4), round(change * sign, 2)))
        if not reached:
            word = "older" if sign > 0 else "younger"
            raise InputError(f"No strength made these faces {word}: there are no years to tell.")
    return tuple(sorted(found))


def render(generator: RenderableGenerator, w_plus: F32, size: int, device: str = "cpu") -> F32:
    """(n, size, size, 3) float32 in [0, 255] of codes (n, rows, style_dim), one at a time."""
    codes = torch.tensor(np.asarray(w_plus, np.float32), device=device)
    with torch.no_grad():
        shown = torch.cat([generator(code[None], size) for code in codes])
    pixels = ((shown + 1) * 127.5).permute(0, 2, 3, 1)
    return np.ascontiguousarray(pixels.cpu().numpy(), np.float32)


def finished(source: U8, inverted: F32, edited: F32) -> U8:
    """(s, s, 3): a photograph's crop with an edit, as in a finished picture, without a mask.

    Args:
        inverted, edited: (s, s, 3) renders in [0, 255].
    """
    own = source.astype(np.float32)
    along = registration(own, inverted).flow()
    registered = register(inverted, edited, *edit_flow(_bytes(edited), _bytes(inverted)), along)
    return _bytes(with_moved_detail(own, *registered))


def _bytes(picture: F32) -> U8:
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
