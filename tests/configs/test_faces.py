"""The plan of ``pipeline faces`` shares its work with a run."""

from pathlib import Path

from configs.edit import EditClip
from configs.faces import ShowFaces
from stages.artifacts import SourceClip

CLIP = SourceClip(Path("clip.mp4"), "1" * 64)


def weights(name: str) -> tuple[Path, str]:
    return Path("weights") / name, name.encode().hex().ljust(64, "0")[:64]


def test_what_is_found_is_found_done_by_a_run() -> None:
    nodes = ShowFaces(start=1, end=2).plan(CLIP, weights).nodes
    run = EditClip(edits=("age=+2",), start=1, end=2).plan(CLIP, weights).nodes
    for name in ("video", "shots", "faces", "tracks"):
        assert nodes[name].stage == run[name].stage
        assert sorted(nodes[name].inputs) == sorted(run[name].inputs)
    assert [name for name, node in nodes.items() if node.stage][-1] == "sheet"
