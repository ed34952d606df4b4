"""Draft is less work than standard, and standard than best."""

from typing import get_args

from configs.presets import PRESETS, PresetName


def test_every_preset_name_has_settings() -> None:
    assert set(PRESETS) == set(get_args(PresetName)) == {"draft", "standard", "best"}


def test_work_grows_from_draft_to_best() -> None:
    """But for what a start may take at most: standard's windows have the steps for it."""
    draft, standard, best = (PRESETS[name] for name in get_args(PresetName))
    for lesser, greater in ((draft, standard), (standard, best)):
        for field in ("start", "anchors", "bridges", "render"):
            assert getattr(lesser, field) <= getattr(greater, field)
        assert lesser.anchors < greater.anchors and lesser.bridges < greater.bridges
        assert lesser.spacing >= greater.spacing
    assert all(value > 0 for preset in PRESETS.values() for value in preset[:-1])
