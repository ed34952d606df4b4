"""Where the camera changes: nothing is tracked, smoothed or compared across a cut."""

from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Shots, SourceClip, Video
from stages.media.planes import rgb_small
from stages.media.reader import read_planes


class FindShots(Stage):
    """Find cuts with PySceneDetect's detectors, on small pictures in presentation order.

    Both score how much hue, saturation and brightness change from one frame to the next.
    ``content`` cuts where the score passes a threshold, and so also in a flash or a fast pan;
    ``adaptive`` where it stands out from its neighbours, which those do not.
    """

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1)

    detector: Literal["adaptive", "content"] = "adaptive"
    """Which rule decides on a cut."""
    adaptive_ratio: float = Field(default=3.0, gt=1)
    """How many times its neighbours' change a cut must show (adaptive)."""
    content_threshold: float = Field(default=27.0, gt=0, le=255)
    """Mean change of hue, saturation and brightness, in [0, 255], that is a cut (content)."""
    min_seconds: float = Field(default=0.3, ge=0)
    """Shorter shots are joined with the one before them."""
    height: int = Field(default=144, ge=36, le=1080)
    """Pictures are shrunk to this many lines; larger ones are no more certain."""

    def run(self, clip: SourceClip, video: Video, context: Context) -> Shots:
        """Divide all frames of ``video`` into shots.

        Raises:
            InputError: the clip no longer decodes to what was probed.
        """
        shortest = max(1, round(self.min_seconds * float(video.frame_rate)))
        detector = self._detector(shortest)
        height = min(self.height, video.height)
        width = max(16, round(video.width * height / video.height))
        cuts: list[int] = []
        time = FrameTimecode(0, fps=25.0)
        for frame in read_planes(clip.path, video, threads=context.threads):
            # Frames are counted, not timed: the rate only has to be some number.
            time = FrameTimecode(frame.index, fps=25.0)
            picture = rgb_small(frame.planes, video, width, height)
            bgr = np.ascontiguousarray(picture[..., ::-1])
            cuts += [c.frame_num for c in detector.process_frame(time, bgr)]
            context.progress(frame.index + 1, video.frames)
        cuts += [c.frame_num for c in detector.post_process(time)]
        inside = sorted({c for c in cuts if 0 < c < video.frames})
        edges = [0, *inside, video.frames]
        return Shots(ranges=np.array(list(pairwise(edges)), dtype=np.int32))

    def _detector(self, shortest: int) -> AdaptiveDetector | ContentDetector:
        if self.detector == "adaptive":
            return AdaptiveDetector(
                adaptive_threshold=self.adaptive_ratio, min_scene_len=shortest, window_width=2
            )
        return ContentDetector(threshold=self.content_threshold, min_scene_len=shortest)
