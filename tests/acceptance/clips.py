"""The clips of the acceptance run: stream-copied cuts, and three fixtures made by remuxing."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg


@dataclass(frozen=True)
class Clip:
    """``source`` is a file of ../shared/assets/clips. ``remux`` names a recipe of this module.

    ``lies``: quarter turns (of ``np.rot90``) by which judges have to turn what is seen, since they
    know faces that stand only.
    """

    name: str
    source: str
    one_face: bool = True
    draft_frames: int = 40
    standard_frames: int = 10
    remux: str = ""
    lies: int = 0


CLIPS = (
    Clip("portrait_d18", "portrait_d18.mp4"),
    Clip("portrait_d0", "portrait_d0.mp4"),
    Clip("portrait_s18", "portrait_s18.mp4"),
    # He speaks: by how much he looks younger differs from syllable to syllable, and ten frames are
    # one.
    Clip("vfr_talking", "vfr_talking.mp4", standard_frames=40),
    Clip("pexels_two_faces", "pexels_two_faces.mp4", one_face=False, draft_frames=64),
    # A hand covers the face in the first nine frames, then the edit fades in; she turns away after
    # frame 50.
    Clip("pexels_one_face", "pexels_one_face.mp4", draft_frames=64, standard_frames=40),
    Clip("rotated_90", "portrait_d3.mp4", remux="rotation", lies=3),
    Clip("two_audio_subtitles", "portrait_d3.mp4", remux="tracks"),
    Clip("start_offset", "portrait_d3.mp4", remux="offset"),
)
NO_FACE = {
    "noface_video_90.mov": 4,
    "noface_video_180.mov": 4,
    "noface_video_270.mov": 4,
    "noface_bt709_full_range.mp4": 4,
    "noface_two_video_two_audio.mp4": 4,
    "noface_unordered.mov": 4,
    "noface_corrupted.mp4": 3,
}
SUBTITLES = "1\n00:00:00,100 --> 00:00:00,700\nHello.\n\n2\n00:00:00,800 --> 00:00:01,200\nYes.\n\n"


def make(clip: Clip, frames: int, assets: Path, folder: Path) -> Path:
    """The cut, made once: ``frames`` video frames from the start, every stream copied."""
    from stages.media.cut import stream_copy_cut

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{clip.name}-{frames}.mp4"
    if target.is_file():
        return target
    cut = folder / f".{clip.name}-{frames}-cut.mp4" if clip.remux else target
    part = folder / f".{target.stem}-part.mp4"
    stream_copy_cut(assets / "clips" / clip.source, cut if clip.remux else part, frames)
    if clip.remux:
        {"rotation": rotate, "tracks": add_tracks, "offset": offset}[clip.remux](cut, part)
    part.rename(target)
    return target


def rotate(source: Path, target: Path) -> None:
    """A display matrix of 90 degrees, counter-clockwise, and nothing else."""
    _ffmpeg(["-display_rotation", "90", "-i", str(source), "-map", "0", "-c", "copy", str(target)])
    with av.open(str(target)) as container:
        turn = next(container.decode(video=0)).rotation
    _expect(abs(turn) == 90, f"{target} has rotation {turn}")


def add_tracks(source: Path, target: Path) -> None:
    """A second audio track and a subtitle track beside the first ones."""
    text = target.with_suffix(".srt")
    text.write_text(SUBTITLES)
    with av.open(str(source)) as container:
        seconds = float(container.duration / 1e6)
    inputs = ["-i", str(source), "-f", "lavfi", "-t", f"{seconds:.3f}", "-i", "sine=440:r=48000"]
    inputs += ["-i", str(text)]
    maps = "-map 0:v -map 0:a -map 1:a -map 2 -c:v copy -c:a:0 copy -c:a:1 aac -c:s mov_text"
    names = ["-metadata:s:a:1", "language=deu", "-metadata:s:s:0", "language=eng"]
    _ffmpeg([*inputs, *maps.split(), *names, str(target)])
    text.unlink()
    with av.open(str(target)) as container:
        kinds = sorted(stream.type for stream in container.streams)
    _expect(kinds == ["audio", "audio", "subtitle", "video"], f"{target} has {kinds}")


def offset(source: Path, target: Path) -> None:
    """All streams begin half a second after zero."""
    _ffmpeg(["-itsoffset", "0.5", "-i", str(source), "-map", "0", "-c", "copy", str(target)])
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        first = Fraction(frame.pts) * frame.time_base
    _expect(abs(first - Fraction(1, 2)) < Fraction(1, 10), f"{target} begins at {first}")


def _ffmpeg(arguments: list[str]) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-nostdin", "-y", *arguments]
    subprocess.run(command, check=True)


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise RuntimeError(sentence)
