"""Small clips made at test time with FFmpeg's test sources. Nothing is committed."""

import subprocess
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from pipeline.stage import Context
from stages.artifacts import SourceClip, Video
from stages.media.planes import Planes
from stages.probe import Probe


def ffmpeg(*arguments: str | Path) -> None:
    """Run the bundled FFmpeg; its last words come with the failure."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-y"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-1000:]


def moving_picture(
    path: Path,
    *options: str,
    size: str = "128x96",
    rate: str = "25",
    frames: int = 24,
    pix_fmt: str = "yuv420p",
    codec: str = "libx264",
    before: tuple[str, ...] = (),
) -> Path:
    """A clip of FFmpeg's ``testsrc2``: moving, with edges and all colours."""
    source = f"testsrc2=size={size}:rate={rate}"
    ffmpeg(
        *("-f", "lavfi", "-i", source, *before, "-frames:v", str(frames)),
        *("-pix_fmt", pix_fmt, "-c:v", codec, "-threads", "1", *options, f"file:{path.absolute()}"),
    )
    return path


def with_sound(path: Path, *options: str, frames: int = 30, tracks: int = 1) -> Path:
    """A clip with B-frames and ``tracks`` AAC tracks, each a different tone and language."""
    inputs: list[str] = ["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=30"]
    maps = ["-map", "0:v"]
    for n in range(tracks):
        tone = f"sine=frequency={440 * (n + 1)}:sample_rate=44100"
        inputs += ["-f", "lavfi", "-i", tone]
        maps += ["-map", f"{n + 1}:a", f"-metadata:s:a:{n}", f"language={('eng', 'deu')[n % 2]}"]
    ffmpeg(
        *inputs,
        *maps,
        *("-t", str(frames / 30), "-frames:v", str(frames), "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-bf", "2", "-threads", "1", "-c:a", "aac", *options),
        f"file:{path.absolute()}",
    )
    return path


def subtitles(path: Path) -> Path:
    """A SubRip file with two lines in the first second."""
    path.write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nHello\n\n2\n00:00:00,500 --> 00:00:00,900\nthere\n",
        encoding="utf-8",
    )
    return path


def chapters(path: Path) -> Path:
    """An FFmpeg metadata file with a title and two chapters."""
    path.write_text(
        ";FFMETADATA1\ntitle=A title\ncomment=As it was\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n",
        encoding="utf-8",
    )
    return path


def remux(source: Path, path: Path, *options: str | Path, before: tuple[str, ...] = ()) -> Path:
    """Copy all streams of ``source`` into ``path``; ``before`` goes in front of the input."""
    ffmpeg(
        *before,
        "-i",
        f"file:{source.absolute()}",
        *options,
        "-c",
        "copy",
        f"file:{path.absolute()}",
    )
    return path


def probe(path: Path, start: float | None = None, end: float | None = None) -> Video:
    """What the first stage says about a file."""
    clip = SourceClip(path=path, sha256="0" * 64)
    return Probe(start=start, end=end).run(clip=clip, context=Context(scratch=path.parent))


def seconds(video: Video) -> list[Fraction]:
    """The exact times of all frames."""
    return [int(pts) * video.time_base for pts in video.pts]


def psnr(a: Planes, b: Planes, bit_depth: int = 8) -> float:
    """The worst plane's peak signal-to-noise ratio in dB; 99 when they are equal."""
    peak = float((1 << bit_depth) - 1)
    worst = max(float(((x.astype(np.float64) - y) ** 2).mean()) for x, y in zip(a, b, strict=True))
    return 99.0 if worst == 0 else 10 * float(np.log10(peak * peak / worst))


def payloads(path: Path, kind: str) -> list[list[tuple[Fraction | None, str]]]:
    """For each stream of one kind, in order: (time, sha256 of the bytes) of its packets."""
    with av.open(str(path)) as container:
        found: dict[int, list[tuple[Fraction | None, str]]] = {
            s.index: [] for s in container.streams if s.type == kind
        }
        for packet in container.demux():
            if packet.stream_index in found and (packet.size or packet.pts is not None):
                time = None if packet.pts is None else packet.pts * packet.time_base
                found[packet.stream_index].append((time, sha256(bytes(packet)).hexdigest()))
    return list(found.values())
