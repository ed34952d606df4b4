"""Stage: look at the written file as a stranger would, and say success only if it holds."""

import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from pipeline.failure import VerificationFailed
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, Alignment, Bool, SourceClip, Video
from stages.crop_faces import CROP
from stages.edit_artifacts import Edits, Rendered, Result
from stages.media.container import copied_streams
from stages.media.mux import time_shift
from stages.media.open import open_clip
from stages.media.orientation import upright_to_coded
from stages.media.planes import chroma_mask
from stages.media.reader import Frame, read_planes
from stages.metrics.psnr import from_error, squared_error
from stages.network_weights import AgeGenderWeights
from stages.networks.age_gender import AgeGender
from stages.outline import mask_hull
from stages.probe import Probe
from stages.quad import apply_affine, crop


class Verify(Stage):
    """Compares the output with the source: frames, times, shape, colour, streams, and every pixel
    outside the head. Estimates the face's age before and after on a few frames."""

    version: ClassVar[int] = 3
    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1)

    least_outside: float = Field(default=30.0, ge=0)
    """PSNR in dB that every frame must keep outside the head hulls; less is a fault."""
    looks: int = Field(default=8, ge=1)
    """Faces whose age is estimated."""
    compare: bool = False
    """The output shows source and result side by side."""

    def load(self, age_gender: AgeGenderWeights, context: Context) -> AgeGender:
        return AgeGender(age_gender.folder, threads=1)

    def run(
        self,
        loaded: AgeGender,
        clip: SourceClip,
        video: Video,
        alignment: Alignment,
        rendered: Rendered,
        edits: Edits,
        context: Context,
    ) -> Result:
        out = SourceClip(path=rendered.file, sha256="")
        written = Probe().run(clip=out, context=context)
        faults = _faults(video, written, wider=self.compare)
        faults += _stream_faults(clip.path, rendered.file, video, written)
        if faults:
            raise VerificationFailed(f"The output differs from the clip: {'; '.join(faults)}.")
        outside: list[float] = []
        ages: list[tuple[float, float]] = []
        if not self.compare:
            outside, ages = self._look(loaded, clip, video, alignment, rendered, written, context)
            if min(outside) < self.least_outside:
                raise VerificationFailed(
                    f"Outside the face, frame {int(np.argmin(outside))} keeps only "
                    f"{min(outside):.1f} dB of the source; {self.least_outside:g} dB are required."
                )
        edited = int(rendered.edited.sum())
        summary: dict[str, object] = {
            "edits": edits.text,
            "beyond_safe_range": list(edits.beyond),
            "frames": video.frames,
            "edited": edited,
            "passed": video.frames - edited,
            "passed_ranges": [list(r) for r in _ranges(~rendered.edited)],
            "render_size": rendered.render_size,
            "inversion_psnr_256": {
                "mean": round(float(rendered.psnr.mean()), 2),
                "min": round(float(rendered.psnr.min()), 2),
            },
        }
        if outside:
            summary["outside_psnr_min"] = round(min(outside), 2)
        if ages:
            before, after = np.array(ages).mean(axis=0)
            summary["age_before"] = round(float(before), 1)
            summary["age_after"] = round(float(after), 1)
        return Result(file=rendered.file, summary=json.dumps(summary))

    def _look(
        self,
        judge: AgeGender,
        clip: SourceClip,
        video: Video,
        alignment: Alignment,
        rendered: Rendered,
        written: Video,
        context: Context,
    ) -> tuple[list[float], list[tuple[float, float]]]:
        """Per frame: PSNR outside the hulls. And ages (before, after) of some faces."""
        rows = np.flatnonzero(alignment.weight > 0)
        looked = set(rows[np.linspace(0, len(rows) - 1, self.looks).astype(int)].tolist())
        outside, ages = [], []
        pairs = zip(
            read_planes(clip.path, video, threads=context.threads),
            read_planes(rendered.file, written, threads=context.threads),
            strict=True,
        )
        for before, after in pairs:
            here = rows[alignment.frame[rows] == before.index]
            outside.append(_outside(before, after, alignment.outline[here], video))
            for row in looked.intersection(here.tolist()):
                both = np.stack([crop(f.rgb(), alignment.quad[row], CROP) for f in (before, after)])
                first, second = judge.age(both)
                ages.append((float(first), float(second)))
            context.progress(before.index + 1, video.frames)
        return outside, ages


