"""Render, composite and encode as one stream, with a tiny generator."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.stage import Context
from stages import render
from stages.artifacts import F32, Alignment, SourceClip, Video
from stages.composite import Patch
from stages.edit_artifacts import Edits, Rendered
from stages.edited_faces import render_size
from stages.inversion_artifacts import Latents
from stages.matte import Segmentation
from stages.media.planes import Planes
from stages.media.reader import read_planes
from stages.networks.rgb_head import RenderableGenerator
from stages.outline import mask_hull, soft_mask
from stages.quad import quad_to_square
from stages.render import RenderClip
from stages.renderer import Renderer
from tests.media_fixtures import payloads, probe, psnr, seconds, with_sound
from tests.stages import tiny

FRAMES = 7
SHOWN = range(2, 6)
CENTRE, RADIUS = (64.0, 40.0), 12.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SourceClip:
    path = with_sound(tmp_path_factory.mktemp("clip") / "c.mp4", frames=FRAMES)
    return SourceClip(path, "0" * 64)


@pytest.fixture(scope="module")
def generator() -> RenderableGenerator:
    return tiny.renderable()


def alignment(*frames: range) -> Alignment:
    parts = [(i, f) for i, f in enumerate(frames or [SHOWN])]
    return tiny.alignment(*parts, centre=CENTRE, radius=RADIUS)


def latents(given: Alignment) -> list[Latents]:
    """In two pieces for each face, as from two windows."""
    random = torch.Generator().manual_seed(0)
    found = []
    for track in np.unique(given.track).tolist():
        frame = given.frame[given.track == track]
        w_plus = torch.randn(len(frame), tiny.SHAPE.rows, 16, generator=random).numpy()
        for part in (slice(0, len(frame) // 2), slice(len(frame) // 2, None)):
            psnr = np.full(len(frame[part]), 25, np.float32)
            found.append(Latents(track, frame[part], psnr, w_plus[part]))
    return found


def edits(given: Alignment, strengths: Sequence[float] | float) -> Edits:
    return tiny.edits(given, np.ones((tiny.SHAPE.rows, 16), np.float32), strengths)


class Recorder:
    """Keeps the planes that the encoder would be given."""

    def __init__(self) -> None:
        self.planes: list[Planes] = []

    def __call__(self, *_: object) -> "Recorder":
        return self

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, planes: Planes) -> None:
        self.planes.append(planes)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    monkeypatch.setattr(render, "VideoWriter", found)
    monkeypatch.setattr(render, "mux", lambda *_: None)
    return found


def run(
    generator: RenderableGenerator,
    clip: SourceClip,
    given: Alignment,
    strength: Sequence[float] | float,
    scratch: Path,
    people: Segmentation | None = None,
    **settings: object,
) -> Rendered:
    stage = RenderClip.model_validate({"largest": 256, **settings})
    video = probe(clip.path)
    context = Context(scratch, threads=1)
    loaded = Renderer(generator, people)
    return stage.run(loaded, clip, video, given, latents(given), edits(given, strength), context)


def source(clip: SourceClip) -> tuple[Video, list[Planes]]:
    video = probe(clip.path)
    return video, [f.planes for f in read_planes(clip.path, video)]


def test_no_edit_hands_the_decoders_own_planes_to_the_encoder(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    run(generator, clip, alignment(), 0.0, tmp_path)
    _, planes = source(clip)
    assert len(recorder.planes) == FRAMES
    for after, before in zip(recorder.planes, planes, strict=True):
        for a, b in zip(after, before, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_edit_changes_the_head_of_the_frames_with_a_face_and_nothing_else(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    found = run(generator, clip, alignment(), 0.5, tmp_path)
    _, planes = source(clip)
    hull = mask_hull(tiny.oval(CENTRE, RADIUS))
    (x0, y0), (x1, y1) = np.floor(hull.min(0)).astype(int), np.ceil(hull.max(0)).astype(int)
    for index, (after, before) in enumerate(zip(recorder.planes, planes, strict=True)):
        changed = after[0] != before[0]
        if index not in SHOWN:
            assert not changed.any(), f"frame {index} has no face"
            continue
        assert changed[y0:y1, x0:x1].mean() > 0.2, f"frame {index} shows no edit"
        changed[y0:y1, x0:x1] = False
        assert not changed.any()
    assert np.flatnonzero(found.edited).tolist() == list(SHOWN)
    assert found.psnr.shape == (len(SHOWN),) and found.render_size == 256


def test_the_edit_is_as_strong_as_its_weight(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    full = alignment()
    run(generator, clip, full, 0.5, tmp_path)
    whole, recorder.planes = recorder.planes, []
    faded = tiny.alignment(
        (0, SHOWN), centre=CENTRE, radius=RADIUS, weight=np.full(len(SHOWN), 0.1, np.float32)
    )
    run(generator, clip, faded, 0.5, tmp_path)
    _, planes = source(clip)
    at = SHOWN[2]
    little, much = (
        float(np.abs(p[at][0].astype(int) - planes[at][0]).sum()) for p in (recorder.planes, whole)
    )
    assert 0 < little < 0.5 * much


def shown_change(recorder: Recorder, planes: list[Planes]) -> list[float]:
    """Mean luma change of the head's middle in the frames with a face."""
    x, y = int(CENTRE[0]), int(CENTRE[1])
    part = (slice(y - 10, y + 10), slice(x - 10, x + 10))
    return [
        float(np.abs(recorder.planes[i][0][part].astype(int) - planes[i][0][part]).mean())
        for i in SHOWN
    ]


