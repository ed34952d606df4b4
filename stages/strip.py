"""Stage: a few frames by several strengths of an edit, put together as a run puts them."""

from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, U8, Alignment, SourceClip, Video
from stages.code_path import CodePath
from stages.composite import paste
from stages.contact_sheet import contact_sheet, write_png, write_text
from stages.edit_artifacts import Edits
from stages.edited_faces import EditedFace, Faces, render_size
from stages.frame_parallel import frame_threads
from stages.inversion_artifacts import Latents
from stages.joint_inversion import Precision
from stages.look_artifacts import Picture
from stages.media.reader import Frame, read_planes
from stages.network_weights import GeneratorWeights, HeadWeights, PersonWeights
from stages.renderer import Renderer, load_renderer

_ABOUT = 1.3
"""Side of what is shown about a face, in sides of its crop."""


class DrawStrip(Stage):
    """A row a face and frame: the source, then each strength, pasted into the frame.

    There is one frame at a time, so nothing is steadied over time; all else is as in
    ``RenderClip``.
    """

    version: ClassVar[int] = 7
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    headings: tuple[str, ...]
    """Of the strengths, in the order of ``edits``."""
    largest: int = Field(default=512, ge=256)
    """Largest render."""
    precision: Precision = "fp32"
    """Of the generator's features."""
    size: int = Field(default=256, ge=64)
    """Side of a cell in pixels."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        context: Context,
        person: PersonWeights | None = None,
    ) -> Renderer:
        return load_renderer(generator, heads, person, context, self.precision)

    def run(
        self,
        loaded: Renderer,
        clip: SourceClip,
        video: Video,
        alignment: Alignment,
        latents: list[Latents],
        edits: list[Edits],
        context: Context,
    ) -> Picture:
        path = CodePath(latents, alignment, video, 0.0)
        size = render_size(alignment, loaded.generator, self.largest)
        psnr = {
            (item.track, int(at)): float(db)
            for item in latents
            for at, db in zip(item.frame, item.psnr, strict=True)
        }
        rows: list[list[U8]] = []
        told: list[str] = []
        frames = np.unique(alignment.frame).tolist()
        with frame_threads(context.device) as threads:
            for done, at in enumerate(frames):
                (frame,) = read_planes(clip.path, video, at, at + 1, threads=context.threads)
                here = np.flatnonzero(alignment.frame == at).tolist()
                plain = loaded.faces(alignment, path, edits[0], size, context.device)
                inverted = plain.inverted(here)

                def cells(  # all that a lambda would bind late is bound here
                    edit: Edits | None,
                    frame: Frame = frame,
                    here: list[int] = here,
                    plain: Faces = plain,
                    inverted: F32 = inverted,
                ) -> list[U8]:
                    picture = frame.rgb()
                    if edit is not None:
                        faces = replace(plain, edits=edit)
                        found = faces.edited([(frame, row) for row in here], inverted)
                        picture = _pasted(frame, video, found)
                    return [_about(picture, alignment.quad[row], self.size) for row in here]

                columns = threads.each(cells, [None, *edits])
                for i, row in enumerate(here):
                    track = int(alignment.track[row])
                    said = f"track {track}, {float(video.seconds[at]):.2f} s"
                    write_text(columns[0][i], said, (4, self.size - 8))
                    rows.append([column[i] for column in columns])
                    told.append(f"{said}: inversion {psnr[track, at]:.1f} dB at 256")
                context.progress(done + 1, len(frames))
        names = ["source", *self.headings]
        file = context.scratch / "strip.png"
        write_png(file, contact_sheet(rows, [""] * len(rows), names, self.size))
        return Picture(file, tuple(told))


def _pasted(frame: Frame, video: Video, faces: list[EditedFace]) -> U8:
    """The upright frame (h, w, 3) with these faces pasted into it."""
    patches = [face.alone() for face in faces]
    return replace(frame, planes=paste(frame.planes, video, patches)).rgb()


def _about(picture: U8, quad: F64, size: int) -> U8:
    """(size, size, 3) upright square about a crop."""
    centre = quad.mean(axis=0)
    reach = _ABOUT * float(np.ptp(quad, axis=0).max()) / 2
    scale = size / (2 * reach)
    sigma = 0.5 * (1 / scale**2 - 1) ** 0.5 if scale < 1 else 0.0
    smooth = cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0.1 else picture
    move = np.array([[scale, 0, size / 2], [0, scale, size / 2]], np.float64)
    move[:, 2] -= scale * centre
    return np.asarray(cv2.warpAffine(smooth, move, (size, size), flags=cv2.INTER_LINEAR), np.uint8)
