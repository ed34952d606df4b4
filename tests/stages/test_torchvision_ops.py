import subprocess
import sys

import pytest
import torch

from stages.torchvision_ops import compiled_library_loads, declare_missing_operators

IMPORTS = "import lpips, ptlflow, face_alignment; print('imported')"


def in_fresh_interpreter(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_everything_that_needs_torchvision_imports() -> None:
    code = "import stages.torchvision_ops as o; o.declare_missing_operators(); " + IMPORTS
    result = in_fresh_interpreter(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("imported")


def test_torchvision_imports_after_the_declaration() -> None:
    code = (
        "import stages.torchvision_ops as o; o.declare_missing_operators(); "
        "import torchvision; print(torchvision.__version__)"
    )
    result = in_fresh_interpreter(code)
    assert result.returncode == 0, result.stderr


def test_it_may_be_called_again_and_leaves_a_whole_library_alone() -> None:
    first = declare_missing_operators()
    assert declare_missing_operators() is first
    assert (first is None) == compiled_library_loads()
    assert hasattr(torch.ops.torchvision, "nms") or first is None
