"""Which device a run computes on, decided before any heavy import and never changed afterwards."""

import ctypes
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pipeline.failure import MissingDependency

DRIVER = "libcuda.so.1"


def torch_build() -> str | None:
    """The installed torch's version, such as 2.13.0+cpu; None where there is none."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def cuda_devices() -> list[str]:
    """Names of the CUDA devices the driver shows (CUDA_VISIBLE_DEVICES counts), asked directly."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return []
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return []
    names = []
    for index in range(count.value):
        name = ctypes.create_string_buffer(128)
        driver.cuDeviceGetName(name, len(name), index)
        names.append(name.value.decode(errors="replace"))
    return names


def why_not_cuda() -> str | None:
    """The reason why CUDA cannot be used here; None when it can."""
    build = torch_build()
    if build is None:
        return "torch is not installed"
    if build.endswith("+cpu"):
        return f"the installed torch {build} has no CUDA"
    if not cuda_devices():
        return "the NVIDIA driver shows no device"
    return None


def choose(wanted: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device to use. A device that was asked for by name is used or refused, never replaced.

    Raises:
        MissingDependency: cuda was asked for and cannot be used.
    """
    if wanted == "cpu":
        return "cpu"
    reason = why_not_cuda()
    if reason is None:
        return "cuda"
    if wanted == "cuda":
        raise MissingDependency(f"--device cuda cannot be used: {reason}. Use --device cpu.")
    return "cpu"
