"""A photograph where a clip is asked for."""

from pipeline.failure import UsageError
from pipeline.plan import Node, Plan
from stages.artifacts import SourceClip
from stages.media.photo import is_photo
from stages.photo_clip import PhotoAsClip


def as_clip(plan: Plan, given: SourceClip) -> Node:
    """The clip that a plan works on: the user's, or one frame made of the user's photograph."""
    if not is_photo(given.path):
        return plan.given("clip", given)
    return plan.add("clip", PhotoAsClip(), photo=plan.given("photo", given))


def refuse_for_photo(name: str, **settings: object) -> None:
    """Raises UsageError: one of these settings is set, and means nothing for a photograph."""
    for setting, value in settings.items():
        if value not in (None, False):
            raise UsageError(f"--{setting} is for clips, and {name} is a photo.")
