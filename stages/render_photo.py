"""Stage: synthesise and composite a photograph's faces, at the photograph's own pixels."""

from typing import ClassVar, Literal

import numpy as np

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, Alignment, SourceClip, Video
from stages.code_path import CodePath
from stages.composite import in_frame
from stages.edit_artifacts import Edits, Rendered
from stages.edited_faces import render_size
from stages.inversion_artifacts import Latents
from stages.joint_inversion import Precision
from stages.media.mux import DEFAULT_TAG
from stages.media.photo import changed, open_photo, write_photo
from stages.media.reader import read_planes
from stages.network_weights import GeneratorWeights, HeadWeights, PersonWeights
from stages.renderer import Renderer, load_renderer


class RenderPhoto(Stage):
    """Adds every face's change to the photograph as it was decoded; the rest keeps its values."""

    version: ClassVar[int] = 8
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    largest: Literal[256, 512, 1024] = 1024
    """Largest render; a small face is rendered at what it has in the picture."""
    precision: Precision = "fp32"
    """Of the generator's features."""
    suffix: str = ".png"
    """Of the output."""

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
        photo: SourceClip,
        clip: SourceClip,
        video: Video,
        alignment: Alignment,
        latents: list[Latents],
        edits: Edits,
        context: Context,
    ) -> Rendered:
        path = CodePath(latents, alignment, video, 0.0)
        size = render_size(alignment, loaded.generator, self.largest)
        (frame,) = read_planes(clip.path, video, threads=context.threads)
        faces = loaded.faces(alignment, path, edits, size, context.device)
        width, height = video.upright_size
        delta: F32 = np.zeros((height, width, 3), np.float32)
        for face in faces.edited([(frame, row) for row in path.rows]):
            patch, (x, y) = in_frame(face.alone(), video)
            delta[y : y + patch.shape[0], x : x + patch.shape[1]] += patch
        image = open_photo(photo.path)
        file = context.scratch / f"out{self.suffix}"
        write_photo(image, changed(image, delta), file, f"{DEFAULT_TAG}: {edits.text}")
        return Rendered(
            file=file,
            edited=np.array([bool(path.rows)]),
            psnr=np.concatenate([x.psnr for x in latents]).astype(np.float32),
            render_size=size,
        )
