"""What a stranger meets first: the packages, the README's two lines, the image, the licences."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from pipeline.manifest import load

OURS = ("pipeline", "stages", "configs")
INSTRUCTIONS = {
    "ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "ENTRYPOINT", "CMD", "EXPOSE",
    "HEALTHCHECK", "LABEL", "SHELL", "STOPSIGNAL",
}  # fmt: skip


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, object]:
    with (repository / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]  # type: ignore[no-any-return]


def set_up_lines(repository: Path) -> list[str]:
    """The commands in the section "Set-up" of the README, one a code block line."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## Set-up\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("name", OURS)
def test_the_packages_that_are_imported_are_ours(name: str, repository: Path) -> None:
    module = importlib.import_module(name)
    assert Path(next(iter(module.__path__))).resolve() == repository / name


def test_the_packages_are_listed_and_nothing_of_their_name_is_installed(
    repository: Path, project: dict[str, object]
) -> None:
    with (repository / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["packages"] == list(OURS)
    assert project["name"] not in OURS
    requirements = [*project["dependencies"]]  # type: ignore[misc]
    for extra in project["optional-dependencies"].values():  # type: ignore[attr-defined]
        requirements += extra
    names = {re.split(r"[^A-Za-z0-9._-]", each)[0].lower() for each in requirements}
    assert names.isdisjoint(OURS)
    assert len([name for name in names if name.startswith("opencv")]) == 1


def test_the_readme_has_two_set_up_lines_each_in_its_own_environment(repository: Path) -> None:
    lines = set_up_lines(repository)
    assert len(lines) == 2
    places = []
    for line in lines:
        words = shlex.split(line)
        assert words[:3] == ["python3", "-m", "venv"]
        place = words[3]
        places.append(place)
        programs = [words[i + 1] for i, word in enumerate(words) if word == "&&"]
        assert all(program.startswith(f"{place}/bin/") for program in programs)
    assert places[0] != places[1]
    assert "--preset draft --edit age=+2" in lines[0]
    assert lines[1].endswith("-m pytest")


def test_the_first_line_is_a_command_we_have_and_its_clip_is_in_the_repository(
    repository: Path,
) -> None:
    from typer.testing import CliRunner

    from pipeline.__main__ import app

    words = shlex.split(set_up_lines(repository)[0])
    arguments = words[words.index(".venv/bin/pipeline") + 1 :]
    assert (repository / arguments[1]).is_file()
    assert (repository / arguments[1]).stat().st_size < 1_000_000
    shown = CliRunner().invoke(app, ["run", "--help"]).output
    for flag in (word for word in arguments if word.startswith("--")):
        assert flag in shown


def test_ci_runs_the_readmes_test_line(repository: Path) -> None:
    script = repository / ".ci" / "run"
    assert script.stat().st_mode & 0o100
    text = script.read_text(encoding="utf-8")
    pattern = re.search(r"grep -E '(\^python3[^']*)'", text)
    assert pattern is not None
    assert re.search(pattern[1].replace("\\\\", "\\"), set_up_lines(repository)[1])
    assert "set -euo pipefail" in text


def test_the_dockerfile_parses_and_ends_as_somebody_else_than_root(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    steps = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    names = [step[0] for step in steps]
    assert set(names) <= INSTRUCTIONS
    assert all(len(step) == 2 for step in steps)
    assert names.count("FROM") == 1
    assert names[: names.index("FROM")] in ([], ["ARG"])
    users = [step[1] for step in steps if step[0] == "USER"]
    assert users and users[-1] not in ("root", "0")
    assert names.index("USER") < names.index("ENTRYPOINT")
    for step in steps:
        if step[0] == "COPY":
            *sources, _ = step[1].split()
            for source in sources:
                assert (repository / source).exists(), source
        if step[0] in ("ENTRYPOINT", "CMD"):
            assert step[1].startswith("["), "the exec form passes signals on"


def test_the_image_and_the_project_agree_on_torch(
    repository: Path, project: dict[str, object]
) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    in_image = re.search(r"torch==(\S+)", text)
    pinned = [d for d in project["dependencies"] if d.startswith("torch==")]  # type: ignore[attr-defined]
    assert in_image is not None
    assert pinned == [f"torch=={in_image[1]}"]


def test_the_image_has_what_any_option_needs(repository: Path, project: dict[str, object]) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    installed = re.search(r'pip install "\.\[(.*?)\]"', text)
    assert installed is not None
    extras = project["optional-dependencies"]
    in_all = re.findall(r"[a-z0-9]+", extras["all"][0].partition("[")[2])  # type: ignore[index]
    for_users = set(extras) - {"all", "dev"}  # type: ignore[call-overload]
    assert {*installed[1].split(","), *in_all} == for_users | {"all"}


def test_every_weight_has_its_line_among_the_licences(repository: Path) -> None:
    page = (repository / "MODELS.md").read_text(encoding="utf-8")
    for entry in load().entry:
        if entry.shipped is None:
            assert f"`{entry.name}`" in page
            if entry.wheel:
                assert f"`{entry.wheel.project}` {entry.wheel.version}" in page
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert "non-commercial" in page and "non-commercial" in readme
    assert "Apache License" in (repository / "LICENSE").read_text(encoding="utf-8")


def test_every_exit_code_is_documented(repository: Path) -> None:
    from pipeline import failure

    readme = (repository / "README.md").read_text(encoding="utf-8")
    table = readme.split("### Exit codes")[1].split("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+)", table, flags=re.MULTILINE)}
    used = {
        each.exit_code
        for each in vars(failure).values()
        if isinstance(each, type) and issubclass(each, failure.PipelineError)
    }
    assert used <= documented
    assert {0, 8, 130} <= documented
