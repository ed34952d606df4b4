"""Draft is less work than standard."""

from typing import get_args

from configs.presets import PRESETS, PresetName


def test_every_preset_name_has_settings() -> None:
    assert set(PRESETS) == set(get_args(PresetName)) == {"draft", "standard"}


def test_work_grows_from_draft_to_standard() -> None:
    """But for what a start may take at most: standard's windows have the steps for it."""
    draft, standard = (PRESETS[name] for name in get_args(PresetName))
    assert draft.start <= standard.start
    for field in ("anchors", "bridges", "render"):
        assert getattr(draft, field) < getattr(standard, field)
    steps = [(each.start, each.most, each.anchors, each.bridges) for each in PRESETS.values()]
    assert all(count > 0 for counts in steps for count in counts)
    assert {each.precision for each in PRESETS.values()} == {"fp32"}, "a preset does not choose it"
