"""One clip at one preset: three edits and a lossless run, and all that is measured on them."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stages.metrics.identity import tl_id
from stages.metrics.psnr import from_error, plane_masks, planes_psnr, squared_error
from tests.acceptance import container, look, steadiness
from tests.acceptance.clips import Clip, make
from tests.acceptance.command import Outcome, find, run
from tests.acceptance.judgement import Judges, Verdict, choose
from tests.acceptance.lines import Sheet
from tests.acceptance.pictures import pictures
from tests.acceptance.regions import (
    Region,
    changed_pixels,
    changed_regions,
    differing_outside,
    product_regions,
)

EDITS = ("age=+2", "age=-2", "age=0")
LIMITS = {"draft": (5.0, 4.0), "standard": (20.0, 6.0)}  # seconds a frame, GiB


@dataclass(frozen=True)
class Place:
    """Where things are. ``reuse``: leave the product's work folders from earlier code in place."""

    out: Path
    assets: Path
    age_weights: Path
    reuse: bool = False


def measure(place: Place, clip: Clip, preset: str, judges: Judges, frames: int | None) -> Sheet:
    """Run what has not run, then measure everything."""
    count = frames or (clip.standard_frames if preset == "standard" else clip.draft_frames)
    source_path = make(clip, count, place.assets, place.out / "cuts")
    sheet = Sheet(f"{clip.name}/{preset}")
    outcomes = _runs(place, f"{clip.name}-{preset}", source_path, preset)
    for edit, outcome in outcomes.items():
        sheet.equal(f"{edit} exit code", outcome.exit_code, 0, outcome.stderr[-200:].strip())
    if any(outcome.exit_code or not outcome.result for outcome in outcomes.values()):
        return sheet
    source_file = container.read(source_path)
    for edit in EDITS:
        container.compare(source_file, container.read(outcomes[edit].output), sheet, f"{edit} ")
    regions = _planes(sheet, source_path, outcomes, place.out / "work" / f"{clip.name}-{preset}")
    _faces(sheet, place, clip, source_path, outcomes, regions, judges)
    _costs(sheet, outcomes, len(source_file.times), preset)
    return sheet


def _runs(place: Place, name: str, source: Path, preset: str) -> dict[str, Outcome]:
    work = place.out / "work" / name
    runs = {edit: [] for edit in EDITS} | {"lossless": ["--crf", "0"]}
    outcomes = {}
    for edit, more in runs.items():
        arguments = [
            "--edit",
            "age=+2" if edit == "lossless" else edit,
            "--preset",
            preset,
            "--profile",
            *more,
        ]
        clear = edit == EDITS[0] and not place.reuse
        folder = place.out / "runs" / f"{name}-{edit}"
        outcomes[edit] = run(folder, source, arguments, work, clear=clear)
    return outcomes


def _planes(sheet: Sheet, source: Path, outcomes: dict[str, Outcome], work: Path) -> list[Region]:
    """Lines on the planes: bypass outside the mask, the mask's size, and PSNRs after encoding."""
    changed = [
        changed_pixels(a.planes, b.planes)
        for a, b in zip(pictures(source), pictures(outcomes["lossless"].output), strict=True)
    ]
    told = product_regions(work, changed[0].shape, len(changed))
    regions = told or changed_regions(changed)
    whose = "" if told else "mask = what a lossless run changed"
    area = [r.mask.sum() / max(r.hull.sum(), 1) for r in regions if r.mask.any()]
    sheet.at_most("mask / head hull, largest", max(area, default=np.nan), 1.5, note=whose)
    samples = sum(
        differing_outside(r.mask, a.planes, b.planes)
        for r, a, b in zip(
            regions, pictures(source), pictures(outcomes["lossless"].output), strict=True
        )
    )
    sheet.equal("samples changed outside the mask", samples, 0, whose)
    sheet.told("edited frames", sum(bool(c.any()) for c in changed))
    for edit in EDITS:
        outside, everywhere = [], []
        both = zip(regions, pictures(source), pictures(outcomes[edit].output), strict=True)
        for region, a, b in both:
            where = plane_masks(~region.mask, a.planes)
            outside.append(planes_psnr(a.planes, b.planes, where, a.peak))
            everywhere.append(planes_psnr(a.planes, b.planes, None, a.peak))
        note = f"frame {int(np.argmin(outside))}, median {np.median(outside):.1f}"
        sheet.at_least(f"{edit} PSNR outside, worst frame", min(outside), 42, " dB", note)
        if edit == "age=0":
            sheet.put("upright", *_upright(source, outcomes[edit].output))
            note = f"frame {int(np.argmin(everywhere))}, median {np.median(everywhere):.1f}"
            sheet.at_least("age=0 PSNR everywhere, worst frame", min(everywhere), 42, " dB", note)
    inversion = find(outcomes["age=+2"].report, "inversion_psnr", "inversion_psnr_256")
    if isinstance(inversion, dict):
        inversion = inversion.get("mean")
    if isinstance(inversion, list):
        inversion = float(np.mean(inversion))
    value = float(inversion) if isinstance(inversion, int | float) else float("nan")
    sheet.at_least("inversion PSNR at 256, as reported", value, 22, " dB")
    return regions


