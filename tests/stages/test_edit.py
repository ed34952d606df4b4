"""What is added to the codes, frame by frame and face by face."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import NothingToEdit, UsageError
from pipeline.stage import Context
from stages.artifacts import F32, Likeness, Shots, Video
from stages.direction_file import write_direction
from stages.edit import ComposeEdits, check_edits, faces_of
from stages.edit_artifacts import Direction, Edits
from stages.edit_steps import KnownDirection
from stages.edit_text import parse_edits
from tests.stages import tiny
from tests.stages.test_direction_file import AGE, TWO_SIDED, unit

ROWS, FRAMES = 5, 6


@pytest.fixture
def directions(tmp_path: Path) -> list[Direction]:
    """``age`` on rows 0 to 2, and ``smile`` on row 4, without years."""
    smile = AGE.model_copy(
        update={"name": "smile", "rows": (4,), "sigma": 0.5, "years_per_sigma": None}
    )
    return [
        write_direction(tmp_path / "age.st", AGE, unit()),
        write_direction(tmp_path / "smile.st", smile, unit()[::-1].copy()),
    ]


def compose(
    directions: list[Direction],
    *edits: str,
    generator: str = "tiny",
    face: str = "largest",
    video: Video | None = None,
    likeness: Likeness | None = None,
) -> Edits:
    """For tracks 0 and 1, both seen in all frames at 25 frames a second."""
    frames = range(FRAMES)
    all_common = all(edit.track is None for edit in parse_edits(edits)) and likeness is None
    ids = [0] if all_common else [0, 1]
    stage = ComposeEdits(edits=edits, generator=generator, rows=ROWS, face=face)
    return stage.run(
        directions,
        tiny.followed((0, frames), (1, frames)),
        Shots(np.array([[0, FRAMES]], np.int32)),
        video or tiny.video(FRAMES),
        tiny.alignment(*((i, frames) for i in ids)),
        Context(Path()),
        likeness,
    )


def offset(found: Edits, row: int = 0) -> F32:
    return found.offset([row])[0]


def test_the_settings_refuse_what_cannot_be_parsed() -> None:
    with pytest.raises(UsageError, match="'old'"):
        ComposeEdits(edits=("old",), generator="tiny", rows=ROWS)
    with pytest.raises(UsageError, match="'second'"):
        ComposeEdits(edits=("age=2",), generator="tiny", rows=ROWS, face="second")


def test_the_offset_is_strength_times_sigma_on_the_directions_rows(
    directions: list[Direction],
) -> None:
    found = compose(directions, "age=+2")
    assert (found.text, found.names) == ("age=+2", ("age",))
    assert found.strengths.shape == (FRAMES, 1) and (found.strengths == 2).all()
    for each in found.offset(range(FRAMES)):
        assert each.shape == (ROWS, 16) and each.dtype == np.float32
        np.testing.assert_allclose(each[:3], np.repeat(5 * unit()[None], 3, 0), rtol=1e-6)
        assert not each[3:].any()


def test_several_edits_add_up(directions: list[Direction]) -> None:
    together = offset(compose(directions, "age=+2,smile=-1", "age=-9y"))
    apart = sum(offset(compose(directions, text)) for text in ("age=+1", "smile=-1"))
    np.testing.assert_allclose(together, apart, atol=1e-6)
    assert together[4].any() and together[0].any()


def test_edits_that_share_rows_do_not_undo_each_other(tmp_path: Path) -> None:
    other = unit()[::-1].copy()
    smile = AGE.model_copy(update={"name": "smile", "sigma": 0.5})
    both = [
        write_direction(tmp_path / "age.st", AGE, unit()),
        write_direction(tmp_path / "smile.st", smile, other),
    ]
    assert abs(unit() @ other) > 0.5
    found = offset(compose(both, "age=+2", "smile=-1"))
    assert found[0] @ unit() == pytest.approx(2 * AGE.sigma, rel=1e-5)
    assert found[0] @ other == pytest.approx(-0.5, rel=1e-5)


def test_no_strength_is_no_offset(directions: list[Direction]) -> None:
    assert not offset(compose(directions, "age=0")).any()


def test_strengths_follow_the_times_of_the_output(directions: list[Direction]) -> None:
    found = compose(directions, "age=0@0.04s,+2@0.12s,smile=-1")
    assert found.names == ("age", "smile")
    np.testing.assert_allclose(found.strengths[:, 0], [0, 0, 1, 2, 2, 2], atol=1e-6)
    np.testing.assert_allclose(found.strengths[:, 1], -1)
    uneven = tiny.video(pts=[0, 50, 60, 120, 130, 500])
    found = compose(directions, "age=0@0.04s,+2@0.12s", video=uneven)
    np.testing.assert_allclose(found.strengths[:, 0], [0, 0.25, 0.5, 2, 2, 2], atol=1e-6)


def test_the_output_of_a_trim_begins_at_zero(directions: list[Direction]) -> None:
    from dataclasses import replace

    late = tiny.video(pts=[1000 + 40 * i for i in range(FRAMES)])
    trimmed = compose(directions, "age=0@0s,+2@0.08s", video=replace(late, first_frame=25))
    np.testing.assert_allclose(trimmed.strengths[:, 0], [0, 1, 2, 2, 2, 2], atol=1e-6)
    whole = compose(directions, "age=0@0s,+2@0.08s", video=late)
    np.testing.assert_allclose(whole.strengths[:, 0], 2)


def test_keyframes_and_constants_of_one_attribute_are_summed(directions: list[Direction]) -> None:
    found = compose(directions, "age=0@0s,+2@0.2s", "age=-1")
    np.testing.assert_allclose(found.strengths[:, 0], np.linspace(-1, 1, FRAMES), atol=1e-6)


def test_negative_strengths_go_along_their_own_vector(tmp_path: Path) -> None:
    other = unit()[::-1].copy()
    two = [write_direction(tmp_path / "two.st", TWO_SIDED, unit(), other)]

    def first_row(text: str, row: int = 0) -> F32:
        return offset(compose(two, text), row)[0]

    np.testing.assert_allclose(first_row("age=2"), 2 * 2.5 * unit(), rtol=1e-5)
    np.testing.assert_allclose(first_row("age=-2"), -2 * 4.0 * other, rtol=1e-5)
    np.testing.assert_allclose(first_row("age=-12y"), -2 * 4.0 * other, rtol=1e-5)
    np.testing.assert_allclose(first_row("age=18y"), 2 * 2.5 * unit(), rtol=1e-5)
    assert not first_row("age=0").any()
    through = "age=-1@0s,+1@0.08s"
    np.testing.assert_allclose(first_row(through, 0), -4.0 * other, rtol=1e-5)
    assert not first_row(through, 1).any()
    np.testing.assert_allclose(first_row(through, 2), 2.5 * unit(), rtol=1e-5)


def test_each_face_has_its_own_edits(directions: list[Direction]) -> None:
    found = compose(directions, "age=+2", "track:1:age=-1", "track:1:smile=+1")
    first, second = found.offset([0])[0], found.offset([FRAMES])[0]
    np.testing.assert_allclose(first[0], 5 * unit(), rtol=1e-6)
    np.testing.assert_allclose(second[0], -2.5 * unit(), rtol=1e-6)
    assert not first[4].any() and second[4].any()


def test_edits_for_all_faces_add_to_those_for_one(directions: list[Direction]) -> None:
    found = compose(directions, "age=+2", "track:1:age=-1", face="all")
    np.testing.assert_allclose(found.offset([FRAMES])[0][0], 2.5 * unit(), rtol=1e-6)


def test_only_the_named_face_is_edited_where_no_edit_is_for_others(
    directions: list[Direction],
) -> None:
    assert not compose(directions, "track:1:age=+2").strengths[:FRAMES].any()


def test_edits_are_for_the_person_in_the_photograph_and_for_the_track_that_is_named(
    directions: list[Direction],
) -> None:
    likeness = Likeness(np.arange(2, dtype=np.int32), np.array([[0.1], [0.8]], np.float32), 0.45)
    found = compose(directions, "age=+2", face="like:anna", likeness=likeness)
    assert not found.strengths[:FRAMES].any() and (found.strengths[FRAMES:] == 2).all()
    both = compose(directions, "age=+2", "track:0:age=-1", face="like:anna", likeness=likeness)
    assert (both.strengths[:FRAMES] == -1).all() and (both.strengths[FRAMES:] == 2).all()


@pytest.mark.parametrize(
    ("texts", "face", "chosen"),
    [
        (("age=2",), "largest", "largest"),
        (("track:1:age=2",), "largest", "track:1"),
        (("track:3:age=2", "track:1:age=1,track:3:smile=1"), "all", "track:1,track:3"),
        (("age=2", "track:1:age=1"), "largest", "largest,track:1"),
        ((), "largest", "largest"),
    ],
)
def test_whose_faces_are_edited(texts: tuple[str, ...], face: str, chosen: str) -> None:
    assert faces_of(parse_edits(texts), face) == chosen


def test_a_face_that_is_not_there_is_told(directions: list[Direction]) -> None:
    with pytest.raises(NothingToEdit, match="track:7: there is no such face"):
        compose(directions, "age=+2", face="track:7")


def test_a_direction_for_another_generator_is_refused(directions: list[Direction]) -> None:
    with pytest.raises(
        UsageError, match="age belongs to the generator tiny; this run renders with stylegan3"
    ):
        compose(directions, "age=+2", generator="stylegan3")


def test_no_edit_is_told(directions: list[Direction]) -> None:
    with pytest.raises(UsageError, match="No edit was given"):
        compose(directions)


def test_sums_are_limited_before_any_clip_is_read(directions: list[Direction]) -> None:
    known = {each.name: KnownDirection.read(each) for each in directions}
    check_edits(parse_edits(("age=+6", "track:1:age=+6", "smile=-9")), known, ROWS)
    for text in ("age=+6,age=+6", "age=+6,age=0@0s,+5@1s,0@2s"):
        with pytest.raises(UsageError, match=r"of age is 1\d.0 standard deviations"):
            check_edits(parse_edits((text,)), known, ROWS)
    with pytest.raises(UsageError, match="smile has no years"):
        check_edits(parse_edits(("smile=0@0s,1y@1s",)), known, ROWS)
