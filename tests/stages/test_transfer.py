"""What a face is given of another one's motion."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import NothingToEdit, UsageError
from pipeline.stage import Context
from stages import transfer
from stages.artifacts import F32, F64, Alignment
from stages.direction_file import write_direction
from stages.edit_artifacts import Direction, Edits
from stages.label_samples import FaceFinder
from stages.motion_file import MotionHeader, Moves, write_motion
from stages.motion_use import MotionUse
from stages.transfer import FARTHEST, Measurer, TransferMotion
from tests.stages import tiny
from tests.stages.test_direction_file import AGE, unit
from tests.stages.test_learn_motion import latents, tracks
from tests.stages.test_motion_file import TALK

ROWS, ACTIVE = 6, (0, 1, 2, 4, 5)
FRAMES = 10
STEP = unit() / 2


@dataclass(frozen=True)
class Answers(Measurer):
    """A face whose attributes change by so much a sigma."""

    amount: float = 0.1

    def per_sigma(self, code: F32, step: F32, name: str) -> float:
        assert name == "mouth" and np.allclose(step[1], STEP) and not step[4].any()
        return self.amount


@pytest.fixture
def mouth(tmp_path: Path) -> Direction:
    """On rows 0 to 2, half a unit a sigma."""
    header = AGE.model_copy(update={"name": "mouth", "years_per_sigma": None, "sigma": 0.5})
    return write_direction(tmp_path / "mouth.safetensors", header, unit())


def course(frames: int = FRAMES) -> F64:
    """A mouth that opens and closes, from 0."""
    return np.asarray(0.3 * np.sin(np.arange(frames) / 2) ** 2, np.float64)


def moves(generator: str = "tiny", frames: int = FRAMES) -> Moves:
    """Codes that go along the direction as the mouth does, and aside on row 4."""
    random = np.random.default_rng(1)
    codes = np.zeros((frames, len(ACTIVE), 16), np.float32)
    codes[:, :3] = 0.05 * course(frames)[:, None, None] * unit()
    codes[1:, 3] = random.normal(size=(frames - 1, 16))
    header = TALK.model_copy(update={"rows": ACTIVE, "generator": generator})
    measures = np.zeros((frames, 3), np.float32)
    measures[:, 0] = 0.1 + course(frames)
    return Moves(MotionHeader.model_validate(header), 0.04 * np.arange(frames), codes, measures)


def own(alignment: Alignment, talks: bool = True) -> tuple[F32, F32]:
    """Codes of the target and how open its mouth is; it speaks in its own way."""
    n = len(alignment.frame)
    opening = 0.2 * np.abs(np.sin(alignment.frame)) * talks
    w_plus = np.random.default_rng(0).normal(size=(1, ROWS, 16)).repeat(n, 0)
    w_plus[:, :3] += 0.07 * opening[:, None, None] * unit()
    w_plus[:, 4] += opening[:, None]
    return w_plus.astype(np.float32), opening.astype(np.float32)


def run(
    tmp_path: Path,
    directions: list[Direction],
    *uses: MotionUse,
    alignment: Alignment | None = None,
    given: Moves | None = None,
    edits: Edits | None = None,
    amount: float = 0.1,
) -> Edits:
    at = alignment or tiny.alignment((0, range(FRAMES)))
    w_plus, opening = own(at)
    stage = TransferMotion(uses=uses, generator="tiny", rows=ROWS, active=ACTIVE, smoothing=0)
    motion = write_motion(tmp_path / "talk.safetensors", given or moves())
    answers = Answers(tiny.renderable(), None, amount)  # type: ignore[arg-type]  # never asked
    return stage.run(
        answers,
        [motion] * len(uses),
        directions,
        latents(at, w_plus),
        at,
        tracks(at, opening),
        tiny.video(40),
        Context(tmp_path),
        edits,
    )


def test_on_rows_the_references_motion_takes_the_place_of_the_targets_own(tmp_path: Path) -> None:
    at = tiny.alignment((0, range(FRAMES)))
    w_plus, _ = own(at)
    found = run(tmp_path, [], MotionUse(what="rows:4-5", strength=1.5))
    shown = w_plus + found.offset(range(FRAMES))
    wanted = w_plus.copy()
    wanted[:, [4, 5]] = w_plus[0, [4, 5]] + 1.5 * moves().on((4, 5))
    np.testing.assert_allclose(shown, wanted, atol=0.05)
    assert np.abs(wanted[:, 4] - w_plus[:, 4]).max() > 1
    assert found.text == "transfer: motion of rows:4-5 x1.5"


def test_of_an_attribute_a_face_gets_what_it_needs_for_it(tmp_path: Path, mouth: Direction) -> None:
    _, opening = own(tiny.alignment((0, range(FRAMES))))
    found = run(tmp_path, [mouth], MotionUse(what="mouth", strength=2), amount=0.1)
    np.testing.assert_allclose(found.strengths[:, 0], (2 * course() - opening) / 0.1, atol=1e-4)
    np.testing.assert_allclose(found.steps[0, :3], np.repeat(STEP[None], 3, 0), atol=1e-6)
    assert not found.steps[0, 3:].any() and found.names == ("mouth",)


def test_a_face_is_never_moved_too_far(tmp_path: Path, mouth: Direction) -> None:
    found = run(tmp_path, [mouth], MotionUse(what="mouth", strength=9), amount=0.1)
    assert found.strengths.max() == FARTHEST


def test_a_change_is_constant_and_leaves_the_targets_own_motion(
    tmp_path: Path, mouth: Direction
) -> None:
    both = MotionUse(mode="change", what="mouth,rows:4", strength=0.5)
    found = run(tmp_path, [mouth], both)
    assert found.names == ("mouth", "change")
    np.testing.assert_allclose(found.strengths[:, 0], 0.5 * course()[-1] / 0.1, rtol=1e-3)
    offset = found.offset(range(FRAMES))[:, 4]
    np.testing.assert_allclose(offset, np.repeat(0.5 * moves().on((4,))[-1], FRAMES, 0), atol=1e-5)


def test_a_shorter_reference_is_held_or_looped(tmp_path: Path, mouth: Direction) -> None:
    target = tiny.alignment((0, range(20)))
    _, opening = own(target)
    held, looped = (
        run(tmp_path, [mouth], MotionUse(end=end), alignment=target).strengths[:, 0] * 0.1 + opening
        for end in ("hold", "loop")
    )
    np.testing.assert_allclose(held, [*course(), *[course()[-1]] * 10], atol=1e-4)
    np.testing.assert_allclose(looped, [*course(), *course()], atol=1e-4)


def test_each_track_loses_its_own_motion(tmp_path: Path) -> None:
    target = tiny.alignment((0, range(8)), (1, range(3, 10)))
    w_plus, _ = own(target)
    still = Moves(moves().header, moves().seconds, 0 * moves().codes, moves().measures)
    found = run(tmp_path, [], MotionUse(what="rows:4"), alignment=target, given=still)
    shown = (w_plus + found.offset(range(15)))[:, 4]
    np.testing.assert_allclose(shown[:8], np.repeat(shown[:1], 8, 0), atol=0.02)
    np.testing.assert_allclose(shown[8:], np.repeat(shown[8:9], 7, 0), atol=0.02)


def test_edits_stay_what_they_were(tmp_path: Path, mouth: Direction) -> None:
    steps = np.ones((1, ROWS, 16), np.float32)
    given = Edits("age=+2", ("age",), np.full((FRAMES, 1), 2, np.float32), steps)
    found = run(tmp_path, [mouth], MotionUse(), edits=given)
    assert found.names == ("age", "mouth")
    assert found.text == "age=+2, transfer: motion of mouth"
    alone = run(tmp_path, [mouth], MotionUse())
    np.testing.assert_allclose(
        found.offset(range(FRAMES)), alone.offset(range(FRAMES)) + 2, atol=1e-5
    )


def test_a_motion_for_another_generator_is_refused(tmp_path: Path, mouth: Direction) -> None:
    with pytest.raises(UsageError, match="belongs to the generator stylegan3"):
        run(tmp_path, [mouth], MotionUse(), given=moves("stylegan3"))


def test_a_face_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind(transfer.DetectFaces):
        def faces_in(self, *_: object) -> list[object]:  # type: ignore[override]
            return []

    monkeypatch.setattr(transfer, "DetectFaces", Blind)
    finder: FaceFinder = None  # type: ignore[assignment]  # never asked
    code = np.zeros((tiny.SHAPE.rows, 16), np.float32)
    with pytest.raises(NothingToEdit, match="the mouth of this face does not answer"):
        Measurer(tiny.renderable(), finder).per_sigma(code, code, "mouth")
