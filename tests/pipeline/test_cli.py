"""The command line: streams, exit codes, files, stopping and resuming. Its plan is a toy here."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy_edit.py")


@dataclass(frozen=True)
class Result:
    """What a call of the program left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """The program as a child process, with the toy plan, in a folder of its own."""

    folder: Path
    environment: dict[str, str]

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pipeline", *words]

    def __call__(self, *words: str, **environment: str) -> Result:
        done = subprocess.run(
            self.arguments(*words),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment, **environment},
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def clip(self, name: str, text: str = "good clip") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def program(tmp_path: Path, repository: Path) -> Program:
    toy = tmp_path / "toy" / "configs"
    toy.mkdir(parents=True)
    (toy / "__init__.py").touch()
    shutil.copy(TOY, toy / "edit.py")
    folder = tmp_path / "clips"
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIPELINE_")}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(toy.parent), str(repository)]),
        "PYTHONSAFEPATH": "1",
        "PIPELINE_CACHE": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    return Program(folder, environment)


def test_the_result_is_beside_the_clip_and_alone_on_stdout(program: Program) -> None:
    clip = program.clip("clip.mp4")
    result = program("run", "clip.mp4", "--edit", "age=+2")
    assert (result.code, result.out) == (0, f"{clip.with_name('clip.age+2.mp4')}\n")
    assert re.search(r"Device: cpu, \d+ threads, (fp32|bf16), local\.", result.err)
    assert program.files() == ["clip.age+2.mp4", "clip.mp4"]
    assert (program.folder / "clip.age+2.mp4").read_text() == "good clip ('age=+2',)"
    assert program("run", "clip.mp4", "--edit", "age=+3", "-q").err == ""


def test_json_is_one_object_and_nothing_else(program: Program) -> None:
    program.clip("clip.mp4")
    result = program(
        "run", "clip.mp4", "--edit", "age=2", "--json", "-o", "x.mp4", "--precision", "bf16"
    )
    told = json.loads(result.out)
    assert (result.code, told["exit_code"], told["device"]) == (0, 0, "cpu")
    assert told["precision"] == "bf16"
    (only,) = told["results"]
    assert only["output"] == str(program.folder / "x.mp4")
    assert only["report"] == {"frames": 10, "passed": 0}
    assert only["stages"]["result"]["done"] == 1


def test_a_cluster_that_is_not_there_is_told_of_once_and_nothing_is_begun(
    program: Program,
) -> None:
    for name in "ab":
        program.clip(f"{name}.mp4")
    assert program("run", "a.mp4", "--edit", "age=+2").code == 0
    cache = Path(program.environment["PIPELINE_CACHE"])
    before = sorted(cache.rglob("*"))
    program.environment["RAY_ADDRESS"] = "127.0.0.1:9"
    words = ("run", "a.mp4", "b.mp4", "--edit", "age=+2", "--on", "ray", "--restart", "--overwrite")
    result = program(*words)
    assert (result.code, result.out) == (6, "")
    assert result.err.count("The Ray cluster at 127.0.0.1:9 cannot be used") == 1
    assert sorted(cache.rglob("*")) == before, "what was finished is still there"
    wrong = program("run", "a.mp4", "--edit", "nothing=+2", "--on", "ray")
    assert wrong.code == 2 and "127.0.0.1" not in wrong.err


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("broken", 3, "is truncated."),
        ("noface", 4, "No face was found"),
        ("unlike", 9, "A packet differs."),
        ("full", 7, "ran out"),
        ("bug", 1, "index out of range"),
    ],
)
def test_each_fault_of_a_stage_has_its_code_and_leaves_nothing(
    program: Program, text: str, code: int, sentence: str
) -> None:
    program.clip("clip.mp4", text)
    result = program("run", "clip.mp4", "--edit", "age=2")
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err.splitlines()[-1]
    assert ("Traceback" in result.err) == (code == 1)
    assert program.files() == ["clip.mp4"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["clip.mp4"], 2, "No edit was given"),
        (["--edit", "age=2"], 2, "No clip was given"),
        (["clip.mp4", "--edit", "hair=2"], 2, "pipeline: 'hair' is no edit; there is: age."),
        (["clip.mp4", "--edit", "age=2", "--preset", "fast"], 2, "'draft' or 'standard'"),
        (["clip.mp4", "--edit", "age=2", "--no-such-flag"], 2, "no-such-flag"),
        (["clip.mp4", "--edit", "age=2", "--start", "5", "--end", "4"], 2, "not after"),
        (["clip.mp4", "--edit", "age=2", "--config", "none.yaml"], 2, "cannot be read"),
        (["clip.mp4", "--edit", "age=2", "--weights", "x=/y"], 2, "no weights called 'x'"),
        (["none.mp4", "--edit", "age=2"], 3, "No such file"),
        ([".", "--edit", "age=2"], 3, "is a folder"),
        (["/dev/null", "--edit", "age=2"], 3, "not a regular file"),
        ([300 * "a" + ".mp4", "--edit", "age=2"], 3, "File name too long"),
        (["clip.mp4", "--edit", "age=2", "-o", 300 * "a" + ".mp4"], 5, "230 are the most"),
        (["clip.mp4", "--edit", "age=2", "-o", "clip.mp4", "--overwrite"], 5, "input itself"),
        (["clip.mp4", "--edit", "age=2", "-o", "there.mp4"], 5, "--overwrite"),
        (["clip.mp4", "--edit", "age=2", "-o", "none/x.mp4"], 5, "does not exist"),
    ],
)
def test_refusals_before_any_work(
    program: Program, words: list[str], code: int, sentence: str
) -> None:
    program.clip("clip.mp4")
    program.clip("there.mp4", "somebody's")
    dry = ["--dry-run"] if code == 5 else []  # it ends as the real run would
    result = program("run", *words, *dry)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err.replace("\n", " ")
    assert "Traceback" not in result.err
    assert program.files() == ["clip.mp4", "there.mp4"]
    assert (program.folder / "there.mp4").read_text() == "somebody's"


