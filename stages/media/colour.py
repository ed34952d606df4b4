"""Y'CbCr and R'G'B', by matrix, range and bit depth.

ITU-R BT.601-7, BT.709-6 and BT.2020-2 (non-constant luminance): with Kr, Kb and Kg = 1 - Kr - Kb,

    Y = Kr R + Kg G + Kb B,   Cb = (B - Y) / (2 (1 - Kb)),   Cr = (R - Y) / (2 (1 - Kr)).

Limited range at n bits puts Y in [16, 235] and Cb, Cr in [16, 240] about 128, times 2^(n-8); full
range uses all codes (ITU-T H.273), chroma about 2^(n-1). RGB here always runs over [0, 255].
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from pipeline.failure import InputError
from stages.artifacts import F64, Colour, Video

Matrix = Literal["bt601", "bt709", "bt2020"]
Range = Literal["limited", "full"]

_KR_KB: Final[dict[str, tuple[float, float]]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
# AVCOL_SPC_*: 5 is BT.470BG and 6 SMPTE 170M, both with BT.601's coefficients.
_MATRIX_OF_TAG: Final[dict[int, Matrix]] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
UNSPECIFIED: Final = 2
_HDR_TRANSFER: Final = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}


@dataclass(frozen=True)
class Codes:
    """How R'G'B' in [0, 255] maps to integer codes: ``codes = scale @ rgb + offset``.

    ``scale``: (3, 3), rows Y, Cb, Cr. ``offset``: (3,). ``low, high``: (3,) legal codes.
    """

    scale: F64
    offset: F64
    low: F64
    high: F64

    def to_rgb(self) -> tuple[F64, F64]:
        """(3, 3) and (3,) with ``rgb = m @ codes + t``."""
        inverse: F64 = np.linalg.inv(self.scale).astype(np.float64)
        return inverse, -inverse @ self.offset


def codes(matrix: Matrix, range_: Range, bit_depth: int) -> Codes:
    """The mapping for one kind of video.

    For limited range the codes outside the nominal range are legal (foot and head room) except the
    sync codes, which 8-bit video keeps free at 0 and 255; so edits clip to [1, 254] there.
    """
    kr, kb = _KR_KB[matrix]
    y = np.array([kr, 1.0 - kr - kb, kb])
    cb = (np.array([0.0, 0.0, 1.0]) - y) / (2.0 * (1.0 - kb))
    cr = (np.array([1.0, 0.0, 0.0]) - y) / (2.0 * (1.0 - kr))
    step = float(1 << (bit_depth - 8))
    top = float((1 << bit_depth) - 1)
    if range_ == "limited":
        spans, black, edge = np.array([219.0, 224.0, 224.0]) * step, 16.0 * step, step
    else:
        spans, black, edge = np.array([top, top, top]), 0.0, 0.0
    scale = np.stack([y, cb, cr]) * (spans / 255.0)[:, None]
    middle = 128.0 * step
    return Codes(
        scale=scale,
        offset=np.array([black, middle, middle]),
        low=np.full(3, edge),
        high=np.full(3, top - edge if edge else top),
    )


def codes_of(video: Video) -> Codes:
    """The mapping this video is worked on with."""
    return codes(video.working_matrix, video.working_range, video.bit_depth)


def working_matrix(colour: Colour, height: int) -> Matrix:
    """The matrix to convert with. Untagged: BT.709 from 720 lines up, BT.601 below.

    Raises:
        InputError: the clip is tagged with a matrix we do not implement.
    """
    if colour.matrix == UNSPECIFIED:
        return "bt709" if height >= 720 else "bt601"
    if colour.matrix not in _MATRIX_OF_TAG:
        raise InputError(
            f"the clip's colour matrix has the tag {colour.matrix} (AVCOL_SPC); supported are "
            "1 (BT.709), 5 and 6 (BT.601), 9 (BT.2020) and 2 (untagged)"
        )
    return _MATRIX_OF_TAG[colour.matrix]


def working_range(colour: Colour, pix_fmt: str) -> Range:
    """Full when tagged so or when the format says so (yuvj); limited otherwise."""
    return "full" if colour.range == 2 or pix_fmt.startswith("yuvj") else "limited"


def refuse_hdr(colour: Colour) -> None:
    """Raise InputError for PQ and HLG: editing them as SDR would change their look."""
    if colour.transfer in _HDR_TRANSFER:
        raise InputError(
            f"the clip is HDR, {_HDR_TRANSFER[colour.transfer]}; only standard dynamic range "
            "is supported: convert it to SDR first"
        )
