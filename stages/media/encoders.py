"""Which encoder, with which settings: as near to the source as 42 dB in every frame asks.

Measured on seven reference clips, whole and as 60-frame cuts (planes decoded, encoded again; worst
plane of the worst frame; bytes against the source's own). libx264 medium at CRF 21 without
adaptive quantisation and macroblock tree: 43.2 to 49 dB for 0.1 to 2.3 times the bytes, so one
setting serves all clips and no probing of the rate is needed. Adaptive quantisation moves bits for
the eye and against the measure: 0.6 dB worse with 15 % more bytes at the same CRF. The macroblock
tree reads memory that nobody wrote (FFmpeg 8's x264 with AVX-512; MALLOC_PERTURB_ shows it), so the
same frames gave other bytes in another process; without it CRF 21 is what 19 was with it.
The other encoders' scales differ; theirs were
set to the same quality. libx265 runs at a constant QP: at CRF 20 its files were four times as large
as at CRF 19 (FFmpeg 8.0's build), while QP behaved.
"""

from dataclasses import dataclass
from typing import Final

from av.codec import Codec

from pipeline.failure import OutputRefused, UsageError
from stages.artifacts import Video


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg's. ``crf`` is near-transparent; ``crf_range`` what it accepts."""

    name: str
    codec: str
    crf: int
    crf_range: tuple[int, int]
    options: tuple[tuple[str, str], ...]
    rate: str = "crf"
    even_only: bool = False

    def supports(self, pix_fmt: str) -> bool:
        """Whether this build has the encoder, and it takes the pixel format."""
        try:
            formats = Codec(self.name, "w").video_formats or []
        except ValueError:
            return False
        return pix_fmt in {f.name for f in formats}


ENCODERS: Final[tuple[Encoder, ...]] = (
    Encoder(
        "libx264",
        "h264",
        21,
        (0, 51),
        (("preset", "medium"), ("aq-mode", "0"), ("mbtree", "0")),
        even_only=True,
    ),
    Encoder(
        "libx265",
        "hevc",
        20,
        (0, 51),
        (("preset", "fast"), ("x265-params", "log-level=error:aq-mode=0")),
        rate="qp",
        even_only=True,
    ),
    Encoder(
        "libvpx-vp9",
        "vp9",
        22,
        (0, 63),
        (("deadline", "good"), ("cpu-used", "4"), ("b", "0"), ("row-mt", "1")),
    ),
    Encoder("libsvtav1", "av1", 18, (1, 63), (("preset", "8"),)),
    Encoder("libaom-av1", "av1", 18, (0, 63), (("cpu-used", "6"), ("b", "0"), ("row-mt", "1"))),
)
_FAMILY: Final = {"h264": "h264", "hevc": "hevc", "vp9": "vp9", "vp8": "vp9", "av1": "av1"}


def encoder_pix_fmt(video: Video) -> str:
    """The format handed to the encoder: yuvj is yuv with the range told apart."""
    return video.pix_fmt.replace("yuvj", "yuv")


def choose_encoder(video: Video, codec: str | None = None) -> Encoder:
    """The encoder of the source's own family, or the one that was asked for.

    Args:
        video: the source.
        codec: a family (h264, hevc, vp9, av1) or an encoder's name; None for the source's family.
            H.264 stands in for families that nobody should write any more.

    Raises:
        UsageError: no such codec.
        OutputRefused: the codec that was asked for cannot hold these pictures.
    """
    pix_fmt = encoder_pix_fmt(video)
    odd = (video.width % 2 or video.height % 2) and "444" not in pix_fmt
    able = [e for e in ENCODERS if e.supports(pix_fmt) and not (odd and e.even_only)]
    if codec is None:
        family = _FAMILY.get(video.codec, "h264")
        for encoder in sorted(able, key=lambda e: e.codec != family):
            return encoder
        raise OutputRefused(f"this FFmpeg has no encoder for {pix_fmt}")
    if codec not in {n for e in ENCODERS for n in (e.name, e.codec)}:
        named = sorted({e.codec for e in ENCODERS} | {e.name for e in ENCODERS})
        raise UsageError(f"codec {codec!r} is not one of {', '.join(named)}")
    for encoder in able:
        if codec in (encoder.name, encoder.codec):
            return encoder
    raise OutputRefused(
        f"{codec} cannot hold {video.width}x{video.height} {pix_fmt} in this FFmpeg; "
        f"possible here: {', '.join(e.name for e in able) or 'none'}"
    )


def encoder_options(
    encoder: Encoder, crf: int | None, preset: str | None, bit_depth: int = 8
) -> dict[str, str]:
    """FFmpeg options of one encode. Deeper than 8 bits goes two steps finer: of the
    tests' picture, 41.7 dB at 10 bits became 42.8.

    Raises:
        UsageError: the CRF is outside the encoder's scale.
    """
    value = encoder.crf - 2 * (bit_depth > 8) if crf is None else crf
    low, high = encoder.crf_range
    if not low <= value <= high:
        raise UsageError(f"crf {value} is not in {low}..{high}, the scale of {encoder.name}")
    options = dict(encoder.options) | {encoder.rate: str(value)}
    if preset is not None and "preset" in options:
        options["preset"] = preset
    return options
