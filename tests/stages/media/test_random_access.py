"""decord against PyAV, frame for frame, on real clips; and where we do not ask decord at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.artifacts import Video
from stages.media import random_access
from stages.media.random_access import decord_agrees_on, frames_at
from stages.media.reader import read_rgb
from tests.media_fixtures import moving_picture, probe, remux

decord = pytest.importorskip("decord")

AGREES = [
    "pexels_two_faces.mp4",
    "portrait_d0.mp4",
    "portrait_d10.mp4",
    "portrait_d18.mp4",
    "portrait_d20.mp4",
    "portrait_d3.mp4",
    "portrait_s18.mp4",
    "vfr_talking.mp4",
    "noface_unordered.mov",
]


def used_decord(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows when PyAV has to step in."""
    calls: list[str] = []
    real = random_access._with_av

    def noted(path: Path, video: Video, indices: list[int]) -> np.ndarray:
        calls.append(path.name)
        return real(path, video, indices)

    monkeypatch.setattr(random_access, "_with_av", noted)
    return calls


@pytest.mark.parametrize("name", AGREES)
def test_decord_agrees_frame_for_frame(
    assets: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = assets / "clips" / name
    video = probe(path)
    fallbacks = used_decord(monkeypatch)
    last = min(video.frames, 20)
    ours = np.stack(list(read_rgb(path, video, 0, last))).astype(np.int16)
    order = list(range(last - 1, -1, -3))
    theirs = frames_at(path, video, order)

    assert not fallbacks
    for picture, index in zip(theirs, order, strict=True):
        near = range(max(0, index - 1), min(last, index + 2))
        distance = {n: float(np.abs(picture - ours[n]).mean()) for n in near}
        assert distance[index] < 1.7
        # Some clips repeat a picture; a neighbour may then be as near.
        assert distance[index] < min(distance.values()) + 0.05


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 90},
        {"flip": True},
        {"bit_depth": 10},
        {"first_frame": 3},
        {"pix_fmt": "yuv444p"},
        {"container": "mpegts"},
        {"working_matrix": "bt2020"},
    ],
)
def test_decord_is_not_asked_where_it_may_differ(tmp_path: Path, change: dict[str, object]) -> None:
    video = probe(moving_picture(tmp_path / "c.mp4", frames=5))

    assert decord_agrees_on(video)
    assert not decord_agrees_on(replace(video, **change))  # type: ignore[arg-type]


def test_an_edit_list_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """decord shows pictures that an edit list hides, so its count is not the probe's."""
    path = moving_picture(tmp_path / "long.mp4", "-g", "50", frames=40, size="64x48")
    cut = remux(path, tmp_path / "cut.mp4", before=("-ss", "0.4"))
    video = probe(cut)
    fallbacks = used_decord(monkeypatch)
    expected = list(read_rgb(cut, video))

    np.testing.assert_array_equal(
        frames_at(cut, video, [5, 0, 5]), [expected[i] for i in (5, 0, 5)]
    )
    assert video.frames == 30
    assert fallbacks == ["cut.mp4"]


def test_without_decord_frames_come_from_pyav(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = moving_picture(tmp_path / "c.mp4", "-g", "20", frames=200, size="48x32")
    video = probe(path)
    monkeypatch.setitem(__import__("sys").modules, "decord", None)
    whole = list(read_rgb(path, video))
    order = [150, 3, 199, 3, 60]

    np.testing.assert_array_equal(frames_at(path, video, order), [whole[i] for i in order])
    assert frames_at(path, video, []).shape == (0, 32, 48, 3)
    with pytest.raises(ValueError, match="of 200"):
        frames_at(path, video, [200])