def test_an_existing_output_is_left_alone(program: Program) -> None:
    program.clip("clip.mp4")
    program.clip("clip.age+2.mp4", "somebody's")
    assert program("run", "clip.mp4", "--edit", "age=2").code == 5
    assert (program.folder / "clip.age+2.mp4").read_text() == "somebody's"


def test_cuda_is_refused_where_it_cannot_be_used(program: Program) -> None:
    program.clip("clip.mp4")
    result = program(
        "run", "clip.mp4", "--edit", "age=2", "--device", "cuda", CUDA_VISIBLE_DEVICES=""
    )
    assert (result.code, result.out) == (6, "")
    assert "--device cuda cannot be used" in result.err


def test_a_dry_run_shows_the_plan_and_writes_nothing(program: Program, tmp_path: Path) -> None:
    program.clip("clip.mp4")
    result = program("run", "clip.mp4", "--edit", "age=2", "--dry-run")
    assert (result.code, result.out) == (0, "")
    assert "clip.mp4 -> clip.age+2.mp4" in result.err
    assert "Rendered <- Write" in result.err
    assert "One face in: good clip." in result.err
    program.clip("clip.mp4", "noface")
    assert program("run", "clip.mp4", "--edit", "age=2", "--dry-run").code == 4
    assert program.files() == ["clip.mp4"]
    assert not (tmp_path / "cache").exists()


def test_one_clip_that_fails_does_not_stop_the_others(program: Program) -> None:
    for name, text in [("a.mp4", "good"), ("b.mp4", "noface"), ("c.mp4", "good too")]:
        program.clip(name, text)
    result = program("run", "a.mp4", "b.mp4", "c.mp4", "--edit", "age=2")
    assert result.code == 8
    assert [Path(line).name for line in result.out.splitlines()] == ["a.age+2.mp4", "c.age+2.mp4"]
    assert "b.mp4: No face was found" in result.err
    assert program("run", "b.mp4", "b.mp4", "--edit", "age=2").code == 5
    program.clip("d.mp4", "noface too")
    assert program("run", "b.mp4", "d.mp4", "--edit", "age=2").code == 4