def test_an_edit_that_varies_is_shown_as_strong_as_it_is_asked_for(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    """The filters over time hold no ramp back: its last frame is that of the full edit."""
    _, planes = source(clip)
    given = alignment()
    still = latents(given)[0].w_plus[:1].repeat(len(SHOWN), axis=0)
    codes = [Latents(0, given.frame, np.full(len(SHOWN), 25, np.float32), still)]

    def render_with(strengths: Sequence[float] | float) -> list[float]:
        recorder.planes = []
        stage = RenderClip(largest=256)
        video, context = probe(clip.path), Context(tmp_path, threads=1)
        stage.run(Renderer(generator), clip, video, given, codes, edits(given, strengths), context)
        return shown_change(recorder, planes)

    full = render_with(0.6)
    ramp = render_with([0.0, 0.2, 0.4, 0.6])
    down = render_with([0.6, 0.4, 0.2, 0.0])
    assert min(full) > 8
    assert ramp[0] == 0 and ramp == sorted(ramp)
    assert ramp[-1] == pytest.approx(full[-1], rel=0.05)
    assert down[-1] == 0


def test_the_edit_fades_out_towards_the_heads_edge(
    generator: RenderableGenerator,
    clip: SourceClip,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Patch] = []

    def keep(planes: Planes, video: Video, patches: list[Patch]) -> Planes:
        seen.extend(patches)
        return planes

    monkeypatch.setattr(render, "paste", keep)
    run(generator, clip, alignment(), 0.5, tmp_path)
    assert len(seen) == len(SHOWN)
    for patch in seen:
        alpha = soft_mask(patch.outline, quad_to_square(patch.quad, 256), 256, hull_of=mask_hull)
        assert not patch.delta[alpha == 0].any()
        rim, core = ((alpha > 0) & (alpha < 0.1)), alpha == 1
        assert np.abs(patch.delta[rim]).mean() < 0.15 * np.abs(patch.delta[core]).mean()


def test_nothing_behind_a_person_changes_who_stays_where_they_were(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    """Somebody of whom the left half of the crop is seen, beyond the face itself."""

    def left(picture: F32) -> F32:
        found = np.zeros((64, 64), np.float32)
        found[:, :32] = 1
        return found

    def change(people: Segmentation | None) -> tuple[float, float]:
        recorder.planes = []
        run(generator, clip, alignment(), 0.5, tmp_path, people)
        _, planes = source(clip)
        hull = mask_hull(tiny.oval(CENTRE, RADIUS)).astype(int)
        y = slice(int(CENTRE[1]) - 4, int(CENTRE[1]) + 4)
        sides = (slice(hull[:, 0].min(), hull[:, 0].min() + 8), slice(hull[:, 0].max() - 8, None))
        at = SHOWN[2]
        pairs = [(recorder.planes[at][0][y, x], planes[at][0][y, x]) for x in sides]
        one, other = (float(np.abs(a.astype(int) - b).mean()) for a, b in pairs)
        return one, other

    before, after = change(None), change(left)
    assert min(before) > 1
    assert after[0] == pytest.approx(before[0], rel=0.2)
    assert after[1] < 0.2 * before[1]


def test_how_many_frames_are_rendered_at_once_changes_nothing_to_be_seen(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    run(generator, clip, alignment(), 0.5, tmp_path, batch=1)
    one, recorder.planes = recorder.planes, []
    run(generator, clip, alignment(), 0.5, tmp_path, batch=5)
    # Rounding differs with the batch, and flow between renders may follow it.
    assert min(psnr(a, b) for a, b in zip(one, recorder.planes, strict=True)) > 45


def test_two_faces_in_one_frame_are_both_edited(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    given = alignment(SHOWN, range(3, 5))
    moved = given.quad.copy()
    outline = given.outline.copy()
    moved[len(SHOWN) :, :, 0] -= 40
    outline[len(SHOWN) :, :, 0] -= 40
    given = Alignment(given.track, given.frame, moved, outline, given.weight)
    run(generator, clip, given, 0.5, tmp_path)
    _, planes = source(clip)
    for x, frames in ((64, SHOWN), (24, range(3, 5))):
        for index in range(FRAMES):
            changed = recorder.planes[index][0][35:45, x - 5 : x + 5]
            same = np.array_equal(changed, planes[index][0][35:45, x - 5 : x + 5])
            assert same == (index not in frames)


def test_the_file_has_the_clips_times_and_sound(
    generator: RenderableGenerator, clip: SourceClip, tmp_path: Path
) -> None:
    found = run(generator, clip, alignment(), 0.5, tmp_path)
    written = probe(found.file)
    assert seconds(written) == seconds(probe(clip.path))
    assert payloads(found.file, "audio") == payloads(clip.path, "audio")
    assert not found.file.name.startswith("video")


def test_compare_shows_both(
    generator: RenderableGenerator, clip: SourceClip, recorder: Recorder, tmp_path: Path
) -> None:
    run(generator, clip, alignment(), 0.5, tmp_path, compare=True)
    _, planes = source(clip)
    for after, before in zip(recorder.planes, planes, strict=True):
        np.testing.assert_array_equal(after[0][:, :128], before[0])
        assert after[0].shape == (96, 256)


@pytest.mark.parametrize(
    ("side", "largest", "size"),
    [
        *((200, 1024, 256), (280, 1024, 256), (300, 1024, 512), (600, 1024, 1024)),
        *((600, 512, 512), (3000, 1024, 1024), (600, 256, 256)),
    ],
)
def test_the_render_is_as_large_as_the_face_in_the_frame(
    side: float, largest: int, size: int
) -> None:
    class Sizes:
        sizes = (256, 512, 1024)

    given = tiny.alignment((0, range(3)), radius=side / 5)
    assert render_size(given, Sizes(), largest) == size  # type: ignore[arg-type]
