"""The tables of paper 003 as printed ("From Continuity to Editability", ICCV 2021).

Its generator is StyleGAN (FFHQ, 1024), with 5,000 steps an inverter from the mean latent. Its FID
is on Inception, its LPIPS on VGG-16, its NIQE the MATLAB release's: absolute values do not compare
with ours, ratios between its rows and between ours do.
"""

from dataclasses import dataclass
from typing import Literal

Where = Literal["real", "synthesised", "curved"]
Kind = Literal["reconstruction", "edit", "morph"]
NATURAL = ("NIQE", "FID")
EVERY = ("NIQE", "FID", "LPIPS", "MSE(e-3)")

SETS: dict[Where, str] = {
    "real": "RAVDESS-12 (12 videos, 1,454 frames)",
    "synthesised": "1,000 sequences of five",
    "curved": "1,000 sequences of five by StyleFlow",
}
"""What the paper measured on."""


@dataclass(frozen=True)
class Part:
    """A part of a table: one set, one task. ``rows``: the paper's method to its figures."""

    title: str
    where: Where
    kind: Kind
    metrics: tuple[str, ...]
    rows: dict[str, tuple[float, ...]]


TABLES: dict[int, tuple[Part, ...]] = {
    1: (
        Part("reconstruction", "real", "reconstruction", EVERY, {
            "I2S": (3.770, 16.284, 0.162, 8.791),
            "pSp": (3.668, 29.701, 0.202, 22.337),
            "InD": (3.765, 18.135, 0.193, 9.963),
            "Ours": (3.596, 13.136, 0.148, 5.972),
            "I2S++": (3.358, 0.320, 0.003, 0.174),
            "Ours++": (3.352, 0.311, 0.003, 0.165),
        }),
        Part("reconstruction", "synthesised", "reconstruction", EVERY, {
            "I2S": (3.374, 48.909, 0.271, 35.011),
            "pSp": (3.910, 84.355, 0.391, 46.244),
            "InD": (3.152, 42.773, 0.352, 44.645),
            "Ours": (2.807, 37.225, 0.250, 24.395),
            "I2S++": (2.644, 2.967, 0.014, 1.458),
            "Ours++": (2.597, 2.897, 0.014, 1.432),
        }),
    ),
    2: (
        Part("editing", "real", "edit", NATURAL, {
            "I2S": (3.776, 21.609),
            "pSp": (5.242, 30.128),
            "InD": (3.693, 19.271),
            "Ours": (3.254, 15.482),
        }),
    ),
    3: (
        Part("editing", "synthesised", "edit", EVERY, {
            "I2S": (3.390, 35.894, 0.399, 89.671),
            "pSp": (3.917, 58.342, 0.452, 126.642),
            "InD": (3.193, 48.867, 0.424, 101.563),
            "Ours": (3.163, 33.872, 0.347, 70.224),
        }),
    ),
    4: (
        Part("morphing", "real", "morph", NATURAL, {
            "I2S": (4.255, 40.627),
            "pSp": (5.350, 38.474),
            "InD": (4.051, 38.925),
            "Ours": (3.688, 37.695),
        }),
    ),
    5: (
        Part("morphing", "synthesised", "morph", EVERY, {
            "I2S": (3.389, 31.776, 0.472, 141.432),
            "pSp": (3.800, 30.192, 0.467, 121.834),
            "InD": (3.212, 21.901, 0.469, 125.674),
            "Ours": (3.115, 18.621, 0.402, 98.354),
        }),
    ),
    6: (
        Part("ablation, reconstruction", "real", "reconstruction", EVERY, {
            "Baseline": (3.770, 16.284, 0.162, 8.791),
            "w/o MAC": (3.685, 13.375, 0.151, 8.065),
            "w/o ICC": (3.765, 14.791, 0.160, 8.508),
            "Ours": (3.596, 13.136, 0.148, 5.972),
        }),
    ),
    7: (
        Part("ablation, editing", "real", "edit", NATURAL, {
            "Baseline": (3.776, 21.609),
            "w/o MAC": (3.659, 16.121),
            "w/o ICC": (3.398, 17.274),
            "Ours": (3.254, 15.482),
        }),
    ),
    8: (
        Part("nonlinear set, reconstruction", "curved", "reconstruction", EVERY, {
            "I2S": (3.632, 40.098, 0.252, 30.767),
            "pSp": (3.439, 62.932, 0.323, 79.878),
            "InD": (3.254, 77.692, 0.414, 83.294),
            "Ours": (2.997, 33.692, 0.238, 25.192),
        }),
        Part("nonlinear set, nonlinear editing", "curved", "edit", EVERY, {
            "I2S": (3.940, 48.032, 0.489, 87.361),
            "pSp": (3.974, 64.224, 0.522, 118.285),
            "InD": (3.703, 51.607, 0.471, 99.623),
            "Ours": (3.476, 37.039, 0.403, 69.449),
        }),
    ),
}  # fmt: skip
