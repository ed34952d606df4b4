"""The clip that ships."""

from pathlib import Path

import av


def test_the_sample_is_small_short_and_has_sound(repository: Path) -> None:
    clip = repository / "samples" / "sample.mp4"
    assert clip.stat().st_size < 1_000_000
    with av.open(str(clip)) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
        frames = list(container.decode(video=0))
    assert len(frames) == 48
    first, later = (f.to_ndarray(format="gray").astype(float) for f in (frames[0], frames[12]))
    assert abs(first - later).mean() > 2  # it moves
