"""Cuts are found where they are, and nowhere else."""

from pathlib import Path
from typing import Literal

import pytest

from pipeline.stage import Context
from stages.artifacts import SourceClip
from stages.shots import FindShots
from tests.media_fixtures import ffmpeg, moving_picture, probe


def shots(path: Path, **settings: object) -> list[list[int]]:
    clip = SourceClip(path=path, sha256="0")
    stage = FindShots.model_validate(settings)
    found = stage.run(clip=clip, video=probe(path), context=Context(scratch=path.parent))
    return [[int(a), int(b)] for a, b in found.ranges]


@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_a_cut_is_found_to_the_frame(
    tmp_path: Path, detector: Literal["adaptive", "content"]
) -> None:
    path = tmp_path / "cut.mp4"
    pictures = ["mandelbrot=size=160x90:rate=25", "testsrc2=size=160x90:rate=25"]
    ffmpeg(
        *("-f", "lavfi", "-t", "1", "-i", pictures[0], "-f", "lavfi", "-t", "1", "-i", pictures[1]),
        *("-filter_complex", "[0][1]concat,format=yuv420p", "-c:v", "libx264", path),
    )

    assert shots(path, detector=detector) == [[0, 25], [25, 50]]


def test_movement_is_not_a_cut(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", frames=40)

    assert shots(path) == [[0, 40]]


def test_a_single_frame_is_a_shot(tmp_path: Path) -> None:
    assert shots(moving_picture(tmp_path / "a.mp4", frames=1)) == [[0, 1]]


@pytest.mark.parametrize("name", ["portrait_d18", "portrait_d20", "vfr_talking"])
def test_portraits_are_one_shot(assets: Path, name: str) -> None:
    """Strong expressions and dark pictures must not be taken for cuts."""
    path = assets / "clips" / f"{name}.mp4"

    assert shots(path) == [[0, probe(path).frames]]
