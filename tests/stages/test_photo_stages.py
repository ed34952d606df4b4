"""A photograph goes through what a clip does, and comes back as a photograph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.failure import InputError, OutputRefused, VerificationFailed
from pipeline.stage import Context
from stages.artifacts import F32, U8, Alignment, SourceClip, Video
from stages.edit_artifacts import Rendered
from stages.inversion_artifacts import Latents
from stages.media.photo import open_photo, upright
from stages.media.reader import read_planes
from stages.outline import mask_hull
from stages.photo_clip import CheckPhotoOutput, PhotoAsClip
from stages.render_photo import RenderPhoto
from stages.renderer import Renderer
from stages.verify_photo import VerifyPhoto
from tests.media_fixtures import probe
from tests.stages import tiny

CENTRE, RADIUS = (64.0, 60.0), 12.0


def photo(folder: Path, name: str = "a.png", orientation: int = 6) -> SourceClip:
    """Upright it is 129 wide and 121 tall."""
    random = np.random.default_rng(1).integers(0, 256, (12, 13, 3), dtype=np.uint8)
    size = (121, 129) if orientation > 4 else (129, 121)
    exif = Image.Exif()
    exif[274] = orientation
    path = folder / name
    Image.fromarray(random).resize(size, Image.Resampling.BICUBIC).save(path, exif=exif)
    return SourceClip(path, "0" * 64)


def as_clip(given: SourceClip, folder: Path) -> tuple[SourceClip, Video]:
    clip = PhotoAsClip().run(given, Context(folder))
    return clip, probe(clip.path)


def test_the_clip_is_one_upright_frame_of_the_photos_colours(tmp_path: Path) -> None:
    for orientation in (1, 6):
        given = photo(tmp_path, orientation=orientation)
        clip, video = as_clip(given, tmp_path)
        assert (video.frames, video.upright_size, video.rotation) == (1, (129, 121), 0)
        assert (video.working_matrix, video.working_range) == ("bt709", "full")
        (frame,) = read_planes(clip.path, video)
        wanted = upright(open_photo(given.path)).astype(int)
        assert abs(frame.rgb().astype(int) - wanted).max() <= 3


class Judge:
    def age(self, crops: U8) -> F32:
        return np.asarray(crops.astype(np.float32).mean(axis=(1, 2, 3)), np.float32)


def rendered(given: SourceClip, folder: Path, strength: float, suffix: str = ".png") -> Rendered:
    clip, video = as_clip(given, folder)
    where = alignment()
    w_plus = np.random.default_rng(0).normal(size=(1, tiny.SHAPE.rows, 16)).astype(np.float32)
    latents = [Latents(0, where.frame, np.full(1, 25, np.float32), w_plus)]
    edits = tiny.edits(where, np.ones((tiny.SHAPE.rows, 16), np.float32), strength)
    stage = RenderPhoto(largest=256, suffix=suffix)
    return stage.run(
        Renderer(tiny.renderable()), given, clip, video, where, latents, edits,
        Context(folder, threads=1),
    )  # fmt: skip


def alignment() -> Alignment:
    return tiny.alignment((0, range(1)), centre=CENTRE, radius=RADIUS)


def verify(given: SourceClip, made: Rendered) -> dict[str, object]:
    edits = tiny.edits(alignment(), np.zeros((tiny.SHAPE.rows, 16), np.float32), 0)
    result = VerifyPhoto().run(
        Judge(),  # type: ignore[arg-type]
        given, alignment(), made, edits, Context(Path()),
    )  # fmt: skip
    return result.report()


def test_only_the_head_changes_and_it_is_verified(tmp_path: Path) -> None:
    given = photo(tmp_path)
    made = rendered(given, tmp_path, 0.5)
    before, after = (upright(open_photo(path)) for path in (given.path, made.file))
    changed = (before != after).any(axis=2)
    hull = mask_hull(tiny.oval(CENTRE, RADIUS))
    (x0, y0), (x1, y1) = np.floor(hull.min(0)).astype(int), np.ceil(hull.max(0)).astype(int)
    assert changed[y0:y1, x0:x1].mean() > 0.2
    changed[y0:y1, x0:x1] = False
    assert not changed.any()
    told = verify(given, made)
    assert (told["frames"], told["edited"], told["outside_psnr_min"]) == (1, 1, 99.0)
    assert told["age_before"] != told["age_after"]


def test_no_edit_is_the_photo_itself(tmp_path: Path) -> None:
    given = photo(tmp_path)
    made = rendered(given, tmp_path, 0.0)
    np.testing.assert_array_equal(open_photo(given.path), open_photo(made.file))


def test_a_jpeg_is_verified_by_its_nearness(tmp_path: Path) -> None:
    given = photo(tmp_path, "a.jpg")
    told = verify(given, rendered(given, tmp_path, 0.5, ".jpg"))
    assert 35 < float(str(told["outside_psnr_min"])) < 99


def test_what_differs_is_not_published(tmp_path: Path) -> None:
    given = photo(tmp_path)
    made = rendered(given, tmp_path, 0.5)
    with Image.open(made.file) as image:
        exif = image.getexif()
        turned, smaller, spoiled = (tmp_path / f"{n}.png" for n in ("turned", "smaller", "spoiled"))
        image.save(turned)
        image.resize((60, 64)).save(smaller, exif=exif)
        pixels = np.array(image)
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(spoiled, exif=exif)
    for path, said in (
        (turned, "orientation 1 instead of 6"),
        (smaller, "size"),
        (spoiled, "Outside the face the output keeps only"),
    ):
        with pytest.raises(VerificationFailed, match=said):
            verify(given, replace(made, file=path))


def test_other_suffixes_and_bad_photos_are_refused(tmp_path: Path) -> None:
    given = photo(tmp_path)
    clip, video = as_clip(given, tmp_path)
    assert CheckPhotoOutput(suffix=".jpeg").run(clip, video, Context(tmp_path)).encoder == "JPEG"
    with pytest.raises(OutputRefused, match=r"cannot be written as \.mp4: \.jpg, \.jpeg, \.png"):
        CheckPhotoOutput(suffix=".mp4").run(clip, video, Context(tmp_path))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    with pytest.raises(InputError, match=r"broken\.jpg is not a readable"):
        PhotoAsClip().run(SourceClip(broken, "1"), Context(tmp_path))
