"""Where results go: names, refusals, and publishing whole or not at all."""

import os
from pathlib import Path

import pytest

from pipeline.failure import OutOfResources, OutputRefused
from pipeline.output import default_name, make_folder, need_space, publish, refuse, targets


@pytest.mark.parametrize(
    ("edits", "compare", "name"),
    [
        (["age=+2"], False, "clip.age+2.mp4"),
        (["age=2"], False, "clip.age+2.mp4"),
        (["age=-2.5"], False, "clip.age-2.5.mp4"),
        (["age=+10y", "smile=-1"], False, "clip.age+10y.smile-1.mp4"),
        (["age=+2"], True, "clip.age+2.compare.mp4"),
        (["a/../b=+1"], False, "clip.a_.._b+1.mp4"),
        (["smile=0@0s,+2@1.5s"], False, "clip.smile+0_0s_+2_1.5s.mp4"),
        (["track:1:age=2"], False, "clip.track_1_age+2.mp4"),
    ],
)
def test_default_name(edits: list[str], compare: bool, name: str) -> None:
    assert default_name(Path("/in/clip.mp4"), edits, ".mp4", compare=compare) == name


def test_long_edits_are_cut_and_still_told_apart() -> None:
    one, two = (
        default_name(Path("clip.mp4"), [f"a={','.join(f'{i}@{i}s' for i in range(n))}"], ".mp4",
                     compare=False)
        for n in (90, 91)
    )  # fmt: skip
    assert one != two and one[:80] == two[:80] and max(len(one), len(two)) < 110


def test_targets_beside_in_a_folder_or_named(tmp_path: Path) -> None:
    clips = [tmp_path / "a.mp4", tmp_path / "b.MOV"]
    beside = targets(clips, None, ["age=1"], compare=False)
    assert beside == [tmp_path / "a.age+1.mp4", tmp_path / "b.age+1.mov"]
    inside = targets(clips, str(tmp_path), ["age=1"], compare=False)
    assert inside == [tmp_path / "a.age+1.mp4", tmp_path / "b.age+1.mov"]
    assert targets(clips[:1], "out.mkv", ["age=1"], compare=False) == [Path("out.mkv")]


@pytest.mark.parametrize(
    ("clips", "output", "sentence"),
    [
        (["a.mp4", "b.mp4"], "out.mp4", "one file for 2 clips"),
        (["a.mp4"], "out", "has no extension"),
        (["x/a.mp4", "y/a.mp4"], "folder/", "Two clips would be written"),
    ],
)
def test_targets_that_cannot_be(clips: list[str], output: str, sentence: str) -> None:
    with pytest.raises(OutputRefused, match=sentence):
        targets([Path(clip) for clip in clips], output, ["age=1"], compare=False)


def test_refusals_before_the_work(tmp_path: Path) -> None:
    clip, other, link = tmp_path / "clip.mp4", tmp_path / "other.mp4", tmp_path / "link.mp4"
    clip.write_bytes(b"clip")
    other.write_bytes(b"other")
    link.hardlink_to(clip)
    refuse(tmp_path / "new.mp4", [clip], overwrite=False)
    refuse(other, [clip], overwrite=True)
    for target, overwrite, sentence in [
        (other, False, "--overwrite"),
        (clip, True, "input itself"),
        (link, True, "input itself"),
        (tmp_path, True, "is a folder"),
        (tmp_path / "none" / "out.mp4", False, "does not exist"),
        (tmp_path / (300 * "a") / "out.mp4", False, "does not exist"),
        (tmp_path / (227 * "a" + ".mp4"), False, "has 231 bytes, and 230 are the most"),
    ]:
        with pytest.raises(OutputRefused, match=sentence):
            refuse(target, [clip], overwrite=overwrite)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / (300 * "a")):
        with pytest.raises(OutputRefused, match=r"cannot be made \("):
            make_folder(folder)
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")


def test_the_longest_name_can_be_published(tmp_path: Path) -> None:
    made, target = tmp_path / "made", tmp_path / (225 * "a" + ".webm")
    made.write_bytes(b"made")
    refuse(target, [], overwrite=False)
    publish(made, target, overwrite=False)
    assert target.read_bytes() == b"made"


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.symlink_to(tmp_path / "elsewhere.mp4")
    with pytest.raises(OutputRefused, match="exists"):
        refuse(target, [], overwrite=False)


def test_publish_leaves_one_complete_file(tmp_path: Path) -> None:
    made = tmp_path / "made.mp4"
    made.write_bytes(b"result")
    folder = tmp_path / "out"
    folder.mkdir()
    publish(made, folder / "r.mp4", overwrite=False)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"r.mp4": b"result"}
    assert made.exists()


def test_publish_never_clobbers_what_appeared_meanwhile(tmp_path: Path) -> None:
    made, target = tmp_path / "made.mp4", tmp_path / "r.mp4"
    made.write_bytes(b"result")
    target.write_bytes(b"somebody else's")
    with pytest.raises(OutputRefused, match="appeared during the run"):
        publish(made, target, overwrite=False)
    assert target.read_bytes() == b"somebody else's"
    publish(made, target, overwrite=True)
    assert target.read_bytes() == b"result"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made.mp4", "r.mp4"]


def test_publish_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    made, target = tmp_path / "made.mp4", tmp_path / "r.mp4"
    made.write_bytes(b"result")
    publish(made, target, overwrite=False)
    assert target.read_bytes() == b"result"
    with pytest.raises(OutputRefused, match="appeared"):
        publish(made, target, overwrite=False)


def test_space_is_checked(tmp_path: Path) -> None:
    need_space(tmp_path, 1)
    with pytest.raises(OutOfResources, match="MB free"):
        need_space(tmp_path, 1 << 60)