def test_overwrite_strict_report_and_restart(program: Program) -> None:
    program.clip("clip.mp4", "lost")
    first = program("run", "clip.mp4", "--edit", "age=2", "--strict", "--report")
    assert (first.code, first.out) == (8, f"{program.folder / 'clip.age+2.mp4'}\n")
    assert "3 frames passed through" in first.err
    report = json.loads((program.folder / "clip.age+2.mp4.json").read_text())
    assert report["report"]["passed"] == 3

    def reused(*flags: str) -> int:
        words = ["run", "clip.mp4", "--edit", "age=2", "--overwrite", "--json", *flags]
        stages = json.loads(program(*words).out)["results"][0]["stages"]
        return sum(stage["reused"] for stage in stages.values())

    assert reused() == 2
    assert reused("--restart") == 0
    assert reused() == 2


def test_options_from_environment_and_file(program: Program) -> None:
    program.clip("clip.mp4")
    (program.folder / "pipeline.toml").write_text('edit = "age=-1"\n')
    assert "clip.age-1.mp4" in program("run", "clip.mp4").out
    assert "clip.age+1.mp4" in program("run", "clip.mp4", PIPELINE_EDIT="age=1").out
    (program.folder / "pipeline.toml").write_text('edits = "age=-1"\n')
    result = program("run", "clip.mp4")
    assert result.code == 2
    assert "Unknown option 'edits' in" in result.err


def test_strange_names(program: Program) -> None:
    for name in ["-x.mp4", "a'b %03d [1] ü.mp4"]:
        program.clip(name, f"good {name}")
        assert program("run", "--edit", "age=2", "--", name).code == 0
        assert name.replace(".mp4", ".age+2.mp4") in program.files()


@pytest.fixture
def slow(program: Program) -> Iterator[subprocess.Popen[str]]:
    """A run that is in the middle of its second stage."""
    program.clip("clip.mp4", "slow clip")
    with subprocess.Popen(
        program.arguments("run", "clip.mp4", "--edit", "age=2", "-v"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=program.folder,
        env=program.environment,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("result: begins"):
                break
        time.sleep(0.3)
        yield child
        child.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_is_clean_and_tells_how_to_go_on(
    program: Program, slow: subprocess.Popen[str], number: signal.Signals, code: int
) -> None:
    slow.send_signal(number)
    out, err = slow.communicate(timeout=10)
    assert (slow.returncode, out) == (code, "")
    assert "pipeline run clip.mp4 --edit age=2 -v" in err
    assert "Traceback" not in err
    assert program.files() == ["clip.mp4"]


def test_what_was_finished_before_a_kill_is_not_redone(
    program: Program, slow: subprocess.Popen[str], tmp_path: Path
) -> None:
    slow.kill()
    slow.wait()
    assert program.files() == ["clip.mp4"]
    toy = tmp_path / "toy" / "configs" / "edit.py"
    toy.write_text(toy.read_text().replace("range(600)", "range(1)"))
    told = json.loads(program("run", "clip.mp4", "--edit", "age=2", "--json").out)
    stages = told["results"][0]["stages"]
    assert (stages["read"]["reused"], stages["result"]["done"]) == (1, 1)


def test_help_of_edits_versions_and_start(program: Program) -> None:
    assert program("run", "--edit", "help").out == "age  sigma or years  -3 to +3\n"
    assert "torch 2." in program("--version").out
    began = time.perf_counter()
    assert "doctor" in program("--help").out
    assert time.perf_counter() - began < 5  # 0.3 s on an idle machine; what follows is the point
    heavy = textwrap.dedent("""
        import sys
        import pipeline.__main__
        print(sorted({"torch", "numpy", "cv2", "av", "ray", "pydantic"} & set(sys.modules)))
    """)
    done = subprocess.run(
        [sys.executable, "-c", heavy], capture_output=True, text=True, env=program.environment
    )
    assert done.stdout == "[]\n"


def test_weights_commands(program: Program) -> None:
    listed = program("weights", "list")
    assert (listed.code, "mobilestylegan-ffhq  [absent" in listed.out) == (0, True)
    assert "non-commercial" in listed.out
    offline = program("weights", "pull", "age-gender", PIPELINE_OFFLINE="1")
    assert (offline.code, offline.out) == (6, "")
    assert "pipeline weights pull age-gender" in offline.err
    assert program("weights", "verify").code == 0
    absent = program("weights", "verify", "age-gender")
    assert (absent.code, "is missing" in absent.err) == (6, True)
    assert program("weights", "pull", "nothing").code == 2
