"""A label is moved to its target while others stay within bounds, or not at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import UsageError
from pipeline.stage import Context
from stages.clean_direction import Bounds, clean_direction, patterns
from stages.direction_file import read_direction
from stages.fit_clean import FitCleanDirection
from stages.label_appearance import ALL_LABELS, APPEARANCE, AppearanceLabels, Table
from stages.label_samples import LABELS, LabelledSamples
from stages.network_weights import GeneratorWeights
from tests.stages import tiny

SHRINKING = 1.3
"""What is aimed at is what the models foresee, and the ridge shrinks them by its penalty, 0.3."""


def entangled(n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (n, 16), and three labels of which the first two go together at 0.8."""
    random = np.random.default_rng(0)
    w = random.normal(size=(n, 16))
    normals = np.zeros((3, 16))
    normals[0, :3], normals[1, :3], normals[2, 3] = (0.8, 0.6, 0), (0.8, 0, 0.6), 1
    # In sigmas of the labels, as the bounds are.
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    labels = w @ normals.T + 0.05 * random.normal(size=(n, 3))
    return w, labels, normals


def changes(vector: np.ndarray, w: np.ndarray, normals: np.ndarray, strength: float) -> np.ndarray:
    sigma = float((w @ vector).std())
    return np.asarray(strength * sigma * normals @ vector / np.linalg.norm(normals, axis=1))


def test_the_label_moves_and_those_that_go_with_it_stay_within_bounds() -> None:
    w, labels, normals = entangled()
    raw = changes(normals[0] / np.linalg.norm(normals[0]), w, normals, 2)
    assert raw[1] > 1, "nothing was entangled"
    bounds = Bounds(target=1.4, tolerance=0.3, short=0)
    vector = clean_direction(w, labels, 0, w, bounds)
    assert np.linalg.norm(vector) == pytest.approx(1)
    moved = changes(vector, w, normals, 2)
    assert moved[0] == pytest.approx(1.4 * SHRINKING, abs=0.2)
    assert abs(moved[1]) < 0.45 and abs(moved[2]) < 0.45


def test_a_wider_tolerance_leaves_more_of_the_label() -> None:
    w, labels, normals = entangled()
    beyond = Bounds(target=5, tolerance=0.1, short=0)
    tight, wide = (
        changes(clean_direction(w, labels, 0, w, replace(beyond, tolerance=t)), w, normals, 2)
        for t in (0.1, 1.0)
    )
    assert wide[0] > tight[0] + 0.02 and wide[1] > tight[1] + 0.2


def test_the_shorter_way_is_taken() -> None:
    """W varies widely along an axis that no label sees: going there adds sigma and nothing else."""
    w, labels, _ = entangled()
    w[:, 15] *= 5
    w[:, 15] += 2 * labels[:, 0]
    dear, free = (
        abs(clean_direction(w, labels, 0, w, Bounds(target=1.0, short=s))[15]) for s in (0.5, 0)
    )
    assert dear < free or dear < 0.2


def test_patterns_are_what_differs_while_other_labels_stay() -> None:
    random = np.random.default_rng(1)
    z = random.normal(size=(4000, 2))
    z[:, 1] += z[:, 0]
    w = np.column_stack([3 * z[:, 0], z[:, 1], random.normal(size=4000)])
    found = patterns(w, z)
    np.testing.assert_allclose(found[:, 0], [3 * z[:, 0].std(), 0, 0], atol=0.1)


def test_a_file_says_how_far_and_how_well(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    w = random.normal(size=(600, 16)).astype(np.float32)
    labels = random.normal(size=(600, len(LABELS))).astype(np.float32)
    more = random.normal(size=(600, len(APPEARANCE))).astype(np.float32)
    more[:, APPEARANCE.index("pitch")] = 7 + 0.5 * w[:, 4]
    labels[3] = np.nan  # no face
    made = FitCleanDirection(name="pitch", rows=(0, 1), made_by="this test").run(
        tiny.generator(),
        GeneratorWeights("tiny", Path(), "0" * 64),
        LabelledSamples("tiny", w, labels),
        AppearanceLabels("tiny", more),
        Context(tmp_path),
    )
    header, vector = read_direction(made.file)
    assert vector[4] > 0.8 and header.rows == (0, 1)
    assert header.correlation is not None and header.correlation > 0.85
    assert header.unit == "lengths of the nose"
    assert header.unit_per_sigma == pytest.approx(0.5 * header.sigma, rel=0.15)
    assert header.made_by == "this test"


def test_a_table_keeps_samples_of_which_all_is_known() -> None:
    w = np.zeros((4, 16), np.float32)
    labels = np.zeros((4, len(LABELS)), np.float32)
    more = np.zeros((4, len(APPEARANCE)), np.float32)
    labels[1, 0], more[2, 5] = np.nan, np.nan
    table = Table.of(LabelledSamples("tiny", w, labels), AppearanceLabels("tiny", more))
    assert table.labels.shape == (2, len(ALL_LABELS)) and len(table.w) == 2
    with pytest.raises(UsageError, match=r"^There is no label 'charm': age, gender, "):
        table.column("charm")
