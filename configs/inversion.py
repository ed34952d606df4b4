"""A part of many DAGs: the networks, and from a clip the codes of its faces."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from configs.people import People
from configs.presets import Preset
from pipeline.plan import Each, Node, Plan
from stages.align import AlignFaces
from stages.crop_faces import CropFaces
from stages.detect import DetectFaces
from stages.encode import EncodeFaces
from stages.encoder_weights import EncoderWeights
from stages.flow import EstimateFlow
from stages.initialise import InitialiseLatents
from stages.invert_windows import BridgeAnchors, InvertAnchors
from stages.likeness import MeasureLikeness
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
    PersonWeights,
)
from stages.shots import FindShots
from stages.track import TrackFaces

GENERATOR = "mobilestylegan-ffhq"
HEADS = "heads-mobilestylegan-ffhq"
ENCODER = "encoder-mobilestylegan-ffhq"
GiveWeights = Callable[[str], tuple[Path, str]]


@dataclass(frozen=True)
class Networks:
    """Nodes of the weights that an inversion needs."""

    face_models: Node
    generator: Node
    heads: Node
    perceptual: Node
    encoder: Node
    person: Node


@dataclass(frozen=True)
class Inverted:
    """Nodes of a clip's faces: shots, tracks, where they lie, and their codes (many); and how far
    they are those of photographs, where some are named."""

    shots: Node
    tracks: Node
    alignment: Node
    latents: Node
    likeness: Node | None


def give_networks(plan: Plan, weights: GiveWeights) -> Networks:
    """The weights, each a node of its own name."""
    faces = FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
    heads, heads_sha256 = weights(HEADS)
    perceptual = PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
    encoder, encoder_sha256 = weights(ENCODER)
    person = PersonWeights("mediapipe-selfie", *weights("mediapipe-selfie"))
    return Networks(
        person=plan.given("person", person),
        face_models=plan.given("face_models", faces),
        generator=plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR))),
        heads=plan.given(
            "heads", HeadWeights(heads / "heads.safetensors", heads_sha256, GENERATOR)
        ),
        perceptual=plan.given("perceptual", perceptual),
        encoder=plan.given(
            "encoder", EncoderWeights(encoder / "encoder.safetensors", encoder_sha256, GENERATOR)
        ),
    )


def invert(
    plan: Plan,
    networks: Networks,
    clip: Node,
    video: Node,
    *,
    face: str,
    preset: Preset,
    spacing: float = 0,
    prefix: str = "",
    people: People | None = None,
) -> Inverted:
    """Shots to codes: the joint inversion of a clip's consecutive frames.

    Args:
        spacing: seconds that frames which are inverted may lie apart; 0: all are.
        prefix: of the nodes' names, where a plan inverts more than one clip.
        people: those whom ``face`` names by photographs.
    """
    faces_net, encoder = networks.face_models, networks.encoder
    three = {
        "generator": networks.generator,
        "heads": networks.heads,
        "perceptual": networks.perceptual,
    }

    def name(node: str) -> str:
        return prefix + node

    shots = plan.add(name("shots"), FindShots(), clip=clip, video=video)
    faces = plan.add(name("faces"), DetectFaces(), face_models=faces_net, clip=clip, video=video)
    tracks = plan.add(name("tracks"), TrackFaces(), faces=faces, shots=shots, video=video)
    likeness = None
    if people is not None:
        likeness = plan.add(
            name("likeness"), MeasureLikeness(), identity=people.identity, people=people.people,
            clip=clip, video=video, tracks=tracks,
        )  # fmt: skip
    alignment = plan.add(
        name("alignment"), AlignFaces(face=face), tracks=tracks, shots=shots, video=video,
        likeness=likeness,
    )  # fmt: skip

    crops = CropFaces(spacing=spacing)
    windows = plan.add(name("windows"), crops, clip=clip, video=video, alignment=alignment)
    flow = plan.add(name("flow"), EstimateFlow(), faces=Each(windows))
    encoded = plan.add(
        name("encoded"),
        EncodeFaces(),
        faces=Each(windows),
        generator=networks.generator,
        encoder=encoder,
    )
    starts = plan.add(
        name("starts"),
        InitialiseLatents(steps=preset.start, most=preset.most, precision=preset.precision),
        clip=clip,
        video=video,
        alignment=alignment,
        encoder=encoder,
        **three,
    )
    anchors = plan.add(
        name("anchor_windows"),
        InvertAnchors(steps=preset.anchors, precision=preset.precision),
        faces=Each(windows),
        flow=Each(flow),
        encoded=Each(encoded),
        starts=starts,
        **three,
    )
    latents = plan.add(
        name("inverted_windows"),
        BridgeAnchors(steps=preset.bridges, precision=preset.precision),
        faces=Each(windows),
        flow=Each(flow),
        encoded=Each(encoded),
        anchors=Each(anchors),
        following=Each(anchors, offset=1),
        **three,
    )
    return Inverted(shots, tracks, alignment, latents, likeness)
