"""Frames by number, a few at a time: decord where it is right, PyAV where it is not.

decord's batched access is quick, but it brings an FFmpeg of its own: it knows no edit lists, picks
the largest video stream instead of the first, and has no wheel on some platforms. Where the number
of frames, the picture size and the time stamps are those of the probe, its pictures are ours: the
mean difference is 1.0 to 1.5 of 255, from its coarser colour conversion (tests/stages/media).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from stages.artifacts import U8, Video
from stages.media.open import file_url
from stages.media.reader import read_planes

_TOLERANCE: Final = 5e-4  # seconds; decord keeps times as float32
_GAP: Final = 48  # frames: decoding on is cheaper than seeking


def frames_at(path: Path, video: Video, indices: Sequence[int]) -> U8:
    """Decode the frames with the given numbers.

    Args:
        path: the clip ``video`` was probed from.
        video: as probed; indices count within it.
        indices: k frame numbers in any order, repeats allowed.

    Returns:
        (k, H, W, 3) uint8 RGB, upright. Exact on the PyAV path; within a few levels, from colour
        conversion, on decord's: good to look at and to choose by, not to edit.

    Raises:
        InputError: the clip no longer decodes to what was probed.
    """
    if any(not 0 <= i < video.frames for i in indices):
        raise ValueError(f"frames {list(indices)} of {video.frames}")
    if not indices:
        width, height = video.upright_size
        return np.zeros((0, height, width, 3), np.uint8)
    found = _with_decord(path, video, indices) if decord_agrees_on(video) else None
    return _with_av(path, video, indices) if found is None else found


def decord_agrees_on(video: Video) -> bool:
    """Whether decord may be asked at all: what it converts as we do, and seeks without faults."""
    tagged = video.colour.matrix != 2 or video.working_matrix == "bt601"
    return (
        video.bit_depth == 8
        and "420" in video.pix_fmt
        and video.working_matrix != "bt2020"
        and tagged
        and video.first_frame == 0
        and not video.flip
        and video.rotation == 0
        and video.container.split(",")[0] in ("mov", "matroska")
    )


def _with_decord(path: Path, video: Video, indices: Sequence[int]) -> U8 | None:
    """What decord finds, or None unless it counts and times the frames as the probe did."""
    try:
        import decord
    except (ImportError, OSError):
        return None
    try:
        reader: Any = decord.VideoReader(file_url(path), num_threads=1)
        if len(reader) != video.frames:
            return None
        asked = [0, *indices]
        times = np.asarray(reader.get_frame_timestamp(asked), dtype=np.float64)[:, 0]
        ours = video.seconds[asked]
        # decord counts from the first frame, whatever the clip's start.
        if np.abs((times - times[0]) - (ours - ours[0])).max() > _TOLERANCE:
            return None
        pictures: U8 = reader.get_batch(list(indices)).asnumpy()
    except decord.DECORDError:
        return None
    return pictures if pictures.shape[1:3] == (video.height, video.width) else None


def _with_av(path: Path, video: Video, indices: Sequence[int]) -> U8:
    width, height = video.upright_size
    result = np.empty((len(indices), height, width, 3), np.uint8)
    places: dict[int, list[int]] = {}
    for place, index in enumerate(indices):
        places.setdefault(index, []).append(place)
    for first, last in _runs(sorted(places)):
        for frame in read_planes(path, video, first, last):
            if frame.index in places:
                result[places[frame.index]] = frame.rgb()
    return result


def _runs(indices: list[int]) -> Iterator[tuple[int, int]]:
    """[first, last) ranges to decode, so that only wide gaps are sought over."""
    first = before = indices[0]
    for index in indices[1:]:
        if index - before > _GAP:
            yield first, before + 1
            first = index
        before = index
    yield first, before + 1