def _outside(before: Frame, after: Frame, outlines: F32, video: Video) -> float:
    """PSNR over all samples of all planes that no head hull touches; 99 where none differs."""
    mask = np.zeros((video.height, video.width), np.uint8)
    for outline in outlines:
        hull = apply_affine(upright_to_coded(video), mask_hull(outline))
        cv2.fillPoly(mask, [np.rint(hull).astype(np.int32)], 1)
    heads = cv2.dilate(mask, np.ones((5, 5), np.uint8)).astype(bool)
    masks: list[Bool] = [~heads, *([~chroma_mask(heads, video)] * 2)]
    error, count = 0.0, 0
    for a, b, where in zip(before.planes, after.planes, masks, strict=True):
        squared, number = squared_error(a, b, where)
        error, count = error + squared, count + number
    return min(99.0, from_error(error, count, (1 << video.bit_depth) - 1))


def _ranges(flags: Bool) -> Iterator[tuple[int, int]]:
    """[first, last) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    yield from ((int(a), int(b)) for a, b in list(pairwise(edges))[::2])


def _faults(source: Video, written: Video, *, wider: bool) -> list[str]:
    """What differs between the two video streams, in words."""
    faults = []
    shift = time_shift(source)
    times = [int(p) * source.time_base - shift for p in source.pts]
    found = [int(p) * written.time_base for p in written.pts]
    if len(found) != len(times):
        faults.append(f"{len(found)} frames instead of {len(times)}")
    elif times != found:
        late = max(abs(a - b) for a, b in zip(times, found, strict=True))
        faults.append(f"frame times are off by up to {float(late):.6f} s")
    if not wider and written.upright_size != source.upright_size:
        faults.append(f"size {written.upright_size} instead of {source.upright_size}")
    for name in ("rotation", "flip", "bit_depth", "sample_aspect_ratio"):
        if getattr(source, name) != getattr(written, name):
            faults.append(f"{name} {getattr(written, name)} instead of {getattr(source, name)}")
    for name in ("primaries", "transfer", "matrix"):
        a, b = getattr(source.colour, name), getattr(written.colour, name)
        if a != b:
            faults.append(f"colour {name} {b} instead of {a}")
    return faults


def _stream_faults(clip: Path, out: Path, video: Video, written: Video) -> list[str]:
    """Streams that were to be copied: the same number, each with the same packets."""
    if video.first_frame:
        return []  # a trim keeps a part of each; the writer's own tests cover which
    wanted, found = _digests(clip, video), _digests(out, written)
    cut_short = len(wanted) == len(found) and all(
        a[0] == b[0] for a, b in zip(wanted, found, strict=True)
    )
    if wanted == found or (cut_short and _trimmed(clip, video)):
        return []
    return [
        f"the copied streams are {[f[0] for f in found]}, of {[w[0] for w in wanted]}, or changed"
    ]


def _trimmed(clip: Path, video: Video) -> bool:
    """Whether frames of the clip come after the last of ours."""
    with open_clip(clip) as source:
        stream = source.streams[video.stream_index]
        return any(p.pts is not None and p.pts > video.pts[-1] for p in source.demux(stream))


def _digests(path: Path, video: Video) -> list[tuple[str, str]]:
    """(type, sha256 of all packets' payloads) of each stream but the edited one."""
    with open_clip(path) as container:
        streams = list(copied_streams(container, video))
        sums = {s.index: hashlib.sha256() for s in streams}
        if streams:
            for packet in container.demux(streams):
                if packet.size:
                    sums[packet.stream.index].update(bytes(packet))
        return sorted((s.type, sums[s.index].hexdigest()) for s in streams)
