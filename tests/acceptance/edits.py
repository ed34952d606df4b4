"""Edits other than age on real clips: whether the person stays the person."""

import numpy as np

from tests.acceptance import look
from tests.acceptance.clips import CLIPS, Clip, make
from tests.acceptance.command import run
from tests.acceptance.judgement import Judges, choose, difference, nearest
from tests.acceptance.lines import Sheet
from tests.acceptance.on_clip import Place, seen
from tests.judges.yunet import Face

EDITS = {"age=+2": 0.5, "smile=+2": 0.6, "mouth=+2": 0.6, "eyes=+2": 0.6, "yaw=+15deg": 0.6}
"""And the least mean identity cosine with the source."""
REAL = [clip for clip in CLIPS if clip.one_face and not clip.remux]


def edits(place: Place, judges: Judges, frames: int | None) -> Sheet:
    """``draft`` on whole cuts, with the inversions that the age runs left, if they are there."""
    sheet = Sheet("edits")
    identity: dict[str, list[float]] = {edit: [] for edit in EDITS}
    for clip in REAL:
        _on(sheet, identity, place, clip, judges, frames)
    for edit, least in EDITS.items():
        if not identity[edit]:
            continue
        note = f"of {len(identity[edit])} clips, lowest {min(identity[edit]):.2f}"
        sheet.at_least(f"{edit} identity cosine", float(np.mean(identity[edit])), least, note=note)
    return sheet


def _on(
    sheet: Sheet,
    identity: dict[str, list[float]],
    place: Place,
    clip: Clip,
    judges: Judges,
    frames: int | None,
) -> None:
    source_path = make(clip, frames or clip.draft_frames, place.assets, place.out / "cuts")
    source, results = seen(source_path, clip), {}
    for edit in EDITS:
        folder = place.out / "runs" / f"{clip.name}-draft-{edit}"
        arguments = ["--edit", edit, "--preset", "draft", "--profile"]
        outcome = run(folder, source_path, arguments, place.out / "work" / f"{clip.name}-draft")
        sheet.equal(f"{clip.name} {edit} exit code", outcome.exit_code, 0)
        if not outcome.exit_code:
            results[edit] = seen(outcome.output, clip)
    if "age=+2" not in results:
        return
    chosen = choose(judges.faces, source, results["age=+2"])
    for edit, shown in results.items():
        verdict = judges.judge(source, shown, chosen)
        cosine = float(verdict.identity.mean())
        identity[edit].append(cosine)
        turned = _turned(judges, source, shown, chosen)
        note = f"lowest {verdict.identity.min():.2f}; face lost in {verdict.missed} frames"
        note += f"; turned by {turned:+.1f} degrees"
        sheet.told(f"{clip.name} {edit} identity cosine", f"{cosine:.2f}", note)
        # An edit that does nothing keeps every identity.
        amount = np.mean(
            [
                difference(before, after, face)
                for before, after, face in zip(source, shown, chosen, strict=True)
                if face is not None
            ]
        )
        sheet.at_least(f"{clip.name} {edit} changes the face by", float(amount), 1.5, " levels")
    worst = np.zeros(max(len(source) - 1, 0))
    look.write(place.out / "pictures" / f"{clip.name}-edits", source, results, chosen, worst)


def _turned(
    judges: Judges,
    source: list[np.ndarray],
    shown: list[np.ndarray],
    chosen: list[Face | None],
) -> float:
    """Degrees by which the face is turned more to the picture's right than in the source.

    Args:
        source, shown: frames, before and after.
        chosen: the edited face in each frame of the source.
    """
    moved = []
    for before, after, face in zip(source, shown, chosen, strict=True):
        if face is not None and (same := nearest(judges.faces(after), face)) is not None:
            moved.append(judges.pose.yaw(after, same) - judges.pose.yaw(before, face))
    return float(np.mean(moved))
