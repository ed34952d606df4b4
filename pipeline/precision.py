"""In which precision faces are inverted and rendered, decided before any heavy import."""

from pathlib import Path
from typing import Literal

from pipeline import device

Wanted = Literal["auto", "fp32", "bf16"]
Chosen = Literal["fp32", "bf16"]
MULTIPLIES_BF16 = {"avx512_bf16", "amx_bf16"}
"""Linux' names of what a processor needs for it."""
CPUINFO = Path("/proc/cpuinfo")


def multiplies_bf16() -> bool:
    """Whether this machine's processor does; False where that cannot be read."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return False
    return any(
        name.strip() == "flags" and MULTIPLIES_BF16 & set(flags.split())
        for name, _, flags in (line.partition(":") for line in lines)
    )


def choose(
    wanted: Wanted, on_device: Literal["auto", "cpu", "cuda"] = "auto", *, motion: bool = False
) -> Chosen:
    """The precision to use; ``auto`` is bf16 where a processor that multiplies it does the work.

    A GPU gets float32 unless told otherwise: there, bf16 was not measured. So does what takes
    another face's ``motion``, which is small differences of codes: in bf16 mouths went with those
    of two references by 0.01 less.
    """
    if wanted != "auto":
        return wanted
    if motion:
        return "fp32"
    gpu = on_device == "cuda" or (on_device == "auto" and device.why_not_cuda() is None)
    return "bf16" if not gpu and multiplies_bf16() else "fp32"
