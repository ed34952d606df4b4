"""The device is what was asked for, or a refusal."""

import pytest

from pipeline import device
from pipeline.failure import MissingDependency


@pytest.mark.parametrize(
    ("build", "names", "reason"),
    [
        ("2.13.0+cpu", ["H200"], "has no CUDA"),
        ("2.13.0", [], "no device"),
        (None, ["H200"], "not installed"),
        ("2.13.0", ["H200"], None),
    ],
)
def test_choice(
    monkeypatch: pytest.MonkeyPatch, build: str | None, names: list[str], reason: str | None
) -> None:
    monkeypatch.setattr(device, "torch_build", lambda: build)
    monkeypatch.setattr(device, "cuda_devices", lambda: names)
    assert device.choose("cpu") == "cpu"
    if reason is None:
        assert device.choose("auto") == device.choose("cuda") == "cuda"
        return
    assert device.choose("auto") == "cpu"
    with pytest.raises(MissingDependency, match=reason):
        device.choose("cuda")


def test_no_driver_means_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DRIVER", "libnothing-of-that-name.so.1")
    assert device.cuda_devices() == []
