"""Who is who, by a recognition network that the reference assets have."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.failure import InputError, NothingToEdit, UsageError
from pipeline.stage import Context
from stages.artifacts import KnownPeople, Likeness, Shots, SourceClip, Tracks, Video
from stages.detect import DetectFaces
from stages.evaluation import IdentityWeights
from stages.likeness import MeasureLikeness, frontal
from stages.media.random_access import frames_at
from stages.network_weights import FaceModelWeights
from stages.people import KnowPeople, Recognition
from stages.photographs import Photograph
from stages.probe import Probe
from stages.track import TrackFaces
from stages.yaw import yaw_of

IDENTITY = Path("weights/identity_mobilefacenet/arcface_mobilefacenet.pth")
WHOLE = "0" * 64


@dataclass(frozen=True)
class Scene:
    """A clip of two people, their tracks, and a photograph of each: halves of a later frame."""

    clip: SourceClip
    video: Video
    tracks: Tracks
    people: tuple[Photograph, Photograph]
    loaded: Recognition
    folder: Path


@pytest.fixture(scope="module")
def scene(
    assets: Path, weights: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Scene:
    folder = tmp_path_factory.mktemp("likeness")
    context = Context(folder, threads=1)
    clip = SourceClip(assets / "clips" / "pexels_two_faces.mp4", WHOLE)
    models = FaceModelWeights("mediapipe-faces", weights("mediapipe-faces"), WHOLE)
    loaded = KnowPeople().load(models, IdentityWeights(assets / IDENTITY, WHOLE), context)
    (later,) = frames_at(clip.path, Probe().run(clip, context), [40])
    half = later.shape[1] // 2
    for name, part in (("left", later[:, :half]), ("right", later[:, half:])):
        Image.fromarray(part).save(folder / f"{name}.png")
    video = Probe(end=0.5).run(clip, context)
    faces = DetectFaces().run(loaded.finder, clip=clip, video=video, context=context)
    shots = Shots(np.array([[0, video.frames]], np.int32))
    tracks = TrackFaces().run(faces=faces, shots=shots, video=video, context=context)
    left, right = (Photograph(folder / f"{name}.png", WHOLE) for name in ("left", "right"))
    return Scene(clip, video, tracks, (left, right), loaded, folder)


def known(scene: Scene, *photographs: Photograph) -> KnownPeople:
    return KnowPeople().run(scene.loaded, list(photographs), Context(scene.folder, threads=1))


def likeness(scene: Scene, tracks: Tracks) -> Likeness:
    return MeasureLikeness().run(
        scene.loaded.identity,
        known(scene, *scene.people),
        clip=scene.clip,
        video=scene.video,
        tracks=tracks,
        context=Context(scene.folder, threads=1),
    )


def test_each_is_known_again_and_the_other_is_not(scene: Scene) -> None:
    found = likeness(scene, scene.tracks)
    left, right = (
        float(scene.tracks.box[scene.tracks.track == track][:, 0].mean()) for track in (0, 1)
    )
    order = [0, 1] if left < right else [1, 0]
    own = found.cosine[order, [0, 1]]
    other = found.cosine[order, [1, 0]]
    assert found.track.tolist() == [0, 1] and found.cosine.shape == (2, 2)
    assert own.min() > found.alike + 0.1 and other.max() < found.alike - 0.1, found.cosine


def test_a_photograph_without_a_face_is_told(scene: Scene, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "wall.png")
    with pytest.raises(NothingToEdit, match=r"wall\.png shows no face"):
        known(scene, scene.people[0], Photograph(tmp_path / "wall.png", WHOLE))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png is not a picture"):
        known(scene, Photograph(tmp_path / "text.png", WHOLE))


def test_a_photograph_of_several_people_is_refused(scene: Scene, tmp_path: Path) -> None:
    (left, _) = (np.asarray(Image.open(each.path)) for each in scene.people)
    Image.fromarray(np.hstack([left, left])).save(tmp_path / "both.png")
    with pytest.raises(InputError, match=r"both\.png shows 2 faces of about one size"):
        known(scene, Photograph(tmp_path / "both.png", WHOLE))


def test_other_landmarks_are_refused(scene: Scene) -> None:
    with pytest.raises(UsageError, match="face mesh"):
        likeness(scene, replace(scene.tracks, layout="ibug"))


def test_the_most_frontal_row_of_every_part_is_looked_at(scene: Scene) -> None:
    rows = frontal(scene.tracks, 1, 3)
    own = np.flatnonzero(scene.tracks.track == 1)
    turned = np.abs(yaw_of(scene.tracks.landmarks))
    for row, part in zip(rows.tolist(), np.array_split(own, 3), strict=True):
        assert row in part and turned[row] == turned[part].min()
    missed = replace(scene.tracks, interpolated=np.isin(np.arange(len(turned)), rows))
    assert not set(frontal(missed, 1, 3)) & set(rows), "what the detector found goes first"
    assert len(frontal(scene.tracks, 1, 10_000)) == len(own)
