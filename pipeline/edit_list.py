"""A list of edits as it is written down, taken apart. What an edit means is not known here.

Commas part edits, and also the keyframes of one edit: ``age=+2,smile=0@0s,+2@1.5s`` is two edits.
An edit has a ``=`` and a keyframe has none, so a part that begins like a number and has no ``=``
goes on with the edit before it.
"""

NUMBER = tuple("+-.0123456789")


def split_edits(text: str) -> list[str]:
    """The edits of a comma list, in order, each with its keyframes."""
    found: list[str] = []
    for part in map(str.strip, text.split(",")):
        if found and "=" not in part and part.startswith(NUMBER):
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found
