"""Eight frames of a real clip against themselves and against copies with one known fault each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.stage import Context
from stages.align import AlignFaces
from stages.artifacts import SourceClip, Video
from stages.detect import DetectFaces
from stages.evaluate import Evaluate, Measures
from stages.evaluation import Evaluation, IdentityWeights, NiqeWeights
from stages.media.cut import stream_copy_cut
from stages.network_weights import FaceModelWeights, PerceptualWeights
from stages.paired_clips import PairClips
from stages.shots import FindShots
from stages.track import TrackFaces
from tests.media_fixtures import ffmpeg, probe

pytestmark = pytest.mark.slow
FLICKER = "eq=brightness='0.02*(mod(n,2)*2-1)':eval=frame"
SHAKE = "crop=476:476:x='2+2*(mod(n,2)*2-1)':y=2,pad=480:480:2:2"


@dataclass(frozen=True)
class Bench:
    """A short clip whose faces are known, and the networks."""

    clip: Path
    stage: Evaluate
    measures: Measures
    video: Video
    faces: dict[str, object]

    def against(self, result: Path) -> Evaluation:
        context = Context(self.clip.parent, threads=1)
        both = {
            "clip": SourceClip(self.clip, "a"),
            "video": self.video,
            "result": SourceClip(result, "b"),
            "result_video": probe(result),
        }
        pair = PairClips().run(**both, context=context)
        return self.stage.run(self.measures, **both, **self.faces, pair=pair, context=context)

    def filtered(self, name: str, *options: str) -> Evaluation:
        out = self.clip.with_name(name)
        ffmpeg("-i", self.clip, "-an", "-fps_mode", "passthrough", *options, out)
        return self.against(out)


@pytest.fixture(scope="module")
def bench(
    assets: Path, weights: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    clip = tmp_path_factory.mktemp("evaluate") / "clip.mp4"
    stream_copy_cut(assets / "clips" / "portrait_d18.mp4", clip, 9)
    context, source, video = Context(clip.parent, threads=1), SourceClip(clip, "a"), probe(clip)
    models = FaceModelWeights("mediapipe-faces", weights("mediapipe-faces"), "")
    detect = DetectFaces()
    shots = FindShots().run(clip=source, video=video, context=context)
    faces = detect.run(detect.load(models, context), source, video, context)
    tracks = TrackFaces().run(faces, shots, video, context)
    alignment = AlignFaces().run(tracks, shots, video, context)
    checkpoint = assets / "weights" / "identity_mobilefacenet" / "arcface_mobilefacenet.pth"
    stage = Evaluate(looks=2)
    measures = stage.load(
        models,
        PerceptualWeights("efficientnet-lite0", weights("efficientnet-lite0"), ""),
        context,
        niqe=NiqeWeights("niqe", weights("niqe"), ""),
        identity=IdentityWeights(checkpoint, ""),
    )
    known = {"shots": shots, "tracks": tracks, "alignment": alignment}
    return Bench(clip, stage, measures, video, known)


@pytest.fixture(scope="module")
def itself(bench: Bench) -> Evaluation:
    return bench.against(bench.clip)


def test_a_clip_against_itself_is_perfect(itself: Evaluation) -> None:
    assert itself.frames == itself.faces >= 6
    assert itself.lost == 0
    for region in ("overall", "face", "outside"):
        assert itself.figure("psnr", region).value == float("inf")
        assert itself.figure("ssim", region).value == pytest.approx(1)
        assert itself.figure("warp_error", region).ratio == 1
    for name, perfect in (
        ("perceptual_effnetlite0", 0),
        ("fd_effnetlite0", 0),
        ("identity_mobilefacenet", 1),
        ("tl_id", 1),
        ("tg_id", 1),
    ):
        assert itself.figure(name, "face").value == pytest.approx(perfect, abs=1e-4)
    for name in ("landmark_jitter", "niqe_skvideo"):
        assert itself.figure(name, "face").ratio == pytest.approx(1)
    assert itself.figure("lpips_vgg", "face").value is None


def test_coarser_coding_is_further_away_in_every_measure(bench: Bench) -> None:
    coded = [bench.filtered(f"crf{crf}.mp4", "-crf", str(crf)) for crf in (20, 38)]
    for name, region, sign in (
        ("psnr", "overall", 1),
        ("psnr", "face", 1),
        ("psnr", "outside", 1),
        ("mse", "face", -1),
        ("ssim", "face", 1),
        ("perceptual_effnetlite0", "face", -1),
        ("fd_effnetlite0", "face", -1),
        ("identity_mobilefacenet", "face", 1),
    ):
        fine, coarse = (found.figure(name, region).value for found in coded)
        assert sign * (fine - coarse) > 0, name
    assert coded[0].figure("psnr", "face").value > 40


def test_a_blurred_copy_is_less_like_and_not_less_steady(bench: Bench) -> None:
    blurred = bench.filtered("blurred.mp4", "-vf", "gblur=4", "-crf", "10")
    assert blurred.figure("psnr", "face").value < 38
    assert blurred.figure("ssim", "face").value < 0.96
    assert blurred.figure("perceptual_effnetlite0", "face").value > 0.5
    assert blurred.figure("identity_mobilefacenet", "face").value < 0.96
    assert blurred.figure("warp_error", "face").ratio < 0.8
    assert blurred.figure("tl_id", "face").value == pytest.approx(1, abs=0.01)


def test_flicker_is_seen_by_the_warp_error(bench: Bench) -> None:
    flicker = bench.filtered("flicker.mp4", "-vf", FLICKER, "-crf", "10")
    for region in ("overall", "face", "outside"):
        assert flicker.figure("warp_error", region).ratio > 20
    assert flicker.figure("identity_mobilefacenet", "face").value > 0.98


def test_a_shaken_copy_is_seen_by_the_landmarks(bench: Bench) -> None:
    shaken = bench.filtered("shaken.mp4", "-vf", SHAKE, "-crf", "10")
    assert shaken.figure("landmark_jitter", "face").ratio > 3
    assert shaken.figure("identity_mobilefacenet", "face").value > 0.95
    assert shaken.lost == 0


def test_a_covered_face_is_lost(bench: Bench) -> None:
    box = "drawbox=x=60:y=20:w=360:h=440:color=gray:t=fill"
    covered = bench.filtered("covered.mp4", "-vf", box, "-crf", "20")
    assert covered.lost == covered.faces > 0
    assert covered.figure("identity_mobilefacenet", "face").value is None
    assert covered.figure("landmark_jitter", "face").value is None
    assert covered.figure("psnr", "face").value < 20
