"""Another clip's motion on a face: whether it follows, and stays the person it was."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.acceptance import container, look
from tests.acceptance.clips import CLIPS, Clip, make
from tests.acceptance.command import run
from tests.acceptance.judgement import Judges, choose
from tests.acceptance.lines import Sheet
from tests.acceptance.on_clip import Place, seen
from tests.judges.crops import ffhq_crop
from tests.judges.faceapi import FaceApiLandmarks
from tests.judges.yunet import Face

FOLLOWS, LIKENESS = 0.8, 0.5
"""Least correlation with the reference, and identity cosine with the target."""


@dataclass(frozen=True)
class Pair:
    """A clip of ``CLIPS`` by name, and a file beside it from second to second.

    The reference begins with a shut mouth, as the target does.
    """

    target: str
    reference: str
    start: float
    end: float


PAIRS = (
    Pair("portrait_d18", "vfr_talking.mp4", 2.9, 4.4),
    Pair("portrait_d0", "portrait_d18.mp4", 1.9, 3.6),
)


def transfer(place: Place, judges: Judges, frames: int | None) -> Sheet:
    """Mouths by face-api's landmarks, which took no part in what the product measures."""
    sheet = Sheet("transfer")
    landmarks = FaceApiLandmarks(place.assets / "weights")
    for pair in PAIRS:
        _on(sheet, place, pair, judges, landmarks, frames)
    return sheet


def _on(
    sheet: Sheet,
    place: Place,
    pair: Pair,
    judges: Judges,
    landmarks: FaceApiLandmarks,
    frames: int | None,
) -> None:
    clip = next(clip for clip in CLIPS if clip.name == pair.target)
    name = f"{pair.reference} on {pair.target}"
    target = make(clip, frames or clip.draft_frames, place.assets, place.out / "cuts")
    reference = place.assets / "clips" / pair.reference
    asked = f"{reference}@{pair.start:g}-{pair.end:g}"
    arguments = ["--transfer", asked, "--transfer-what", "mouth", "--preset", "draft"]
    folder = place.out / "runs" / f"{pair.target}-transfer-{pair.reference}"
    outcome = run(folder, target, arguments, place.out / "work" / f"{pair.target}-transfer")
    sheet.equal(f"{name} exit code", outcome.exit_code, 0, outcome.stderr[-200:].strip())
    if outcome.exit_code:
        return
    source, shown = seen(target, clip), seen(outcome.output, clip)
    chosen = choose(judges.faces, source, shown)
    led = _followed(judges, landmarks, reference, target, pair.start)
    was, now = (_mouths(judges, landmarks, pictures) for pictures in (source, shown))
    known = np.isfinite(led) & np.isfinite(now) & np.isfinite(was)
    led, was, now = led[known], was[known], now[known]
    note = f"of {known.sum()} frames; of the source {_together(led, was):+.2f}"
    sheet.at_least(f"{name}, mouth with the reference's", _together(led, now), FOLLOWS, note=note)
    spans = " and ".join(f"{np.ptp(each):.2f}" for each in (led, was, now))
    sheet.told(f"{name}, span of reference, source and result", spans, "in distances of the eyes")
    verdict = judges.judge(source, shown, chosen)
    note = f"lowest {verdict.identity.min():.2f}; face lost in {verdict.missed} frames"
    sheet.at_least(f"{name}, identity", float(verdict.identity.mean()), LIKENESS, note=note)
    worst = np.zeros(max(len(source) - 1, 0))
    pictures = place.out / "pictures" / f"{pair.target}-transfer"
    look.write(pictures, source, {"transfer": shown}, chosen, worst)


def _followed(
    judges: Judges, landmarks: FaceApiLandmarks, reference: Path, target: Path, start: float
) -> np.ndarray:
    """(n,) mouth of the reference at the times of the target's frames."""
    times = [np.array(container.read(path).times, np.float64) for path in (reference, target)]
    led = _mouths(judges, landmarks, seen(reference, Clip("", "")))
    known = np.isfinite(led)
    at = times[1] - times[1][0] + start
    return np.interp(at, times[0][known] - times[0][0], led[known], right=np.nan)


def _mouths(judges: Judges, landmarks: FaceApiLandmarks, pictures: list[np.ndarray]) -> np.ndarray:
    """(n,) gap of the lips of the largest face, over the distance of its eyes; nan without one."""
    found = [_largest(judges.faces(picture)) for picture in pictures]
    crops = [ffhq_crop(p, face.points) for p, face in zip(pictures, found, strict=True) if face]
    gaps = np.full(len(pictures), np.nan)
    gaps[[face is not None for face in found]] = landmarks.mouth(np.stack(crops))
    return gaps


def _largest(faces: list[Face]) -> Face | None:
    return max(faces, key=lambda face: face.box[2] * face.box[3], default=None)


def _together(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])
