"""Where a result goes, when that is refused, and how it gets there in one step."""

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from pipeline.failure import OutOfResources, OutputRefused

LONGEST = 80
"""Characters that the edits may take in the name of a file."""
LONGEST_NAME = 230
"""Bytes of a result's name. File systems take 255; until it is whole, its name is longer."""
SPARE = 64 << 20
"""Bytes that stay free on a disk we write to."""


def label(edit: str) -> str:
    """An edit as a part of a file name: ``age=2`` and ``age=+2`` are ``age+2``."""
    name, _, amount = edit.partition("=")
    signed = amount if amount[:1] in "+-" else f"+{amount}"
    return re.sub(r"[^A-Za-z0-9+.-]", "_", name + signed)


def default_name(clip: Path, edits: Sequence[str], suffix: str, *, compare: bool) -> str:
    """``clip.age+2.mp4`` for ``clip.mp4``, with every edit; ``.compare`` for a side by side.

    Edits that are too many or too long for a file's name are cut, and told apart by their sha256.
    """
    said = ".".join(map(label, edits))
    if len(said) > LONGEST:
        said = f"{said[:LONGEST]}.{sha256(said.encode()).hexdigest()[:8]}"
    parts = [clip.stem, said, *(["compare"] if compare else [])]
    return ".".join(parts) + suffix


def targets(
    clips: Sequence[Path], output: str | None, edits: Sequence[str], *, compare: bool
) -> list[Path]:
    """The result's path for each clip: beside it, in the folder, or the file that was named.

    Raises:
        OutputRefused: one file for several clips, a file without an extension, or one path twice.
    """
    named = Path(output) if output else None
    if named and (_is_folder(named) or (output or "").endswith(("/", os.sep))):
        folder: Path | None = named
    elif named:
        if len(clips) > 1:
            raise OutputRefused(f"{named} is one file for {len(clips)} clips; name a folder.")
        if not named.suffix:
            raise OutputRefused(
                f"{named} has no extension and is no folder; name a file such as {named}.mp4, "
                f"or the folder {named}/ once it exists."
            )
        return [named]
    else:
        folder = None
    chosen = []
    for clip in clips:
        name = default_name(clip, edits, clip.suffix.lower() or ".mp4", compare=compare)
        chosen.append((folder or clip.parent) / name)
    twice = {path for path in chosen if chosen.count(path) > 1}
    if twice:
        raise OutputRefused(f"Two clips would be written to {min(twice)}; name them differently.")
    return chosen


def make_folder(folder: Path) -> None:
    """Make a folder for results, with those above it, unless it is there.

    Raises:
        OutputRefused: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(f"The folder {folder} cannot be made ({error.strerror}).") from error


def _is_folder(path: Path) -> bool:
    """Unlike ``Path.is_dir``, False for a name that is too long to be one's."""
    return os.path.isdir(path)  # noqa: PTH112


def refuse(target: Path, clips: Sequence[Path], *, overwrite: bool) -> None:
    """Say no before the work starts.

    Raises:
        OutputRefused: the name is too long, the folder is missing or not writable, the target is a
            folder, is one of the inputs (by inode, even with ``overwrite``), or exists and is not
            to be overwritten.
    """
    folder = target.parent
    if (size := len(os.fsencode(target.name))) > LONGEST_NAME:
        raise OutputRefused(
            f"The output's name, {target.name[:40]}..., has {size} bytes, and {LONGEST_NAME} are "
            "the most; name another output."
        )
    if not _is_folder(folder):
        raise OutputRefused(f"The folder {folder} does not exist.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputRefused(f"The folder {folder} is not writable.")
    if target.is_dir():
        raise OutputRefused(f"{target} is a folder.")
    if not os.path.lexists(target):
        return
    for clip in clips:
        if target.exists() and clip.exists() and target.samefile(clip):
            raise OutputRefused(f"{target} is the input itself; name another output.")
    if not overwrite:
        raise OutputRefused(f"{target} exists; name another output, or say --overwrite.")


def need_space(folder: Path, size: int) -> None:
    """Check the disk of a folder that exists.

    Raises:
        OutOfResources: less than ``size`` bytes, and some to spare, are free.
    """
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise OutOfResources(
            f"The disk of {folder} has {free / 1e6:.0f} MB free and about "
            f"{(size + SPARE) / 1e6:.0f} MB are needed."
        )


def publish(made: Path, target: Path, *, overwrite: bool) -> None:
    """Put a finished file in place, whole or not at all.

    The bytes go to a hidden file in the target's folder and reach the disk before the name appears.
    Unless ``overwrite``, the name is taken by a hard link, which fails when somebody else has
    taken it meanwhile; a file system without links gets the name reserved first.

    Raises:
        OutputRefused: the target appeared during the run, or the folder cannot be written.
    """
    part = target.with_name(f".{target.name}.tmp-{secrets.token_hex(4)}{target.suffix}")
    try:
        with made.open("rb") as source, part.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        if overwrite:
            part.replace(target)
        else:
            _take_name(part, target)
        _settle(target.parent)
    except FileExistsError as error:
        raise OutputRefused(f"{target} appeared during the run; it was left alone.") from error
    except PermissionError as error:
        raise OutputRefused(f"{target} cannot be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)


def _take_name(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        part.replace(target)


def _settle(folder: Path) -> None:
    """Bring the folder's new entry to the disk, where that is possible."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
