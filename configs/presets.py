"""Draft and standard: how much work goes into an inversion and a render."""

from typing import Literal, NamedTuple

from stages.joint_inversion import Precision

PresetName = Literal["draft", "standard"]


class Preset(NamedTuple):
    """Steps of Adam for the first round of the track's start, for all its rounds and for the two
    waves, the largest render, and in what precision faces are inverted.

    On forty frames of vfr_talking `age=-2` took 14 years where a start had taken 32 steps, and 8
    where it had 40: one run each on one clip, whose years differ by three between processors. Where
    a long way is to go, the windows of `standard` have the steps for the rest.

    There was a `best`, of three times the steps, on every frame: inversions came 2 dB nearer, and
    nothing could be seen of it in the result (docs/BENCH.md).
    """

    start: int
    most: int
    anchors: int
    bridges: int
    render: Literal[512, 1024]
    precision: Precision = "fp32"


PRESETS: dict[PresetName, Preset] = {
    "draft": Preset(start=32, most=256, anchors=20, bridges=11, render=512),
    "standard": Preset(start=32, most=192, anchors=40, bridges=24, render=1024),
}

SPACING = 0.12
"""Seconds that neighbouring frames of an inversion may lie apart. Codes are smoothed over time as
wide as that (``RenderClip.smoothing``), so those between are filled in."""
MOVING = 0.03
"""Sigma in seconds of the smoothing of codes where a face is given another one's motion. The usual
one leaves the fast half of an expression to the source's own detail; here it has to be in the
codes, because it goes."""
