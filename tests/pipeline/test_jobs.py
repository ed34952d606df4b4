"""From a job file to jobs. What a hostile one asks for is refused before anything is read."""

import os
from pathlib import Path

import pytest

from pipeline.failure import OutputRefused, PipelineError, UsageError
from pipeline.job_file import read_job_file
from pipeline.jobs import Job, expand
from pipeline.options import RunOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips and a folder of two more; beside it, what is none of a job file's business."""
    folder = tmp_path / "mine"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mp4", "b.mov", "c[1].mp4", "more/d.mp4", "more/.hidden.mp4"):
        (folder / name).write_text(name)
    (tmp_path / "secret.mp4").write_text("not yours")
    (folder / "link.mkv").symlink_to(tmp_path / "secret.mp4")
    (folder / "away").symlink_to(tmp_path)
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "more" / "up").symlink_to(folder)
    return folder


def jobs(folder: Path, text: str, *clips: str, roots: tuple[Path, ...] = ()) -> tuple[Job, ...]:
    path = folder / "jobs.yaml"
    path.write_text(text)
    return expand(
        read_job_file(path), folder, RunOptions(), [folder / name for name in clips], roots
    )


def test_entries_inherit_override_and_multiply(folder: Path) -> None:
    text = """
defaults: {preset: draft, edits: [age=+2, "age=-1,smile=+1"], end: 0:01.5}
jobs:
- clips: ["*.mp4", a.mp4, "more/**/*.mp4"]
- {clips: b.mov, edits: age=+1, preset: standard, start: 1,
   output: "out/{number}-{stem}.{edits}.mkv"}
- {clips: "c[1].mp4", edits: [[age=+3, smile=-1]], crf: 20}
"""
    found = jobs(folder, text)
    assert [(j.clip.name, ",".join(j.options.edit)) for j in found] == [
        ("a.mp4", "age=+2"), ("a.mp4", "age=-1,smile=+1"),
        ("c[1].mp4", "age=+2"), ("c[1].mp4", "age=-1,smile=+1"),
        ("d.mp4", "age=+2"), ("d.mp4", "age=-1,smile=+1"),
        ("b.mov", "age=+1"),
        ("c[1].mp4", "age=+3,smile=-1"),
    ]  # fmt: skip
    assert [j.number for j in found] == list(range(1, 9))
    assert {j.options.preset for j in found[:6]} == {"draft"}
    seventh, last = found[6:]
    assert seventh.target == folder / "out" / "0007-b.age+1.mkv"
    assert (seventh.options.preset, seventh.options.start, seventh.options.end) == (
        "standard",
        1,
        1.5,
    )
    assert last.target == folder / "c[1].age+3.smile-1.mp4"
    assert (last.options.preset, last.options.crf) == ("draft", 20)


def test_references_start_from_the_files_folder_and_need_no_edit(folder: Path) -> None:
    text = """
defaults: {transfer: b.mov@1-0:02.5, transfer_what: "mouth,smile"}
jobs:
- clips: a.mp4
- {clips: a.mp4, edits: [age=+2, age=-2], transfer: [b.mov, more/d.mp4],
   transfer_what: [mouth, yaw], transfer_strength: 0.5, transfer_end: loop}
"""
    first, second, third = jobs(folder, text)
    assert first.options.edit == ()
    assert first.options.transfer == (f"{folder}/b.mov@1.000000-2.500000",)
    assert first.options.transfer_what == ("mouth,smile",)
    assert first.inputs == (folder / "a.mp4", folder / "b.mov")
    assert first.target == folder / "a.like-b.mp4"
    assert second.options.transfer == (f"{folder}/b.mov", f"{folder}/more/d.mp4")
    assert second.options.transfer_what == ("mouth", "yaw")
    assert (second.options.transfer_strength, second.options.transfer_end) == ((0.5,), ("loop",))
    assert [j.target.name for j in (second, third)] == [
        "a.age+2.like-b.like-d.mp4", "a.age-2.like-b.like-d.mp4"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("transfer: ../secret.mp4", UsageError),
        ("transfer: away/secret.mp4", UsageError),
        ("transfer: b.mov@2-1", UsageError),
        ("transfer: b.mov, transfer_mode: both", UsageError),
        ("transfer: b.mov, transfer_strength: [much]", UsageError),
        ("transfer: b.mov, output: b.mov", OutputRefused),
    ],
)
def test_hostile_and_wrong_references_are_refused(folder: Path, said: str, kind: type) -> None:
    with pytest.raises(kind):
        jobs(folder, f"jobs: [{{clips: a.mp4, {said}}}]")


