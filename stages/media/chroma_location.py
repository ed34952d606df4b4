"""Where chroma samples sit, as the stream says: the one tag that PyAV does not hand out."""

import re
import subprocess
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from stages.media.open import FORMATS, file_url

# AVChromaLocation, by the names FFmpeg prints.
NAMES: Final = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")


def chroma_location(path: Path, stream_index: int) -> int:
    """AVCHROMA_LOC_* of one stream, 0 when nothing is said or FFmpeg cannot tell.

    FFmpeg prints it in brackets after the pixel format once it is verbose:
    ``Stream #0:0[0x1](und): Video: h264 (High), yuv420p(tv, bt709, progressive, left), ...``
    """
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-nostdin", "-v", "verbose"),
        *("-format_whitelist", FORMATS, "-protocol_whitelist", "file"),
        *("-i", file_url(path)),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=60, check=False, start_new_session=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    text = done.stderr.decode("utf-8", "replace")
    line = re.search(rf"^\s*Stream #0:{stream_index}\b.*: Video: .*$", text, re.MULTILINE)
    said = re.search(rf"[(, ]({'|'.join(NAMES[1:])})\)", line.group()) if line else None
    return NAMES.index(said.group(1)) if said else 0
