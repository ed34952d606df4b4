"""Photographs are opened within limits and written back as they were, but for what was changed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin

from pipeline.failure import InputError, OutputRefused
from stages.media.limits import Limits
from stages.media.photo import (
    changed,
    is_photo,
    open_photo,
    orientation,
    upright,
    write_photo,
)

PROFILE = b"not a real profile, but bytes that have to stay"
ORIENTATION = ExifTags.Base.Orientation


def pixels(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    random = np.random.default_rng(0)
    bands = {"RGB": 3, "RGBA": 4, "L": 1}[mode]
    smooth = random.integers(0, 256, (6, 10, bands), dtype=np.uint8).squeeze()
    return Image.fromarray(smooth, mode=None).resize(size, Image.Resampling.BILINEAR)


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[ORIENTATION] = orientation
    found[ExifTags.Base.Model] = "Camera 7"
    return found


def saved(path: Path, mode: str = "RGB", orientation: int = 1, **more: object) -> Path:
    pixels(mode).save(path, icc_profile=PROFILE, exif=exif(orientation), **more)
    return path


def patch(height: int, width: int) -> np.ndarray:
    """60 brighter in the upper left quarter, as a viewer sees it."""
    delta = np.zeros((height, width, 3), np.float32)
    delta[: height // 2, : width // 2] = 60
    return delta


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_photo_is_known_by_its_first_bytes(suffix: str, tmp_path: Path) -> None:
    assert is_photo(saved(tmp_path / f"a{suffix}").rename(tmp_path / "a.mp4"))
    clip = tmp_path / "b.jpg"
    clip.write_bytes(b"\x00\x00\x00\x20ftypisom")
    assert not is_photo(clip) and not is_photo(tmp_path / "none.jpg") and not is_photo(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright_and_back(orientation: int, tmp_path: Path) -> None:
    source = open_photo(saved(tmp_path / "a.png", orientation=orientation))
    before = upright(source)
    assert before.shape[:2] == ((24, 40) if orientation < 5 else (40, 24))
    delta = patch(*before.shape[:2])
    out = tmp_path / "b.png"
    write_photo(source, changed(source, delta), out, "edited")
    written = open_photo(out)
    assert written.size == source.size
    assert written.getexif()[ORIENTATION] == orientation
    wanted = np.clip(before.astype(int) + delta.astype(int), 0, 255)
    np.testing.assert_array_equal(upright(written), wanted)


@pytest.mark.parametrize(("mode", "suffix"), [
    ("RGB", ".png"), ("RGBA", ".png"), ("L", ".png"), ("RGB", ".webp"), ("RGBA", ".webp"),
])  # fmt: skip
def test_without_loss_nothing_but_the_change_differs(
    mode: str, suffix: str, tmp_path: Path
) -> None:
    more = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    source = open_photo(saved(tmp_path / f"a{suffix}", mode, **more))
    delta, out = patch(24, 40), tmp_path / f"b{suffix}"
    write_photo(source, changed(source, delta), out, "edited")
    written = open_photo(out)
    assert (written.mode, written.format) == (source.mode, source.format)
    a, b = (np.asarray(image).reshape(24, 40, -1).astype(int) for image in (source, written))
    same = ~delta[..., 0].astype(bool)
    np.testing.assert_array_equal(a[same], b[same])
    colours = 1 if mode == "L" else 3
    np.testing.assert_array_equal(
        b[~same][:, :colours], np.clip(a[~same][:, :colours] + 60, 0, 255)
    )
    np.testing.assert_array_equal(a[..., colours:], b[..., colours:])


def test_profile_exif_resolution_and_words_stay(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "on the beach")
    words.add_text("Author", "somebody")
    for name, more in (("a.png", {"pnginfo": words}), ("a.jpg", {"comment": b"on the beach"})):
        source = open_photo(saved(tmp_path / name, dpi=(300, 300), **more))
        out = tmp_path / f"out-{name}"
        write_photo(source, source.copy(), out, "edited with generative AI: age=+2")
        written = open_photo(out)
        assert written.info["icc_profile"] == PROFILE
        assert written.getexif()[ExifTags.Base.Model] == "Camera 7"
        assert [round(float(v)) for v in written.info["dpi"]] == [300, 300]
        said = written.info.get("comment", b"").decode() or written.info["Comment"]
        assert said == "on the beach; edited with generative AI: age=+2"
        xmp = written.info["xmp"]
        assert b"compositeWithTrainedAlgorithmicMedia" in xmp
    assert open_photo(tmp_path / "out-a.png").text["Author"] == "somebody"  # type: ignore[attr-defined]


def test_xmp_of_the_photo_is_kept(tmp_path: Path) -> None:
    pixels().save(tmp_path / "a.jpg", xmp=b"<x:xmpmeta>mine</x:xmpmeta>")
    source = open_photo(tmp_path / "a.jpg")
    for suffix in (".jpg", ".png", ".webp"):
        write_photo(source, source.convert("RGB"), tmp_path / f"b{suffix}", "edited")
        assert b"mine" in open_photo(tmp_path / f"b{suffix}").info["xmp"]


def test_a_jpeg_keeps_its_quantisation(tmp_path: Path) -> None:
    source = open_photo(saved(tmp_path / "a.jpg", quality=71, subsampling=1))
    write_photo(source, changed(source, patch(24, 40)), tmp_path / "b.jpg", "edited")
    written = open_photo(tmp_path / "b.jpg")
    assert written.quantization == source.quantization  # type: ignore[attr-defined]
    assert JpegImagePlugin.get_sampling(written) == 1
    # Whole blocks of 16 pixels away from the change.
    a, b = (upright(image)[:, 32:].astype(int) for image in (source, written))
    assert abs(a - b).mean() < 3, "far from the change it is nearly the same"


def test_the_small_picture_in_exif_is_left_out(tmp_path: Path) -> None:
    """It would show the face as it was."""
    found = exif()
    small = b"\xff\xd8\xff\xe0the face as it was\xff\xd9"
    head = found.tobytes()
    # Pillow writes no second directory: it is appended here, as cameras do.
    tiff = bytearray(head[6:])
    order = "big" if tiff[:2] == b"MM" else "little"
    first = int.from_bytes(tiff[4:8], order)  # type: ignore[arg-type]
    count = int.from_bytes(tiff[first : first + 2], order)  # type: ignore[arg-type]
    at = len(tiff)
    tiff[first + 2 + 12 * count : first + 6 + 12 * count] = at.to_bytes(4, order)  # type: ignore[arg-type]

    def entry(tag: int, value: int) -> bytes:
        parts = ((tag, 2), (4, 2), (1, 4), (value, 4))
        return b"".join(v.to_bytes(n, order) for v, n in parts)  # type: ignore[arg-type]

    entries = entry(0x0201, at + 2 + 24 + 4) + entry(0x0202, len(small))
    tiff += (2).to_bytes(2, order) + entries + bytes(4) + small  # type: ignore[arg-type]
    pixels().save(tmp_path / "a.jpg", exif=head[:6] + bytes(tiff))
    assert b"the face as it was" in (tmp_path / "a.jpg").read_bytes()
    source = open_photo(tmp_path / "a.jpg")
    write_photo(source, source.copy(), tmp_path / "b.jpg", "edited")
    assert b"the face as it was" not in (tmp_path / "b.jpg").read_bytes()
    assert open_photo(tmp_path / "b.jpg").getexif()[ExifTags.Base.Model] == "Camera 7"


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\xff", b"MM\x00=", b""])
def test_exif_that_cannot_be_read_is_left_out(damage: bytes, tmp_path: Path) -> None:
    head = exif(6).tobytes()
    pixels().save(tmp_path / "a.jpg", exif=head[:6] + damage + head[6 + len(damage) or 14 :])
    source = open_photo(tmp_path / "a.jpg")
    write_photo(source, changed(source, patch(*upright(source).shape[:2])), tmp_path / "b.jpg", "x")
    assert orientation(open_photo(tmp_path / "b.jpg")) == orientation(source)


def test_what_is_transparent_is_no_jpeg(tmp_path: Path) -> None:
    source = open_photo(saved(tmp_path / "a.png", "RGBA"))
    with pytest.raises(OutputRefused, match=r"b\.jpg cannot be transparent"):
        write_photo(source, source.copy(), tmp_path / "b.jpg", "edited")


def bomb(path: Path) -> Path:
    """A PNG of 30000 x 30000 in a few bytes: only its header says so."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_hostile_photos_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.jpg").read_bytes()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole[: len(whole) // 2])
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"\x89PNG\r\n\x1a\n")
    moving = tmp_path / "moving.webp"
    frames = [pixels(), pixels().rotate(90)]
    frames[0].save(moving, save_all=True, append_images=frames[1:], duration=100)
    deep, palette, tiff = tmp_path / "deep.png", tmp_path / "palette.png", tmp_path / "a.tiff"
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(deep)
    pixels().quantize(16).save(palette)
    pixels().save(tiff)
    for path, said in (
        (cut, "cut.jpg is not a readable JPEG"),
        (empty, "empty.png is not a readable"),
        (bomb(tmp_path / "bomb.png"), "bomb.png"),
        (moving, "moving.webp is animated"),
        (deep, "has pixels of kind I;16; 8-bit RGB"),
        (palette, "has pixels of kind P"),
        (tiff, "is not a readable JPEG"),
    ):
        with pytest.raises(InputError, match=said) as told:
            open_photo(path)
        assert "\n" not in str(told.value)
    small = Limits(max_pixels=500)
    with pytest.raises(InputError, match=r"has 960 pixels; up to 500 are permitted"):
        open_photo(tmp_path / "a.jpg", small)
    with pytest.raises(InputError, match=r"has 40x24 pixels; up to 32x8192 are permitted"):
        open_photo(tmp_path / "a.jpg", Limits(max_width=32))
