"""How much we are willing to open. A small file can unfold into gigabytes."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Upper bounds on a clip. They decide what is refused, never what a result looks like."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_width: int = Field(default=8192, ge=16)
    """Widest coded picture, in pixels."""
    max_height: int = Field(default=8192, ge=16)
    """Tallest coded picture, in pixels."""
    max_pixels: int = Field(default=8192 * 4320, ge=256)
    """Most pixels in one picture; 8K UHD is 33 million."""
    max_seconds: float = Field(default=3600.0, gt=0)
    """Longest clip, in seconds."""
    max_frames: int = Field(default=432_000, ge=1)
    """Most frames in a clip: an hour at 120 a second."""
    max_streams: int = Field(default=64, ge=1)
    """Most streams of any kind in one file."""
