"""Names of outputs from a template such as ``{folder}/{stem}.{edits}{ext}``."""

import os
import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.failure import UsageError
from pipeline.output import LONGEST_NAME, label

DEFAULT = "{folder}/{stem}.{edits}{ext}"

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "folder": "the clip's folder",
        "stem": "the clip's name without its extension",
        "ext": "the clip's extension, in small letters, with its dot",
        "edits": "the edits, as age+2.smile-1",
        "preset": "draft or standard",
        "number": "the job's number in the batch, from 0001",
    }
)
"""What a template may hold, and what each field stands for."""


def check_template(text: str) -> str:
    """The template, if it holds known fields and nothing else in braces.

    Raises:
        ValueError: a field is unknown or has a conversion, a format or an attribute; or the name
            would be empty or hold a control character.
    """
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no template ({error}); there are: {known}") from error
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in FIELDS or form or conversion:
            field = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise ValueError(f"{{{field}}} is no field of a template; there are: {known}")
    if not text or text.endswith(("/", ".")) or not text.isprintable():
        raise ValueError(f"{text!r} does not name a file")
    return text


def fill(text: str, clip: Path, edits: tuple[str, ...], preset: str, number: int) -> Path:
    """The path that a checked template gives for one job. Relative ones stay so.

    Raises:
        UsageError: the name is longer than file systems permit.
    """
    filled = text.format(
        folder=clip.parent,
        stem=clip.stem,
        ext=clip.suffix.lower() or ".mp4",
        edits=".".join(map(label, edits)),
        preset=preset,
        number=f"{number:04d}",
    )
    if len(os.fsencode(Path(filled).name)) > LONGEST_NAME:
        raise UsageError(f"The output's name would be too long: {Path(filled).name[:80]}...")
    return Path(filled)