def _faces(
    sheet: Sheet,
    place: Place,
    clip: Clip,
    source_path: Path,
    outcomes: dict[str, Outcome],
    regions: list[Region],
    judges: Judges,
) -> None:
    """Lines on ages, identity and steadiness; pictures to look at."""
    source = seen(source_path, clip)
    edited = {e: seen(outcomes[e].output, clip) for e in EDITS[:2]}
    boundaries: list[str] = []
    chosen = choose(judges.faces, source, edited["age=+2"])
    sheet.told("frames judged", sum(face is not None for face in chosen))
    own = judges.judge(source, source, chosen)
    sheet.told("source's age, both judges", f"{own.age.mean():.1f}, {own.second_age.mean():.1f}")
    masks = _stood([region.mask for region in regions], clip)
    worst = np.zeros(max(len(source) - 1, 0))
    for edit, frames in edited.items():
        verdict = judges.judge(source, frames, chosen)
        _ages(sheet, edit, own, verdict, clip.one_face)
        note = f"lowest {verdict.identity.min():.2f}; face lost in {verdict.missed} frames"
        sheet.at_least(f"{edit} identity cosine", float(verdict.identity.mean()), 0.5, note=note)
        if len(verdict.frames) == len(own.frames) > 1:
            steady = tl_id(verdict.embeddings, own.embeddings)
            sheet.told(f"{edit} TL-ID", f"{steady:.3f}")
        found = steadiness.measure(source, frames, masks)
        worst = np.maximum(worst, np.nan_to_num(found.worst))
        note = f"mean absolute {found.inside_absolute:.2f}; worst pair {worst.max():.2f}"
        sheet.at_most(f"{edit} warp error inside / source's", found.inside, 1.5, note=note)
        sheet.at_most(f"{edit} warp error at the border / source's", found.border, 1.5)
        boundaries.append(f"{found.boundary[0]:.2f}")
    # An encoder's groups of B frames have a period of four as well, so windows are told apart on
    # what it was given; what it made of that is in the note.
    given = steadiness.measure(source, seen(outcomes["lossless"].output, clip), masks)
    chance = " ".join(f"{v:.2f}" for v in given.boundary[1:])
    note = f"shifted by 1, 2, 3 frames {chance}; encoded {', '.join(boundaries)}"
    sheet.at_most("warp error at window boundaries / within", given.boundary[0], 1.1, note=note)
    sheet.told(
        "warp error before encoding, inside, border", f"{given.inside:.2f}, {given.border:.2f}"
    )
    coded = steadiness.measure(source, seen(outcomes["age=0"].output, clip), masks)
    sheet.told("warp error of age=0, inside, border", f"{coded.inside:.2f}, {coded.border:.2f}")
    folder = place.out / "pictures" / sheet.unit.replace("/", "-")
    look.write(folder, source, edited, chosen, worst)


def _upright(source: Path, result: Path) -> tuple[str, str, bool]:
    """Is the picture nearest to the source's as it is, and not turned or mirrored?"""
    before, after = (cv2.resize(next(pictures(p)).rgb, (64, 64)) for p in (source, result))
    seen = {"as it is": after, "mirrored": after[:, ::-1]}
    seen |= {f"turned by {90 * k}": np.rot90(after, k) for k in (1, 2, 3)}
    gaps = {k: float(np.abs(before.astype(float) - v).mean()) for k, v in seen.items()}
    best = min(gaps, key=lambda name: gaps[name])
    return best, "= as it is", best == "as it is"


def seen(path: Path, clip: Clip) -> list[np.ndarray]:
    """All pictures of a file, turned so that faces stand."""
    return _stood([picture.rgb for picture in pictures(path)], clip)


def _stood(shown: list[np.ndarray], clip: Clip) -> list[np.ndarray]:
    """Pictures or masks as they are seen, turned so that faces stand."""
    return [np.ascontiguousarray(np.rot90(each, clip.lies)) for each in shown]


def _ages(sheet: Sheet, edit: str, own: Verdict, verdict: Verdict, one_face: bool) -> None:
    sign = 1 if edit == "age=+2" else -1
    first = float(verdict.age.mean() - own.age.mean())
    second = float(verdict.second_age.mean() - own.second_age.mean())
    if not one_face:
        sheet.told(f"{edit} years, both judges", f"{first:+.1f}, {second:+.1f}")
        return
    sheet.at_least(f"{edit} years {'up' if sign > 0 else 'down'}", sign * first, 8)
    sheet.at_least(f"{edit} years by the second judge", sign * second, 4)


def _costs(sheet: Sheet, outcomes: dict[str, Outcome], frames: int, preset: str) -> None:
    seconds, gigabytes = LIMITS[preset]
    first = outcomes["age=+2"]
    load = f"load average {first.load:.1f} at its end"
    if first.warm:
        sheet.not_judged("seconds a frame, whole run", "the work folder held earlier results")
        sheet.not_judged("peak memory", "the work folder held earlier results")
        sheet.not_judged("disk of one run", "the work folder held earlier results")
    else:
        sheet.at_most("seconds a frame, whole run", first.seconds / frames, seconds, note=load)
        sheet.at_most("peak memory", first.peak_bytes / 2**30, gigabytes, " GiB")
        sheet.at_most("disk of one run", first.disk_bytes / frames / 1e6, 1, " MB a frame")
    profile = find(first.report, "profile", "timings", "stages")
    sheet.told("profile", "kept" if profile else "none", json.dumps(profile) if profile else "")


def whole_psnr(a: Path, b: Path) -> float:
    """PSNR in dB over all planes of all frames; -inf when the files differ in frame count."""
    total, count = 0.0, 0
    left, right = list(pictures(a)), list(pictures(b))
    if len(left) != len(right):
        return float("-inf")
    for x, y in zip(left, right, strict=True):
        for p, q in zip(x.planes, y.planes, strict=True):
            error, n = squared_error(p, q)
            total, count = total + error, count + n
    return from_error(total, count, left[0].peak)
