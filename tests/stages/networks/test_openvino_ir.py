"""Constants of an OpenVINO file pair."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.networks.openvino_ir import read_constants


def write(folder: Path, layers: str, values: bytes) -> None:
    (folder / "Net.xml").write_text(f'<net version="10"><layers>{layers}</layers></net>')
    (folder / "Net.bin").write_bytes(values)


def const(name: str, offset: int, shape: str, kind: str = "f32") -> str:
    data = f'<data element_type="{kind}" offset="{offset}" shape="{shape}" size="0"/>'
    return f'<layer id="0" name="{name}" type="Const">{data}</layer>'


def test_values_come_from_their_offsets_in_graph_order(tmp_path: Path) -> None:
    values = np.arange(10, dtype="<f4")
    layers = (
        const("late", 16, "2, 3")
        + const("axes", 0, "2", kind="i64")
        + '<layer id="1" name="relu" type="PReLU"/>'
        + const("scalar", 4, "")
    )
    write(tmp_path, layers, values.tobytes())
    late, scalar = read_constants(tmp_path, "Net")

    assert (late.name, scalar.name) == ("late", "scalar")
    torch.testing.assert_close(late.value, torch.arange(4.0, 10.0).reshape(2, 3))
    assert scalar.value.shape == () and float(scalar.value) == 1


def test_a_constant_beyond_the_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, const("w", 4, "10"), bytes(40))
    with pytest.raises(ValueError, match=r"constant w lies outside Net\.bin"):
        read_constants(tmp_path, "Net")


def test_a_graph_without_layers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Net.xml").write_text("<net/>")
    (tmp_path / "Net.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"Net\.xml has no layers"):
        read_constants(tmp_path, "Net")
