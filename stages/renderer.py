"""What a render needs loaded: the generator, and who tells people from what is behind them."""

from dataclasses import dataclass

from pipeline.stage import Context
from stages.artifacts import Alignment
from stages.code_path import CodePath
from stages.edit_artifacts import Edits
from stages.edited_faces import Faces
from stages.joint_inversion import Precision, load_generator
from stages.matte import Segmentation
from stages.network_weights import GeneratorWeights, HeadWeights, PersonWeights
from stages.networks.rgb_head import RenderableGenerator
from stages.networks.selfie import SelfieSegmentation


@dataclass(frozen=True)
class Renderer:
    """``people``: none where nothing keeps an edit off the background."""

    generator: RenderableGenerator
    people: Segmentation | None = None

    def faces(
        self, alignment: Alignment, path: CodePath, edits: Edits, size: int, device: str
    ) -> Faces:
        """What all frames of a clip have in common."""
        return Faces(self.generator, alignment, path, edits, size, device, self.people)


def load_renderer(
    generator: GeneratorWeights,
    heads: HeadWeights,
    person: PersonWeights | None,
    context: Context,
    precision: Precision,
) -> Renderer:
    """Read the networks of a render from their files.

    Raises:
        MissingDependency: the heads were fitted to another generator.
    """
    people = None if person is None else SelfieSegmentation(person.folder)
    return Renderer(load_generator(generator, heads, context, precision), people)
