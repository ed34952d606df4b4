"""From codes to what is pasted: a frame's faces, with the edit and without, with its own detail.

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
from stages.matte import Segmentation, kept_behind, mattes
from stages.media.reader import Frame
from stages.metrics.warp_error import Motion
from stages.networks.rgb_head import RenderableGenerator
from stages.outline import mask_hull, soft_mask
from stages.quad import crop, quad_to_square, side_of
from stages.register import Registration, register, registration
from stages.skin_end import ends_on_skin
from stages.steady import SteadyChange, SteadyFlow, settled

_WEAK, _STRONG = 14.0, 28.0
"""Mean change of R, G and B, in units of 8 bits: a tint of the background, another thing."""
_EDGE = 1 / 16
"""How far from its edge a crop is shown whole, as a share of it."""
_AROUND = 1 / 80
"""How far a strong change reaches, and how softly it ends, as a share of the crop."""


@dataclass(frozen=True)
class EditedRender:
    """A render with the edit. ``edited``: (s, s, 3) float32 RGB in units of 8 bits.

    ``flow`` and ``trust``: from it to the render without (``stages.detail.edit_flow``).
    """

    edited: F32
    flow: F32
    trust: F32


@dataclass(frozen=True)
class HeldRender(EditedRender):
    """A render as strong as the edit was in the frame before; ``share``: how strong it is now,
    compared with that, at most 1."""

    share: float


@dataclass(frozen=True)
class EditedFace:
    """A face of a frame, rendered with the edit and without, in crop pixels.

    ``source``, ``inverted``: (s, s, 3) float32 RGB in units of 8 bits. ``held``: only where the
    strength differs from the frame before. ``registration``: from the source to ``inverted``.
    ``head`` and ``around``: (s, s) alpha of the head, and of what may change about it; ``core``: of
    the face. ``people``: who tells people from what is behind them, none for nobody.
    """

    frame: int
    track: int
    quad: F64
    outline: F32
    source: F32
    inverted: F32
    shown: EditedRender
    held: HeldRender | None
    registration: Registration
    head: F32
    around: F32
    core: F32
    people: Segmentation | None = None

    def change(
        self,
        steady_registration: SteadyFlow,
        steady_flow: SteadyFlow,
        steady: SteadyChange,
        back: Motion | None = None,
    ) -> F32:
        """(s, s, 6) what the edit changes, and the source, both steadied; call in order of frames.

        ``back``: the source's motion to the frame before, none where that was not edited.
        """
        usual = self.held or self.shown
        along = Registration(
            *steady_registration(self.track, self.frame, *self.registration)
        ).flow()
        flow, trust = steady_flow(self.track, self.frame, usual.flow, usual.trust)
        usual_change = self._change(usual, flow, trust, along)
        change = steady(self.track, usual_change, back)
        if self.held is not None:
            flow, trust = steady_flow.move(
                self.track,
                (self.held.flow, self.held.trust),
                (self.shown.flow, self.shown.trust),
                self.held.share,
            )
            asked = self._change(self.shown, flow, trust, along)
            change = steady.move(self.track, usual_change, asked, self.held.share)
        return change

    def alone(self) -> Patch:
        """What is pasted of a frame that has no neighbours."""
        change = self.change(SteadyFlow(0), SteadyFlow(0), SteadyChange(0))
        return self.place(self.mattes(change)).patch(change)

    def mattes(self, change: F32) -> F32 | None:
        """The person before a change and after it (``stages.matte``), if anybody tells."""
        if self.people is None:
            return None
        return mattes(self.people, self.source, self.source + change[..., :3])

    def place(self, people: F32 | None) -> "Place":
        """Where a change of it goes; ``people``: the mattes."""
        source = self.source.astype(np.uint8)  # it came as that
        head, around, core = self.head, self.around, self.core
        return Place(self.frame, self.quad, self.outline, source, head, around, core, people)

    def _change(self, render: EditedRender, flow: F32, trust: F32, along: F32) -> F32:
        registered = register(self.inverted, render.edited, flow, trust, along)
        change = with_moved_detail(self.source, *registered) - self.source
        return np.concatenate((change, self.source), axis=2)


@dataclass(frozen=True)
class Place:
    """Where a face's change goes. Fields as in ``EditedFace``; ``source``: (s, s, 3) uint8.

    ``people``: (h, h, 2) mattes; none where nothing keeps a change off the background.
    """

    frame: int
    quad: F64
    outline: F32
    source: U8
    head: F32
    around: F32
    core: F32
    people: F32 | None

    def patch(self, steadied: F32) -> Patch:
        """What is pasted of a change and the source, (s, s, 6), see ``steady.settled``."""
        change = settled(steadied, self.source)
        if self.people is not None:
            source = self.source.astype(np.float32)
            change = kept_behind(change, source, self.people, self.core)
        alpha = reach(self.head, self.around, change)
        if self.people is not None:
            change = ends_on_skin(change, alpha, self.people)
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
    people: Segmentation | None = None

    def inverted(self, rows: list[int]) -> F32:
        """(n, s, s, 3) renders of these rows of the alignment, without any edit."""
        with torch.no_grad():
            codes = torch.tensor(self.path.codes(rows), device=self.device)
            return _pixels(self.generator(codes, self.size))

    @torch.no_grad()
    def edited(
        self, todo: list[tuple[Frame, int]], inverted: F32 | None = None
    ) -> list[EditedFace]:
        """The edit of each frame's row of the alignment; ``inverted`` if it is known already."""
        if not todo:
            return []
        rows = [row for _, row in todo]
        if inverted is None:
            inverted = self.inverted(rows)
        codes = torch.tensor(self.path.codes(rows), device=self.device)
        offset = self._offset(rows)
        before = self._offset([self._row_before(row) for row in rows])
        varies = np.flatnonzero((offset != before).any(axis=(1, 2)))
        edited = self._render(codes, offset)
        held: dict[int, HeldRender] = {}
        for i, render in zip(
            varies.tolist(), self._render(codes[varies], before[varies]), strict=True
        ):
            was, now = (float(np.linalg.norm(each[i])) for each in (before, offset))
            share = min(1.0, now / was) if was else 1.0
            held[i] = HeldRender(render, *_flow(render, inverted[i]), share)
        return [
            self._face(frame, row, inverted[i], edited[i], held.get(i))
            for i, (frame, row) in enumerate(todo)
        ]

    def _offset(self, rows: list[int]) -> F32:
        """(n, w_plus rows, style_dim) as strong as it is shown."""
        return self.alignment.weight[rows][:, None, None] * self.edits.offset(rows)

    def _row_before(self, row: int) -> int:
        """The same face in the frame before, or the row itself where there is none."""
        at = self.alignment
        follows = row > 0 and at.track[row - 1] == at.track[row]
        return row - 1 if follows and at.frame[row - 1] == at.frame[row] - 1 else row

    def _render(self, codes: torch.Tensor, offset: F32) -> F32:
        if not len(codes):
            return np.zeros((0, self.size, self.size, 3), np.float32)
        moved = codes + torch.tensor(offset, device=self.device)
        return _pixels(self.generator(moved, self.size))

    def _face(
        self, frame: Frame, row: int, inverted: F32, edited: F32, held: HeldRender | None
    ) -> EditedFace:
        quad, outline = self.alignment.quad[row], self.alignment.outline[row]
        source = crop(frame.rgb(), quad, self.size).astype(np.float32)
        square = quad_to_square(quad, self.size)
        return EditedFace(
            frame=frame.index,
            track=int(self.alignment.track[row]),
            quad=quad,
            outline=outline,
            source=source,
            inverted=inverted,
            shown=EditedRender(edited, *_flow(edited, inverted)),
            held=held,
            registration=registration(source, inverted),
            head=soft_mask(outline, square, self.size),
            around=soft_mask(outline, square, self.size, hull_of=mask_hull),
            core=soft_mask(outline, square, self.size, hull_of=np.asarray),
            people=self.people,
        )


