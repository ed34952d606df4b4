"""Stage: look at the written photograph as a stranger would, and say success only if it holds."""

import json
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from pipeline.failure import VerificationFailed
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, Alignment, SourceClip
from stages.crop_faces import CROP
from stages.edit_artifacts import Edits, Rendered, Result
from stages.media.photo import LOSSLESS, open_photo, orientation, upright
from stages.metrics.psnr import from_error, squared_error
from stages.network_weights import AgeGenderWeights
from stages.networks.age_gender import AgeGender
from stages.outline import mask_hull
from stages.quad import crop


class VerifyPhoto(Stage):
    """Compares the output with the photograph: size, kind, profile, orientation, and every pixel
    outside the head, which has to be the same where the file is without loss."""

    version: ClassVar[int] = 3
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    least_outside: float = Field(default=30.0, ge=0)
    """PSNR in dB that a file with loss must keep outside the head hulls."""

    def load(self, age_gender: AgeGenderWeights, context: Context) -> AgeGender:
        return AgeGender(age_gender.folder, threads=1)

    def run(
        self,
        loaded: AgeGender,
        photo: SourceClip,
        alignment: Alignment,
        rendered: Rendered,
        edits: Edits,
        context: Context,
    ) -> Result:
        """Raises VerificationFailed: something differs that must not."""
        source, written = open_photo(photo.path), open_photo(rendered.file)
        faults = [
            f"{what} {found} instead of {wanted}"
            for what, wanted, found in (
                ("size", source.size, written.size),
                ("pixels of kind", source.mode, written.mode),
                ("orientation", orientation(source), orientation(written)),
            )
            if wanted != found
        ]
        if source.info.get("icc_profile") != written.info.get("icc_profile"):
            faults.append("another colour profile")
        if faults:
            raise VerificationFailed(f"The output differs from the photo: {'; '.join(faults)}.")
        before, after = upright(source), upright(written)
        shown = alignment.weight > 0
        heads = np.zeros(before.shape[:2], np.uint8)
        for outline in alignment.outline[shown]:
            cv2.fillPoly(heads, [np.rint(mask_hull(outline)).astype(np.int32)], 1)
        outside = cv2.dilate(heads, np.ones((5, 5), np.uint8)) == 0
        error, count = squared_error(before, after, outside)
        psnr = min(99.0, from_error(error, count)) if count else 99.0
        if error and (written.format in LOSSLESS or psnr < self.least_outside):
            raise VerificationFailed(
                f"Outside the face the output keeps only {psnr:.1f} dB of the photo."
            )
        ages: list[F32] = []
        for quad in alignment.quad[shown]:
            ages.append(loaded.age(np.stack([crop(p, quad, CROP) for p in (before, after)])))
        was, now = np.array(ages, np.float32).mean(axis=0)
        summary: dict[str, object] = {
            "edits": edits.text,
            "beyond_safe_range": list(edits.beyond),
            "frames": 1,
            "edited": int(rendered.edited.sum()),
            "passed": int((~rendered.edited).sum()),
            "passed_ranges": [],
            "render_size": rendered.render_size,
            "inversion_psnr_256": {
                "mean": round(float(rendered.psnr.mean()), 2),
                "min": round(float(rendered.psnr.min()), 2),
            },
            "outside_psnr_min": round(psnr, 2),
            "age_before": round(float(was), 1),
            "age_after": round(float(now), 1),
        }
        return Result(file=rendered.file, summary=json.dumps(summary))
