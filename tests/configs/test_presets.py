"""Draft is less work than standard, and standard than best."""

from typing import get_args

from configs.presets import PRESETS, PresetName


def test_every_preset_name_has_settings() -> None:
    assert set(PRESETS) == set(get_args(PresetName)) == {"draft", "standard", "best"}


def test_work_grows_from_draft_to_best() -> None:
    draft, standard, best = (PRESETS[name] for name in get_args(PresetName))
    for lesser, greater in ((draft, standard), (standard, best)):
        assert all(a <= b for a, b in zip(lesser[:-1], greater[:-1], strict=True))
        assert lesser.spacing >= greater.spacing
        assert lesser != greater
    assert all(value > 0 for preset in PRESETS.values() for value in preset[:-1])
