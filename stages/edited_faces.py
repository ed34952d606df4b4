"""From codes to what is pasted: a frame's faces, rendered twice, with the source's detail.

Rendering is of one frame at a time; what ties frames together is ``stages.steady``.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from stages.artifacts import F32, F64, U8, Alignment
from stages.code_path import CodePath
from stages.composite import Patch
from stages.detail import edit_flow, with_moved_detail
from stages.edit_artifacts import Edits
from stages.media.reader import Frame
from stages.networks.rgb_head import RenderableGenerator
from stages.outline import mask_hull, soft_mask
from stages.quad import crop, quad_to_square
from stages.steady import SteadyChange, SteadyFlow

_WEAK, _STRONG = 14.0, 28.0
"""Mean change of R, G and B, in units of 8 bits: a tint of the background, another thing."""
_AROUND = 1 / 80
"""How far a strong change reaches, and how softly it ends, as a share of the crop."""


@dataclass(frozen=True)
class EditedFace:
    """A face of a frame, rendered twice, in crop pixels.

    ``source``, ``inverted``, ``edited``: (s, s, 3) float32 RGB in units of 8 bits. ``flow`` and
    ``trust``: from the edited to the inverted render (``stages.detail.edit_flow``). ``head`` and
    ``around``: (s, s) alpha of the head, and of what may change about it.
    """

    frame: int
    track: int
    quad: F64
    outline: F32
    source: F32
    inverted: F32
    edited: F32
    flow: F32
    trust: F32
    head: F32
    around: F32

    def patch(self, steady_flow: SteadyFlow, steady: SteadyChange) -> Patch:
        """What is pasted, steadied over time; call in order of frames."""
        flow, trust = steady_flow(self.track, self.frame, self.flow, self.trust)
        result = with_moved_detail(self.source, self.inverted, self.edited, flow, trust)
        change = steady(self.track, self.frame, self.source, result - self.source)
        alpha = reach(self.head, self.around, change)
        return Patch(self.quad, self.outline, change * alpha[..., None])


@dataclass(frozen=True)
class Faces:
    """What all frames of a clip have in common."""

    generator: RenderableGenerator
    alignment: Alignment
    path: CodePath
    edits: Edits
    size: int
    device: str

    @torch.no_grad()
    def edited(self, todo: list[tuple[Frame, int]]) -> list[EditedFace]:
        """The edit of each frame's row of the alignment."""
        if not todo:
            return []
        rows = [row for _, row in todo]
        codes = torch.tensor(self.path.codes(rows), device=self.device)
        offset = torch.tensor(self.edits.offset, device=self.device)
        weight = torch.tensor(self.alignment.weight[rows], device=self.device)[:, None, None]
        inverted = _pixels(self.generator(codes, self.size))
        edited = _pixels(self.generator(codes + weight * offset, self.size))
        return [
            self._face(frame, row, inverted[i], edited[i]) for i, (frame, row) in enumerate(todo)
        ]

    def _face(self, frame: Frame, row: int, inverted: F32, edited: F32) -> EditedFace:
        quad, outline = self.alignment.quad[row], self.alignment.outline[row]
        source = crop(frame.rgb(), quad, self.size).astype(np.float32)
        square = quad_to_square(quad, self.size)
        flow, trust = edit_flow(_bytes(edited), _bytes(inverted))
        return EditedFace(
            frame=frame.index,
            track=int(self.alignment.track[row]),
            quad=quad,
            outline=outline,
            source=source,
            inverted=inverted,
            edited=edited,
            flow=flow,
            trust=trust,
            head=soft_mask(outline, square, self.size),
            around=soft_mask(outline, square, self.size, hull_of=mask_hull),
        )


def reach(head: F32, around: F32, change: F32) -> F32:
    """(s, s) alpha: the head's, and further out where the edit replaces one thing by another.

    A face made narrower gives background where the old jaw was: a strong change, which has to be
    shown whole. A generator that also tints its background a little makes a weak one, which would
    be a halo.
    """
    strength = np.abs(change).mean(axis=2)
    # Grown, so that a thin line between two strong changes is shown along with them.
    reached = 2 * round(_AROUND * len(strength)) + 1
    grown = cv2.dilate(strength, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reached, reached)))
    blurred = np.asarray(cv2.GaussianBlur(grown, (0, 0), _AROUND * len(strength)), np.float32)
    t = np.clip((blurred - _WEAK) / (_STRONG - _WEAK), 0, 1)
    return np.asarray(head + (1 - head) * around * (t * t * (3 - 2 * t)), np.float32)


def _pixels(images: torch.Tensor) -> F32:
    """(n, 3, s, s) in [-1, 1] to (n, s, s, 3) float32 in [0, 255]."""
    return np.ascontiguousarray(((images + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy())


def _bytes(picture: F32) -> U8:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
