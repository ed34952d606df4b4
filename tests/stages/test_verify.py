"""The last look: what a good output says of itself, and each fault that is caught."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pipeline.failure import VerificationFailed
from pipeline.stage import Context
from stages.artifacts import F32, U8, Alignment, SourceClip, Video
from stages.edit_artifacts import Edits, Rendered, Result
from stages.media.mux import mux
from stages.media.planes import Planes
from stages.media.reader import read_planes
from stages.media.side_by_side import beside, double
from stages.media.writer import VideoWriter
from stages.verify import Verify
from tests.media_fixtures import ffmpeg, probe, remux, with_sound
from tests.stages import tiny

FRAMES = 12
SHOWN = range(3, 9)
CENTRE, RADIUS = (64.0, 40.0), 12.0
NO_STEP = np.zeros((1, 5, 16), np.float32)
EDITS = Edits("age=+2", ("age",), np.zeros((len(SHOWN), 1), np.float32), NO_STEP)
Change = Callable[[int, Planes], Planes]


class FakeJudge:
    """Sees 20 years, and one more for every level of grey that a crop is brighter than 0."""

    def __init__(self) -> None:
        self.asked = 0

    def age(self, crops: U8) -> F32:
        self.asked += 1
        middle = crops[:, 118:138, 118:138].astype(np.float32)
        return np.asarray(20 + middle.mean(axis=(1, 2, 3)), np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SourceClip:
    path = with_sound(tmp_path_factory.mktemp("clip") / "c.mp4", frames=FRAMES)
    return SourceClip(path, "0" * 64)


def as_it_is(index: int, planes: Planes) -> Planes:
    return planes


def square(luma: int, at: tuple[float, float], reach: int = 6) -> Change:
    """Brighter by ``luma`` in a square about ``at``, in the frames with a face."""

    def change(index: int, planes: Planes) -> Planes:
        if index not in SHOWN:
            return planes
        y = planes[0].astype(int)
        x0, y0 = int(at[0]), int(at[1])
        y[y0 - reach : y0 + reach, x0 - reach : x0 + reach] += luma
        return y.clip(0, 255).astype(np.uint8), planes[1], planes[2]

    return change


def write(
    clip: SourceClip,
    folder: Path,
    change: Change = as_it_is,
    *,
    video: Video | None = None,
    frames: list[int] | None = None,
    shown: Video | None = None,
) -> Rendered:
    """An output with ``change`` applied; ``video`` is what is written, ``frames`` which of it."""
    source = probe(clip.path)
    video = video or source
    encoded, out = folder / "encoded.mp4", folder / "out.mp4"
    with VideoWriter(encoded, shown or video, preset="veryfast", crf=10) as writer:
        for frame in read_planes(clip.path, source):
            if frames is None or frame.index in frames:
                writer.write(change(frame.index, frame.planes))
    mux(clip.path, shown or video, encoded, out)
    return rendered(out)


def rendered(file: Path) -> Rendered:
    edited = np.zeros(FRAMES, bool)
    edited[list(SHOWN)] = True
    return Rendered(file, edited, np.array([24, 26], np.float32), 512)


def alignment() -> Alignment:
    return tiny.alignment((0, SHOWN), centre=CENTRE, radius=RADIUS)


def verify(
    clip: SourceClip, output: Rendered, judge: FakeJudge | None = None, **settings: Any
) -> Result:
    return Verify(**settings).run(
        cast(Any, judge or FakeJudge()),
        clip,
        probe(clip.path),
        alignment(),
        output,
        EDITS,
        Context(output.file.parent, threads=1),
    )


def test_a_good_output_passes_and_says_what_happened(clip: SourceClip, tmp_path: Path) -> None:
    judge = FakeJudge()
    output = write(clip, tmp_path, square(60, CENTRE))
    result = verify(clip, output, judge, looks=3)
    report = result.report()

    assert result.file == output.file
    assert report["edits"] == "age=+2"
    assert (report["frames"], report["edited"], report["passed"]) == (12, 6, 6)
    assert report["passed_ranges"] == [[0, 3], [9, 12]]
    assert report["render_size"] == 512
    assert report["inversion_psnr_256"] == {"mean": 25.0, "min": 24.0}
    assert cast(float, report["outside_psnr_min"]) > 38
    assert judge.asked == 3
    assert cast(float, report["age_after"]) > cast(float, report["age_before"]) + 20


def test_wrong_pixels_outside_the_head_fail_with_the_frame(
    clip: SourceClip, tmp_path: Path
) -> None:
    def change(index: int, planes: Planes) -> Planes:
        return square(120, (16, 16), 12)(SHOWN[0], planes) if index == 7 else planes

    output = write(clip, tmp_path, change)
    with pytest.raises(VerificationFailed, match=r"frame 7 keeps only \d+\.\d dB of the source"):
        verify(clip, output, least_outside=30)


def test_the_same_pixels_inside_the_head_are_the_edit(clip: SourceClip, tmp_path: Path) -> None:
    output = write(clip, tmp_path, square(120, CENTRE, 6))
    assert cast(float, verify(clip, output).report()["outside_psnr_min"]) > 35
    # The heads are where the faces are: in a frame without one, nothing is inside.
    with pytest.raises(VerificationFailed, match=r"frame (9|10|11) keeps"):
        verify(clip, write(clip, tmp_path, lambda i, p: square(120, CENTRE, 12)(i - 5, p)))


def test_a_dropped_frame_is_told(clip: SourceClip, tmp_path: Path) -> None:
    whole = probe(clip.path)
    video = replace(whole, pts=np.delete(whole.pts, 5))
    kept = [i for i in range(FRAMES) if i != 5]
    output = write(clip, tmp_path, video=video, frames=kept)
    with pytest.raises(VerificationFailed, match="11 frames instead of 12"):
        verify(clip, output)


def test_a_frame_at_another_time_is_told(clip: SourceClip, tmp_path: Path) -> None:
    whole = probe(clip.path)
    pts = whole.pts.copy()
    pts[5] += 100
    late = float(100 * whole.time_base)
    output = write(clip, tmp_path, video=replace(whole, pts=pts))
    with pytest.raises(VerificationFailed, match=f"frame times are off by up to {late:.6f} s"):
        verify(clip, output)


@pytest.mark.parametrize(
    "kept",
    [("-an",), ("-af", "volume=0.5", "-c:v", "copy", "-c:a", "aac")],
    ids=["no sound", "other sound"],
)
def test_missing_or_changed_sound_is_told(
    clip: SourceClip, tmp_path: Path, kept: tuple[str, ...]
) -> None:
    good = write(clip, tmp_path)
    bad = tmp_path / "bad.mp4"
    if kept == ("-an",):
        remux(good.file, bad, *kept)
    else:
        ffmpeg("-i", good.file, *kept, "-copyts", bad)
    with pytest.raises(VerificationFailed, match="the copied streams are"):
        verify(clip, rendered(bad))


def test_another_size_orientation_or_colour_is_told(clip: SourceClip, tmp_path: Path) -> None:
    good = write(clip, tmp_path)
    turned = tmp_path / "turned.mp4"
    remux(good.file, turned, before=("-display_rotation", "90"))
    with pytest.raises(VerificationFailed, match=r"size \(96, 128\) instead of \(128, 96\); rota"):
        verify(clip, rendered(turned))
    tagged = tmp_path / "tagged.mp4"
    bitstream = "h264_metadata=matrix_coefficients=9"
    remux(good.file, tagged, "-bsf:v", bitstream)
    with pytest.raises(VerificationFailed, match="colour matrix 9 instead of"):
        verify(clip, rendered(tagged))


def test_side_by_side_is_compared_in_time_and_sound_only(clip: SourceClip, tmp_path: Path) -> None:
    video = probe(clip.path)
    judge = FakeJudge()
    output = write(
        clip, tmp_path, lambda index, planes: beside(planes, planes, video), shown=double(video)
    )
    report = verify(clip, output, judge, compare=True).report()
    assert "outside_psnr_min" not in report and "age_before" not in report
    assert judge.asked == 0
    with pytest.raises(VerificationFailed, match="size"):
        verify(clip, output)


def test_nothing_edited_is_said_and_not_a_fault(clip: SourceClip, tmp_path: Path) -> None:
    """A trim of the clip's second half: its sound is a part of the clip's."""
    video = probe(clip.path, start=0.1, end=0.3)
    encoded, out = tmp_path / "encoded.mp4", tmp_path / "out.mp4"
    with VideoWriter(encoded, video, preset="veryfast", crf=10) as writer:
        for frame in read_planes(clip.path, video):
            writer.write(frame.planes)
    mux(clip.path, video, encoded, out)
    given = tiny.alignment((0, range(2)), centre=CENTRE, radius=RADIUS)
    edited = np.arange(video.frames) < 2
    result = Verify().run(
        cast(Any, FakeJudge()),
        clip,
        video,
        given,
        Rendered(out, edited, np.array([20], np.float32), 256),
        EDITS,
        Context(tmp_path),
    )
    assert result.report()["passed_ranges"] == [[2, video.frames]]