def render_size(alignment: Alignment, generator: RenderableGenerator, largest: int) -> int:
    """The smallest render that holds what the crops have, up to ``largest``."""
    side = float(np.median(side_of(alignment.quad)))
    able = [s for s in generator.sizes if s <= largest] or [min(generator.sizes)]
    return next((s for s in able if s >= 0.9 * side), able[-1])


def reach(head: F32, around: F32, change: F32) -> F32:
    """(s, s) alpha: the head's, and further out where the edit replaces one thing by another.

    A face made narrower gives background where the old jaw was: a strong change, which has to be
    shown whole. A generator that also tints its background a little makes a weak one, which would
    be a halo.
    """
    strength = cv2.transform(np.abs(change), np.full((1, 3), 1 / 3))
    # Grown, so that a thin line between two strong changes is shown along with them.
    reached = 2 * round(_AROUND * len(strength)) + 1
    grown = cv2.dilate(strength, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reached, reached)))
    blurred = np.asarray(cv2.GaussianBlur(grown, (0, 0), _AROUND * len(strength)), np.float32)
    t = np.clip((blurred - _WEAK) / (_STRONG - _WEAK), 0, 1)
    alpha = head + (1 - head) * around * (t * t * (3 - 2 * t))
    return np.asarray(_inside(len(alpha)) * alpha, np.float32)


def _inside(size: int) -> F32:
    """(size, size): 1, but that it falls to 0 towards the crop's own edge, where an edit ends."""
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    t = np.minimum(1, np.minimum(at, 1 - at) / _EDGE)
    ramp = t * t * (3 - 2 * t)
    return np.asarray(np.minimum(ramp[:, None], ramp), np.float32)


def _pixels(images: torch.Tensor) -> F32:
    """(n, 3, s, s) in [-1, 1] to (n, s, s, 3) float32 in [0, 255]."""
    return np.ascontiguousarray(((images + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy())


def _bytes(picture: F32) -> U8:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _flow(edited: F32, inverted: F32) -> tuple[F32, F32]:
    return edit_flow(_bytes(edited), _bytes(inverted))