def test_directions_start_from_the_files_folder_and_stay_below_it(folder: Path) -> None:
    text = """
defaults: {edits: calm=+2, direction: own/calm.safetensors}
jobs:
- clips: a.mp4
- {clips: b.mov, direction: [one.safetensors, two.safetensors]}
"""
    first, second = (job.options.direction for job in jobs(folder, text))
    assert first == (folder / "own" / "calm.safetensors",)
    assert second == (folder / "one.safetensors", folder / "two.safetensors")
    for wrong in ("../calm.safetensors", "away/calm.safetensors"):
        with pytest.raises(UsageError, match="outside the job file's folder"):
            jobs(folder, f"jobs: [{{clips: a.mp4, edits: calm=+1, direction: {wrong}}}]")


def test_clips_of_the_command_line_are_for_entries_without(folder: Path) -> None:
    text = "jobs: [{edits: age=+2}]"
    assert [j.clip for j in jobs(folder, text, "a.mp4", "b.mov")] == [
        folder / "a.mp4",
        folder / "b.mov",
    ]
    with pytest.raises(UsageError, match="names no clips"):
        jobs(folder, text)
    with pytest.raises(UsageError, match="none is for"):
        jobs(folder, "jobs: [{edits: age=+2, clips: a.mp4}]", "b.mov")


def test_photographs_of_people_start_from_the_files_folder(folder: Path) -> None:
    text = """
defaults: {edits: age=+2, face: "like:more/anna.jpg"}
jobs:
- clips: a.mp4
- {clips: b.mov, face: "track:1,like:ben.jpg"}
- {clips: "c[1].mp4", face: all}
"""
    faces = [job.options.face for job in jobs(folder, text)]
    assert faces == [f"like:{folder}/more/anna.jpg", f"track:1,like:{folder}/ben.jpg", "all"]
    first = jobs(folder, text)[0]
    assert first.inputs == (folder / "a.mp4", folder / "more" / "anna.jpg")
    with pytest.raises(OutputRefused, match=r"overwrite the input .*a\.age\+2\.mp4"):
        jobs(folder, 'jobs: [{clips: a.mp4, edits: age=+2, face: "like:a.age+2.mp4"}]')


def test_a_photograph_in_a_folder_with_a_comma_is_told(folder: Path) -> None:
    within = folder / "a,b"
    within.mkdir()
    (within / "a.mp4").write_text("a")
    with pytest.raises(UsageError, match=r"takes no path with a comma, as .*a,b/anna\.jpg has"):
        jobs(within, "jobs: [{clips: a.mp4, edits: age=+2, face: 'like:anna.jpg'}]")


def test_a_name_without_end_is_no_fault_of_ours(folder: Path) -> None:
    name = 300 * "a"
    (job,) = jobs(folder, f"jobs: [{{clips: a.mp4, edits: age=+2, face: 'like:{name}'}}]")
    assert job.inputs[1].name == name
    (job,) = jobs(folder, f"jobs: [{{clips: a.mp4, transfer: {name}, output: x.mp4}}]")
    assert job.inputs[1].name == name


def test_links_that_lead_back_are_not_followed_for_ever(folder: Path) -> None:
    """``more/up`` leads to the folder itself: by it every file has names without end."""
    found = jobs(folder, "jobs: [{clips: ['**/*.mp4', 'more/**'], edits: age=+1}]")
    assert [job.clip.name for job in found] == ["a.mp4", "c[1].mp4", "d.mp4"]
    found = jobs(folder, "jobs: [{clips: 'more/.*.mp4', edits: age=+1}]")
    assert [job.clip.name for job in found] == [".hidden.mp4"]


