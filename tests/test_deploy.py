"""The cluster kit, field by field. Nothing of it was ever applied: no such cluster is at hand."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipeline.__main__ import app

OBJECTS = 200_000_000
UNITS = {"Gi": 2**30, "Mi": 2**20}


def documents(repository: Path, name: str) -> list[dict[str, Any]]:
    text = (repository / "deploy" / name).read_text(encoding="utf-8")
    return [each for each in yaml.safe_load_all(text) if each is not None]


def cluster(repository: Path, name: str) -> dict[str, Any]:
    (found,) = documents(repository, name)
    spec: dict[str, Any] = found["spec"]
    return spec["rayClusterSpec"] if found["kind"] == "RayJob" else spec  # type: ignore[no-any-return]


def size(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


@pytest.fixture(params=["raycluster.yaml", "rayjob.yaml"])
def spec(request: pytest.FixtureRequest, repository: Path) -> dict[str, Any]:
    return cluster(repository, request.param)


def pods(spec: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_the_kinds_are_those_of_kuberay(repository: Path) -> None:
    (raycluster,) = documents(repository, "raycluster.yaml")
    (rayjob,) = documents(repository, "rayjob.yaml")
    assert (raycluster["apiVersion"], raycluster["kind"]) == ("ray.io/v1", "RayCluster")
    assert (rayjob["apiVersion"], rayjob["kind"]) == ("ray.io/v1", "RayJob")
    job = rayjob["spec"]
    assert job["submissionMode"] == "SidecarMode"
    assert job["shutdownAfterJobFinishes"] is True
    assert job["ttlSecondsAfterFinished"] > 0 and job["activeDeadlineSeconds"] > 0
    assert job["backoffLimit"] >= 1
    assert job["rayClusterSpec"] == raycluster["spec"], "one cluster, said twice"


def test_all_of_a_cluster_has_one_ray(spec: dict[str, Any], repository: Path) -> None:
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    pinned = re.search(r"^ARG RAY=(\S+)$", dockerfile, re.MULTILINE)
    assert pinned is not None and '"ray[default]==${RAY}"' in dockerfile
    assert spec["rayVersion"] == pinned[1]


def test_nobody_without_the_token_gets_in(spec: dict[str, Any]) -> None:
    assert spec["authOptions"] == {"mode": "token"}
    for pod in pods(spec):
        names = [entry["name"] for entry in pod["containers"][0]["env"]]
        assert "RAY_AUTH_MODE" not in names, "KubeRay sets it; nothing may switch it off"


def test_pods_are_nobody_special(spec: dict[str, Any], repository: Path) -> None:
    uid = re.search(r"--uid (\d+)", (repository / "Dockerfile").read_text(encoding="utf-8"))
    assert uid is not None
    for pod in pods(spec):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(uid[1])
        assert pod["securityContext"]["fsGroup"] == int(uid[1])
        own = pod["containers"][0]["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}


def test_all_pods_share_the_folders_and_have_memory_to_share(
    spec: dict[str, Any], repository: Path
) -> None:
    claims = {
        claim["metadata"]["name"]: claim["spec"]["accessModes"]
        for claim in documents(repository, "storage.yaml")
    }
    assert set(map(tuple, claims.values())) == {("ReadWriteMany",)}
    for pod in pods(spec):
        (container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) == set(volumes)
        for path in ("/clips", "/work"):
            claim = volumes[mounts[path]]["persistentVolumeClaim"]["claimName"]
            assert claim in claims
        shm = volumes[mounts["/dev/shm"]]["emptyDir"]
        assert shm["medium"] == "Memory"
        assert size(shm["sizeLimit"]) > OBJECTS
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert int(group["rayStartParams"]["object-store-memory"]) == OBJECTS


def test_only_workers_work_and_every_stage_fits_one(spec: dict[str, Any]) -> None:
    from configs.edit import EditClip
    from stages.artifacts import SourceClip

    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    edit = EditClip(edits=("age=+2",))
    nowhere = SourceClip(Path("clip.mp4"), "0" * 64)
    give: Callable[[str], tuple[Path, str]] = lambda name: (Path(name), "0" * 64)  # noqa: E731
    asked = [node.stage.resources for node in edit.plan(nowhere, give).nodes.values() if node.stage]
    assert max(each.gpus for each in asked) > 0
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        (container,) = group["template"]["spec"]["containers"]
        limits = container["resources"]["limits"]
        assert container["resources"]["requests"] == limits
        for each in asked:
            assert each.cpus <= int(limits["cpu"])
            assert each.gpus <= int(limits["nvidia.com/gpu"])
            assert each.memory_gb * 2**30 <= size(limits["memory"])
        widest = max(asked, key=lambda each: each.gpus)
        at_once = int(limits["nvidia.com/gpu"]) / widest.gpus
        assert at_once * widest.cpus <= int(limits["cpu"]), "CPUs would leave the GPU idle"


def test_commands_in_manifest_and_guide_are_ones_there_are(repository: Path) -> None:
    (job,) = documents(repository, "rayjob.yaml")
    guide = (repository / "docs" / "cluster.md").read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", guide, re.DOTALL))
    lines = [job["spec"]["entrypoint"]]
    lines += re.findall(
        r"^\s*(?:ray job submit .*-- +)?(pipeline (?:batch|simulate|run) .*)$", blocks, re.M
    )
    assert len(lines) == 4
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in lines:
        _, name, *words = shlex.split(line)
        parameters = commands[name].params
        known = {option for parameter in parameters for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
    for name in re.findall(r"deploy/[\w.]+", guide):
        assert (repository / name).exists(), name


def test_the_guides_table_is_what_stages_ask_for(repository: Path) -> None:
    from stages.crop_faces import CropFaces
    from stages.detect import DetectFaces
    from stages.encode import EncodeFaces
    from stages.invert_windows import InvertWindow
    from stages.probe import Probe
    from stages.render import RenderClip
    from stages.verify import Verify

    guide = (repository / "docs" / "cluster.md").read_text(encoding="utf-8")
    rows = {}
    for line in guide.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if len(cells) == 3 and re.fullmatch(r"[\d.]+", cells[0]):
            rows[name] = tuple(float(cell.split()[0]) if cell else 0.0 for cell in cells)
    assert rows == {
        "detection": tuple(DetectFaces.resources),
        "probe, shots, edits, output check": tuple(Probe.resources),
        "alignment, crops, flow": tuple(CropFaces.resources),
        "encoder": tuple(EncodeFaces.resources),
        "inversion, render": tuple(InvertWindow.resources),
        "verification": tuple(Verify.resources),
    }
    assert RenderClip.resources == InvertWindow.resources
