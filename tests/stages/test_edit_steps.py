"""Edits that are combined leave each other alone, and do what they were asked."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import UsageError
from stages.artifacts import F32
from stages.direction_file import Below, write_direction
from stages.edit_steps import KnownDirection, steps_of
from tests.stages.test_direction_file import AGE

ROWS, DIM = 5, 16


def vector(*parts: float) -> F32:
    """Of unit length, along the first axes."""
    found = np.zeros(DIM, np.float32)
    found[: len(parts)] = parts
    return np.asarray(found / np.linalg.norm(found), np.float32)


def known(
    folder: Path,
    name: str,
    along: F32,
    rows: tuple[int, ...] = (0, 1, 2),
    sigma: float = 2.0,
    below: F32 | None = None,
) -> KnownDirection:
    update: dict[str, object] = {"name": name, "rows": rows, "sigma": sigma}
    if below is not None:
        update["below"] = Below(sigma=3.0, correlation=0.5)
    header = AGE.model_copy(update=update)
    return KnownDirection.read(write_direction(folder / f"{name}.st", header, along, below))


def test_one_edit_is_the_direction_itself(tmp_path: Path) -> None:
    age = known(tmp_path, "age", vector(1, 2, 3))
    ((step,),) = steps_of([age], ROWS)
    np.testing.assert_allclose(step[:3], np.repeat(2 * age.vector[None], 3, 0), rtol=1e-6)
    assert not step[3:].any() and step.dtype == np.float32


def test_rows_may_go_by_shares_of_a_sigma(tmp_path: Path) -> None:
    two = known(tmp_path, "age", vector(1), below=vector(0, 1))
    shares = Below(sigma=3.0, correlation=0.5, shares=(0.5, 0.0, 1.2))
    header = two.header.model_copy(update={"below": shares})
    file = write_direction(tmp_path / "shares.st", header, vector(1), vector(0, 1))
    ((up, down),) = steps_of([KnownDirection.read(file)], ROWS)
    np.testing.assert_allclose(up[:3, 0], 2.0)
    np.testing.assert_allclose(down[:3, 1], [1.5, 0.0, 3.6], rtol=1e-6)
    smile = known(tmp_path, "smile", vector(0, 0.3, 1), sigma=0.5)
    (_, beside), (kept,) = steps_of([KnownDirection.read(file), smile], ROWS)
    np.testing.assert_allclose(beside[:3] @ vector(0, 1), [1.5, 0.0, 3.6], rtol=1e-5)
    assert np.abs(beside[:3] @ smile.vector).max() < 1e-6 and abs(kept[0] @ vector(0, 1)) < 1e-6


def test_orthogonal_directions_are_left_as_they_are(tmp_path: Path) -> None:
    both = [known(tmp_path, "age", vector(1)), known(tmp_path, "smile", vector(0, 1), sigma=0.5)]
    (age,), (smile,) = steps_of(both, ROWS)
    np.testing.assert_allclose(age[0], 2 * both[0].vector, atol=1e-7)
    np.testing.assert_allclose(smile[0], 0.5 * both[1].vector, atol=1e-7)


def test_each_projection_changes_by_what_was_asked_of_it(tmp_path: Path) -> None:
    """Three directions, none orthogonal to another, with rows of their own."""
    all_three = [
        known(tmp_path, "age", vector(1, 0.2, 0.1), rows=(0, 1, 2), sigma=2.0),
        known(tmp_path, "smile", vector(0.4, 1, 0.3), rows=(1, 2, 3), sigma=0.5),
        known(tmp_path, "yaw", vector(0.1, -0.5, 1), rows=(2, 4), sigma=1.5),
    ]
    strengths = (2.0, -1.0, 3.0)
    steps = steps_of(all_three, ROWS)
    offset = sum(k * step for k, (step,) in zip(strengths, steps, strict=True))
    for k, each in zip(strengths, all_three, strict=True):
        for row in each.header.rows:
            moved = float(np.asarray(offset)[row] @ each.vector)
            assert moved == pytest.approx(k * each.header.sigma, abs=1e-5), (each.header.name, row)
    plain = 2 * 2.0 * all_three[0].vector - 0.5 * all_three[1].vector
    assert abs(plain @ all_three[0].vector - 4) > 0.1, "added up, they take from each other"


def test_the_order_does_not_matter_and_the_step_is_the_shortest(tmp_path: Path) -> None:
    age = known(tmp_path, "age", vector(1, 0.3))
    smile = known(tmp_path, "smile", vector(0.5, 1))
    (a,), (b,) = steps_of([age, smile], ROWS)
    (d,), (c,) = steps_of([smile, age], ROWS)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    # The shortest solution of both conditions is the pseudo-inverse's.
    both = np.stack([age.vector, smile.vector]).astype(np.float64)
    shortest = np.linalg.pinv(both) @ np.array([2 * 2.0, -1 * 2.0])
    np.testing.assert_allclose(2 * a[0] - b[0], shortest, atol=1e-5)


def test_a_zero_beside_an_edit_holds_an_attribute(tmp_path: Path) -> None:
    age, smile = known(tmp_path, "age", vector(1, 1)), known(tmp_path, "smile", vector(0, 1))
    (step,), _ = steps_of([age, smile], ROWS)
    assert abs(step[0] @ smile.vector) < 1e-6
    assert step[0] @ age.vector == pytest.approx(2.0)


def test_both_vectors_of_a_two_sided_direction_are_left_alone(tmp_path: Path) -> None:
    """So that nothing jumps where its strength changes sign."""
    age = known(tmp_path, "age", vector(1, 0.2), below=vector(1, -0.3, 0.4))
    smile = known(tmp_path, "smile", vector(0.4, 0.3, 1))
    (up, down), (step,) = steps_of([age, smile], ROWS)
    assert age.below is not None
    assert abs(step[0] @ age.vector) < 1e-6 and abs(step[0] @ age.below) < 1e-6
    assert abs(up[0] @ smile.vector) < 1e-6 and abs(down[0] @ smile.vector) < 1e-6
    assert up[0] @ age.vector == pytest.approx(2.0, rel=1e-5)
    assert down[0] @ age.below == pytest.approx(3.0, rel=1e-5)


def test_what_is_nearly_one_direction_is_refused(tmp_path: Path) -> None:
    age = known(tmp_path, "age", vector(1, 0))
    wrinkles = known(tmp_path, "wrinkles", vector(1, 0.4))
    with pytest.raises(UsageError, match=r"age and wrinkles cannot be combined.* is 0\.37, and"):
        steps_of([age, wrinkles], ROWS)
    elsewhere = known(tmp_path, "elsewhere", vector(1, 0.4), rows=(3, 4))
    assert len(steps_of([age, elsewhere], ROWS)) == 2, "they share no row"
