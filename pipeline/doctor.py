"""Is this machine ready? Every check is a line that says what was found and what to do."""

import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline import device, folders, precision
from pipeline.failure import PipelineError
from pipeline.weights import Weights

LIBRARIES = ("torch", "numpy", "av", "opencv-python", "decord", "ai-edge-litert", "onnxruntime")
OPTIONAL = {
    "ray": "--on ray",
    "ptlflow": "learned optical flow",
    "face-alignment": "the face-alignment backend",
    "lpips": "LPIPS",
}
ENOUGH_DISK = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``ok`` is None for what may be missing."""

    subject: str
    ok: bool | None
    text: str


def installed(distribution: str) -> str | None:
    """The version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def python() -> Iterator[Finding]:
    """The interpreter, and that our packages are the ones it imports."""
    yield Finding("python", sys.version_info >= (3, 11), platform.python_version())
    root = Path(__file__).resolve().parent.parent
    for name in ("pipeline", "stages", "configs"):
        found = importlib.util.find_spec(name)
        places = [Path(p) for p in (found.submodule_search_locations or ())] if found else []
        if not any(place.resolve().parent == root for place in places):
            where = ", ".join(map(str, places)) or "nowhere"
            text = f"imports from {where}, not from {root}; another distribution shadows ours"
            yield Finding(name, False, text)


def ffmpeg() -> Finding:
    """The FFmpeg binary of imageio-ffmpeg, run once."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        binary = get_ffmpeg_exe()
        done = subprocess.run(
            [binary, "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (ImportError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        return Finding("ffmpeg", False, f"{error}; install imageio-ffmpeg again")
    return Finding("ffmpeg", True, f"{' '.join(done.stdout.split()[:3])} at {binary}")


def libraries() -> Iterator[Finding]:
    """What a default run imports, and what only some options do."""
    for name in LIBRARIES:
        found = installed(name)
        wanted = name != "decord" or platform.machine() == "x86_64"
        yield Finding(name, bool(found) if wanted else None, found or "not installed")
    for name, purpose in OPTIONAL.items():
        text = installed(name)
        yield Finding(name, True if text else None, text or f"not installed; {purpose} needs it")


def imports(module: str, expression: str, words: str) -> Finding:
    """Import a module in a child process, so that a broken build cannot take the report with it.

    ``expression`` is evaluated there and its value is put into ``words``.
    """
    subject, program = f"import {module}", f"import {module}; print({expression})"
    command = [sys.executable, "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return Finding(subject, False, "not done within 120 s")
    if done.returncode:
        return Finding(subject, False, (done.stderr.strip().splitlines() or ["no message"])[-1])
    return Finding(subject, True, words.format(done.stdout.strip()))


def devices() -> Finding:
    """What ``--device auto`` would choose."""
    reason = device.why_not_cuda()
    if reason is None:
        return Finding("device", True, f"cuda: {', '.join(device.cuda_devices())}")
    return Finding("device", True, f"cpu ({reason})")


def precisions() -> Finding:
    """What ``--precision auto`` would choose."""
    return Finding("precision", True, precision.choose("auto"))


def weights() -> Iterator[Finding]:
    """Every entry of the manifest, checked by sha256."""
    source = Weights()
    for entry in source.entries():
        subject, command = f"weights {entry.name}", f"`pipeline weights pull {entry.name}`"
        match source.state(entry):
            case "ready":
                yield Finding(subject, True, "ready")
            case "damaged":
                yield Finding(subject, False, f"damaged; {command} takes it anew")
            case "absent":
                too = ", and so does the first run" if entry.default else ""
                yield Finding(subject, None, f"not here yet; {command} takes it once{too}")


def cache() -> Iterator[Finding]:
    """The cache folder can be written and has room."""
    folder = folders.cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"{folder} cannot be written ({error.strerror}); name another with PIPELINE_CACHE"
        yield Finding("cache", False, text)
        return
    yield Finding("cache", True, str(folder))
    yield Finding("disk", free > ENOUGH_DISK, f"{free / 1e9:.1f} GB free at {folder}")


def examine() -> Iterator[Finding]:
    """All checks, in the order in which their failures explain each other."""
    yield from python()
    yield ffmpeg()
    yield from libraries()
    yield imports("torch", "torch.get_num_threads()", "works, {} threads")
    yield imports("cv2", "cv2.__version__", "works, {}")
    yield imports("av", "av.__version__", "works, {}")
    yield devices()
    yield precisions()
    yield from cache()
    try:
        yield from weights()
    except PipelineError as error:
        yield Finding("weights", False, str(error))
