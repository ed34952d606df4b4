"""Stage: the steady FFHQ crop and outline of every face that is to be edited."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from pipeline.failure import NothingToEdit, UsageError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, Alignment, Likeness, Shots, Tracks, Video
from stages.face_choice import check_choice, chosen_tracks
from stages.outline import face_outline
from stages.quad import Axes, ffhq_axes, quad_of
from stages.smoothing import smooth
from stages.yaw import yaw_of

_YAW_SMOOTHING = 0.1  # seconds; a weight that flickers is a pulse in the film


class AlignFaces(Stage):
    """Chooses tracks and smooths their crops: centre and axes separately, by seconds.

    Jitter here is flicker in everything after. STIT (Tzaban et al. 2022) smooths the centre with
    sigma 1 and the axes with sigma 3 frames; the defaults are about that at 25 fps.
    """

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    face: str = "largest"
    """Which faces are edited: largest (of each shot), all, track:N as listed by "faces", or
    like:PHOTO."""
    centre_seconds: Annotated[float, Field(ge=0, le=2)] = 0.04
    """Sigma of the smoothing of the crop's centre."""
    axes_seconds: Annotated[float, Field(ge=0, le=2)] = 0.12
    """Sigma of the smoothing of the crop's size and tilt."""
    outline_seconds: Annotated[float, Field(ge=0, le=2)] = 0.04
    """Sigma of the smoothing of the face's outline."""
    margin: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """How much larger the crop is than FFHQ's, as a fraction; generators expect 0."""
    fade_seconds: Annotated[float, Field(ge=0, le=5)] = 0.4
    """How long the edit takes to appear or go where a face is found or lost in mid-shot. In 0.2 s
    twenty years are a jump: pexels_one_face, whose face a hand lays bare, had 1.6 times the
    source's warp error for that alone."""
    yaw_full: Annotated[float, Field(ge=0, le=90)] = 40.0
    """Up to this many degrees of turn to the side the edit is shown in full."""
    yaw_none: Annotated[float, Field(gt=0, le=90)] = 60.0
    """From this many degrees on it is not shown at all."""

    @field_validator("face")
    @classmethod
    def _known_selector(cls, text: str) -> str:
        return check_choice(text, photographs=True)

    @field_validator("yaw_none")
    @classmethod
    def _in_order(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("yaw_full", 0):
            raise UsageError(f"yaw_none {value} must be above yaw_full {info.data['yaw_full']}")
        return value

    def run(
        self,
        tracks: Tracks,
        shots: Shots,
        video: Video,
        context: Context,
        likeness: Likeness | None = None,
    ) -> Alignment:
        """Raises NothingToEdit when no track is there, none matches, or none faces the camera."""
        ids = chosen_tracks(self.face, tracks, shots, likeness)
        seconds = video.seconds
        quads, outlines, weights = [], [], []
        for track in ids:
            rows = tracks.track == track
            landmarks, frame = tracks.landmarks[rows], tracks.frame[rows]
            times = seconds[frame]
            quads.append(self.steady_quads(times, landmarks))
            outline = smooth(
                times, face_outline(landmarks).astype(np.float64), self.outline_seconds
            )
            outlines.append(outline.astype(np.float32))
            first, last = _shot_of(int(frame[0]), shots)
            weight = self._facing(times, landmarks)
            weight *= self._fade(times, frame[0] > first, frame[-1] < last - 1)
            weights.append(weight.astype(np.float32))
        if not any((weight > 0).any() for weight in weights):
            raise NothingToEdit(
                "The face is never turned to the camera enough to be edited: it stays more than "
                f"{self.yaw_none:g} degrees to the side."
            )
        chosen = np.concatenate([np.flatnonzero(tracks.track == track) for track in ids])
        return Alignment(
            track=tracks.track[chosen],
            frame=tracks.frame[chosen],
            quad=np.concatenate(quads),
            outline=np.concatenate(outlines),
            weight=np.concatenate(weights),
        )

    def steady_quads(self, times: F64, landmarks: F32) -> F64:
        """(n, 4, 2) smoothed crops of one track."""
        raw = ffhq_axes(landmarks)
        centre = smooth(times, raw.centre, self.centre_seconds)
        x = smooth(times, raw.x, self.axes_seconds) * (1 + self.margin)
        return quad_of(Axes(centre, x))

    def _facing(self, times: F64, landmarks: F32) -> F64:
        """(n,) 1 while the face looks at us, 0 where it is turned away."""
        yaw = smooth(times, np.abs(yaw_of(landmarks)), _YAW_SMOOTHING)
        return _smoothstep((self.yaw_none - yaw) / (self.yaw_none - self.yaw_full))

    def _fade(self, times: F64, fades_in: bool, fades_out: bool) -> F64:
        """(n,) rises from 0 after a beginning, and falls to 0 before an end, in mid-shot."""
        weight = np.ones(len(times))
        length = max(self.fade_seconds, 1e-9)
        if fades_in:
            weight *= _smoothstep((times - times[0]) / length)
        if fades_out:
            weight *= _smoothstep((times[-1] - times) / length)
        return weight


def _shot_of(frame: int, shots: Shots) -> tuple[int, int]:
    """[first, last) of the shot that holds the frame."""
    index = int(np.searchsorted(shots.ranges[:, 1], frame, side="right"))
    return int(shots.ranges[index, 0]), int(shots.ranges[index, 1])


def _smoothstep(t: F64) -> F64:
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
