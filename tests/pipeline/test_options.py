"""Options of a run: precedence, units, and refusal of what is unknown."""

from pathlib import Path

import pytest

from pipeline.failure import UsageError
from pipeline.options import RunOptions, resolve


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder without settings, and a user without settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    (tmp_path / "user" / "pipeline").mkdir(parents=True)
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_each_source_hides_the_later_ones(here: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    environment: dict[str, str] = {}
    flags: dict[str, object] = {"preset": None}

    def threads() -> int | None:
        return resolve(flags, config, environment, here).threads

    config.write_text("")
    assert threads() is None
    (tmp_path / "user" / "pipeline" / "config.toml").write_text("threads = 1")
    assert threads() == 1
    (here / "pipeline.toml").write_text("threads = 2")
    assert threads() == 2
    config.write_text("threads: 3")
    assert threads() == 3
    environment["PIPELINE_THREADS"] = "4"
    assert threads() == 4
    flags["threads"] = 5
    assert threads() == 5


def test_keyframes_stay_with_their_edit(here: Path) -> None:
    given = ["age=+2,smile=0@0s,+2@1.5s", "yaw=1"]
    assert resolve({"edit": given}, None, {}, here).edit == (
        "age=+2",
        "smile=0@0s,+2@1.5s",
        "yaw=1",
    )
    from_text = resolve({}, None, {"PIPELINE_EDIT": ",".join(given)}, here)
    assert from_text.edit == ("age=+2", "smile=0@0s,+2@1.5s", "yaw=1")


def test_sources_are_merged_key_by_key(here: Path) -> None:
    (here / "pipeline.yaml").write_text("edit: age=+2, smile=-1\nwork-dir: /w\n")
    options = resolve({"face": "all"}, None, {"PIPELINE_COMPARE": "1"}, here)
    assert options.edit == ("age=+2", "smile=-1")
    assert (options.face, options.compare, options.work_dir) == ("all", True, Path("/w"))
    assert options.preset == RunOptions().preset


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("12.5", 12.5), (3, 3.0), ("1:02.5", 62.5), ("00:01:02.5", 62.5), ("2:00:00", 7200.0)],
)
def test_times(here: Path, given: object, seconds: float) -> None:
    assert resolve({"start": given}, None, {}, here).start == seconds


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"preset": "fast"}, r"preset on the command line: 'fast'.*'draft' or 'standard'"),
        ({"start": "soon"}, "neither seconds"),
        ({"start": "1:75"}, "60 or more"),
        ({"start": "-3"}, "neither seconds"),
        ({"start": 5, "end": "4"}, "not after"),
        ({"threads": 0}, "threads on the command line: 0"),
        ({"crf": 99}, "crf"),
    ],
)
def test_values_that_are_not_permitted(here: Path, flags: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as raised:
        resolve(flags, None, {}, here)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("c.yaml", "pressets: draft", "Unknown option 'pressets' in .*c.yaml; there are: edit,"),
        ("c.yaml", "overwrite: true", "Unknown option 'overwrite'"),
        ("c.toml", "preset = 'fast'", r"preset in .*c\.toml: 'fast'"),
        ("c.yaml", "- a\n- b", "no keys and values"),
        ("c.toml", "preset = ", "not valid TOML"),
        ("c.yaml", "a: !!python/object/apply:os.getcwd []", "not valid"),
        ("absent.yaml", None, "cannot be read"),
    ],
)
def test_files_that_are_not_right(
    here: Path, tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        resolve({}, path, {}, here)


def test_strange_variables_of_build_systems_are_left_alone(here: Path) -> None:
    environment = {"PIPELINE_WORKSPACE": "/x", "PIPELINE_CACHE": "/y", "PIPELINE_WEIGHTS": "a=/b"}
    assert resolve({}, None, environment, here) == RunOptions()
