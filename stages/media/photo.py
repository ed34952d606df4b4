"""Photographs: opened within limits, turned upright, and written back as they were but for pixels.

JPEG, PNG and WebP by Pillow, told by their first bytes and never by their name.
"""

import warnings
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin

from pipeline.failure import InputError, OutputRefused
from stages.artifacts import F32, U8
from stages.media.limits import Limits

FORMATS: Final = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
"""What can be written, by suffix."""
LOSSLESS: Final = ("PNG", "WEBP")
_MODES: Final = ("RGB", "RGBA", "L")
_ORIENTATION: Final = ExifTags.Base.Orientation
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes the stored pixels of each EXIF orientation upright; 1 is upright."""
_BACK: Final = _UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
_GREY: Final = np.array([0.299, 0.587, 0.114], np.float32)
# IPTC's term for a picture that generative AI took part in, as XMP; written where there is no XMP.
_LABEL: Final = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/'
    b'compositeWithTrainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def is_photo(path: Path) -> bool:
    """Whether the first bytes are those of a JPEG, PNG or WebP file."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        head[:4] == b"RIFF" and head[8:] == b"WEBP"
    )


def open_photo(path: Path, limits: Limits = Limits()) -> Image.Image:  # noqa: B008  # frozen
    """The decoded picture with all that Pillow knows of it.

    Raises:
        InputError: damaged, over a limit, animated, or of a kind that would come out wrong.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is damaged beside the picture
            return _loaded(file, path.name, limits)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path.name} is not a readable JPEG, PNG or WebP ({error})") from error


def _loaded(file: BinaryIO, name: str, limits: Limits) -> Image.Image:
    image = Image.open(file, formats=("JPEG", "PNG", "WEBP"))
    width, height = image.size
    if width > limits.max_width or height > limits.max_height:
        raise InputError(
            f"{name} has {width}x{height} pixels; up to {limits.max_width}x"
            f"{limits.max_height} are permitted"
        )
    if width * height > limits.max_pixels:
        raise InputError(
            f"{name} has {width * height} pixels; up to {limits.max_pixels} are permitted"
        )
    # A JPEG may hold further pictures (depth, a second view); the first is the photograph.
    if image.format in LOSSLESS and getattr(image, "n_frames", 1) > 1:
        raise InputError(f"{name} is animated; give a photo or a clip")
    if image.mode not in _MODES:
        raise InputError(
            f"{name} has pixels of kind {image.mode}; 8-bit RGB, RGBA and grey are supported"
        )
    image.load()
    return image


def upright(image: Image.Image) -> U8:
    """(h, w, 3) uint8 RGB as a viewer sees it, without its transparency."""
    turned = image.convert("RGB")
    if how := _UPRIGHT.get(orientation(image)):
        turned = turned.transpose(how)
    return np.asarray(turned, np.uint8)


def orientation(image: Image.Image) -> int:
    """EXIF's number, 1 to 8; 1 where it says nothing or something else."""
    found, _ = _exif(image)
    return found if found in _UPRIGHT else 1


def changed(image: Image.Image, delta: F32) -> Image.Image:
    """The stored picture with ``delta`` added, everything else as it was.

    Args:
        image: as opened.
        delta: (h, w, 3) RGB in units of 8 bits, upright; where it is 0, samples keep their value.
    """
    grey = image.mode == "L"
    before = upright(image).astype(np.float32)
    after = before[..., :1] + (delta @ _GREY)[..., None] if grey else before + delta
    pixels = np.clip(np.rint(after), 0, 255).astype(np.uint8)
    made = Image.fromarray(pixels[..., 0] if grey else pixels)
    if how := _BACK.get(orientation(image)):
        made = made.transpose(how)
    if image.mode == "RGBA":
        made.putalpha(image.getchannel("A"))
    return made


def write_photo(source: Image.Image, made: Image.Image, path: Path, tag: str) -> None:
    """Write ``made`` with the colour profile, EXIF, XMP and resolution of ``source``.

    A JPEG from a JPEG keeps its quantisation; PNG and WebP are written without loss. The small
    picture that EXIF may hold is left out: it would show the face as it was.

    Args:
        tag: says that the picture was edited, as the file's comment (JPEG and PNG).

    Raises:
        OutputRefused: the kind of file cannot hold the picture, or what is known of it.
    """
    kind = FORMATS[path.suffix.lower()]
    info = source.info
    kept: dict[str, object] = {"icc_profile": info.get("icc_profile")}
    _, exif = _exif(source)
    if exif:
        kept["exif"] = exif
    if "dpi" in info and kind != "WEBP":
        kept["dpi"] = info["dpi"]
    xmp = info.get("xmp") or _LABEL
    if kind == "JPEG":
        if made.mode == "RGBA":
            raise OutputRefused(f"{path.name} cannot be transparent, and the photo is; name a PNG.")
        kept |= {"comment": _comment(info.get("comment"), tag), "xmp": xmp, "optimize": True}
        if isinstance(source, JpegImagePlugin.JpegImageFile):
            kept["qtables"] = source.quantization
            kept["subsampling"] = JpegImagePlugin.get_sampling(source)
        else:
            kept |= {"quality": 95, "subsampling": 0}
    elif kind == "PNG":
        words = PngImagePlugin.PngInfo()
        for key, value in getattr(source, "text", {}).items():
            if key not in ("Comment", "XML:com.adobe.xmp"):
                words.add_itxt(key, value)
        words.add_itxt("Comment", _comment(info.get("Comment"), tag).decode())
        words.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        kept["pnginfo"] = words
    else:
        kept |= {"xmp": xmp, "lossless": True, "exact": True}
    try:
        made.save(path, kind, **kept)
    except ValueError as error:
        raise OutputRefused(f"{path.name} cannot hold what the photo holds ({error}).") from error


def _exif(image: Image.Image) -> tuple[int, bytes]:
    """Orientation and bytes of the EXIF, without its second directory, where the small picture
    lies; 1 and nothing where it is not there or cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = image.getexif()
            if not len(found):
                return 1, b""
            number, data = found.get(_ORIENTATION, 1), found.tobytes()
    except Exception:  # a stranger's bytes: its parser ends in many ways, and none is our fault
        return 1, b""
    return number if isinstance(number, int) else 1, data


def _comment(before: object, tag: str) -> bytes:
    text = before.decode("utf-8", "replace") if isinstance(before, bytes) else str(before or "")
    return f"{text}; {tag}".lstrip("; ").encode()