HOSTILE = {
    "jobs: [{clips: ../secret.mp4, edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: a.mp4, edits: age=+1, face: 'like:../secret.mp4'}]": (2, "the photograph"),
    "jobs: [{clips: a.mp4, edits: age=+1, face: 'all,like:link.mkv'}]": (2, "the photograph"),
    "jobs: [{clips: a.mp4, edits: age=+1, face: 'like:/etc/passwd'}]": (2, "the photograph"),
    "jobs: [{clips: a.mp4, edits: age=+1, face: 'like:loop.jpg'}]": (2, "leads nowhere"),
    "jobs: [{clips: link.mkv, edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: away/secret.mp4, edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: 'away/*.mp4', edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: '../*.mp4', edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: /etc/passwd, edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: /etc/pass*, edits: age=+1}]": (2, "outside the job file's folder"),
    "jobs: [{clips: '/**', edits: age=+1}]": (2, "leads to /, outside the job file's folder"),
    "jobs: [{clips: '*/../../*', edits: age=+1}]": (2, "has .. after a wildcard"),
    "jobs: [{clips: loop.jpg/x.mp4, edits: age=+1}]": (2, "leads nowhere"),
    "jobs: [{clips: 'loop.jpg/*.mp4', edits: age=+1}]": (2, "leads nowhere"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: loop.jpg/x.mp4}]": (2, "leads nowhere"),
    'jobs: [{clips: "a\\0.mp4", edits: age=+1}]': (2, "pattern"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: ../x.mp4}]": (5, "outside the job file's"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: /tmp/x.mp4}]": (5, "outside the job file's"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: away/x.mp4}]": (5, "outside the job file's"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: away/../../x.mp4}]": (5, "outside"),
    "jobs: [{clips: a.mp4, edits: [age=+1, age=+2], output: x.mp4}]": (5, "tell them apart"),
    "jobs: [{clips: a.mp4, edits: [age=+1, age=1]}]": (5, "tell them apart"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: more/../a.mp4}]": (5, "overwrite the input"),
    "jobs: [{clips: [a.mp4, b.mov], edits: age=+1, output: '{stem}.mov'}]": (5, "overwrite"),
    "jobs: [{clips: a.mp4, edits: age=+1, run: rm}]": (2, r"unknown key jobs\[0\].run"),
    "defaults: {clips: a.mp4}\njobs: [{edits: age=+1}]": (2, "unknown key defaults.clips"),
    "job: []": (2, "jobs"),
    "jobs: []": (2, "jobs"),
    "- a": (2, "no keys and values"),
    "jobs: [{clips: a.mp4}]": (2, "no edits"),
    "jobs: [{clips: 'x*.mp4', edits: age=+1}]": (2, "matches no file"),
    "jobs: [{clips: a.mp4, edits: age=+1, preset: quick}]": (2, r"jobs\[0\].preset is 'quick'"),
    "jobs: [{clips: a.mp4, edits: age=+1, start: 2, end: 1}]": (2, "is not after"),
    "jobs: [{clips: a.mp4, edits: age=+1, output: '{x}.mp4'}]": (2, "no field of a template"),
    "jobs: [{clips: a.mp4, edits: age=+1, crf: yes}]": (2, "crf is True"),
    "jobs: [{clips: a.mp4, edits: {a: 1}}]": (2, "edits"),
}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_job_files_are_refused(folder: Path, text: str) -> None:
    code, why = HOSTILE[text]
    with pytest.raises(PipelineError, match=why) as caught:
        jobs(folder, text)
    assert caught.value.exit_code == code


def test_an_output_that_is_an_input_by_another_name_is_refused(folder: Path) -> None:
    os.link(folder / "a.mp4", folder / "x.mp4")
    with pytest.raises(OutputRefused, match=r"overwrite the input .*a.mp4"):
        jobs(folder, "jobs: [{clips: a.mp4, edits: age=+1, output: x.mp4}]")


def test_a_named_root_is_permitted(folder: Path, tmp_path: Path) -> None:
    text = "jobs: [{clips: ../secret.mp4, edits: age=+1}]"
    (only,) = jobs(folder, text, roots=(tmp_path,))
    assert only.target == tmp_path / "secret.age+1.mp4"
