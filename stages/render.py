"""Stage: synthesise, composite and encode, as one stream; then mux with the rest of the clip.

Pixels never lie on disk between the three: a frame is decoded, its faces are rendered and pasted,
and its planes go to the encoder.
"""

from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Alignment, SourceClip, Video
from stages.code_path import CodePath
from stages.composite import paste
from stages.edit_artifacts import Edits, Rendered
from stages.edited_faces import EditedFace, Faces, render_size
from stages.frame_parallel import FrameThreads, frame_threads
from stages.inversion_artifacts import Latents
from stages.joint_inversion import Precision
from stages.media.mux import DEFAULT_TAG, mux
from stages.media.reader import Frame, read_planes
from stages.media.side_by_side import beside, double
from stages.media.writer import VideoWriter
from stages.network_weights import GeneratorWeights, HeadWeights, PersonWeights
from stages.renderer import Renderer, load_renderer
from stages.steadied import FrameLine, Steadied, last_rows

Item = TypeVar("Item")


class RenderClip(Stage):
    """Edits every frame that has a face; the others pass through as they were decoded."""

    version: ClassVar[int] = 17
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    largest: Literal[256, 512, 1024] = 1024
    """Largest render; a small face is rendered at what it has in the frame."""
    precision: Precision = "fp32"
    """Of the generator's features."""
    smoothing: float = Field(default=0.12, ge=0)
    """Sigma in seconds of the smoothing of codes over time; detail and expression come from the
    source, not from the codes."""
    steadiness: float = Field(default=0.88, ge=0, lt=1)
    """How much of a frame's change comes from the frame before, along the source's flow, and then
    from the frame after."""
    ahead: int = Field(default=12, ge=0, le=64)
    """Frames that are looked ahead for that."""
    flow_steadiness: float = Field(default=0.85, ge=0, lt=1)
    """How much of the edit's own motion comes from the frame before, place by place in the crop."""
    registration_steadiness: float = Field(default=0.6, ge=0, lt=1)
    """The same of the motion from the source to its inversion, which follows expressions."""
    batch: int = Field(default=4, gt=0)
    """Frames that are rendered at once: side by side on a CPU's threads, one batch on a GPU. While
    they are, those before are pasted and encoded."""
    codec: str | None = None
    """Video encoder; none means the clip's own kind."""
    crf: int | None = None
    """Quality on the encoder's scale; none means near-transparent."""
    suffix: str = ".mp4"
    """Of the container."""
    compare: bool = False
    """Source and result side by side."""

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
        edits: Edits,
        context: Context,
    ) -> Rendered:
        path = CodePath(latents, alignment, video, self.smoothing)
        size = render_size(alignment, loaded.generator, self.largest)
        rows_of: dict[int, list[int]] = {}
        for row in path.rows:
            rows_of.setdefault(int(alignment.frame[row]), []).append(row)
        encoded = context.scratch / "video.mp4"
        out = context.scratch / f"out{self.suffix}"
        steadied = Steadied(
            self.registration_steadiness, self.flow_steadiness, self.steadiness, self.ahead
        )
        last, line = last_rows(alignment, path.rows), FrameLine(rows_of)
        shown = double(video) if self.compare else video
        frames = read_planes(clip.path, video, threads=context.threads)
        with (
            VideoWriter(encoded, shown, self.codec, self.crf) as writer,
            frame_threads(context.device) as threads,
        ):
            faces = loaded.faces(alignment, path, edits, size, context.device)
            blocks = self._begun(frames, rows_of, faces, threads)
            for block, parts in _one_ahead(blocks):
                line.add(block)
                for row, face in chain.from_iterable(parts):
                    for index, patch in steadied(face, last=row in last):
                        line.give(index, patch)
                for frame, patches in line.whole():
                    planes = paste(frame.planes, video, patches)
                    writer.write(beside(frame.planes, planes, video) if self.compare else planes)
                context.progress(block[-1].index + 1, video.frames)
        mux(clip.path, shown, encoded, out, f"{DEFAULT_TAG}: {edits.text}")
        edited = np.zeros(video.frames, bool)
        edited[list(rows_of)] = True
        return Rendered(
            file=out,
            edited=edited,
            psnr=np.concatenate([x.psnr for x in latents]).astype(np.float32),
            render_size=size,
        )

    def _begun(
        self,
        frames: Iterator[Frame],
        rows_of: dict[int, list[int]],
        faces: Faces,
        threads: FrameThreads,
    ) -> Iterator[tuple[list[Frame], Iterator[list[tuple[int, EditedFace]]]]]:
        """Blocks of frames, each with its faces and their rows, which are being rendered."""
        while block := list(islice(frames, self.batch)):
            todo = [(f, row) for f in block for row in rows_of.get(f.index, ())]

            def edited(
                part: slice, todo: list[tuple[Frame, int]] = todo
            ) -> list[tuple[int, EditedFace]]:
                rows = (row for _, row in todo[part])
                return list(zip(rows, faces.edited(todo[part]), strict=True))

            yield block, threads.begin(edited, threads.parts(len(todo)))


def _one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same, but the next one is begun before one is given out."""
    for before, _ in pairwise(chain(items, [None])):
        assert before is not None  # only the last is
        yield before
