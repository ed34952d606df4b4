"""The doctor finds what is missing, says what to do, and ends with 6 only for what a run needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import doctor


def test_findings_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_CACHE", str(tmp_path / "cache"))
    findings = {finding.subject: finding for finding in doctor.examine()}
    assert findings["ffmpeg"].ok
    assert "ffmpeg version" in findings["ffmpeg"].text
    assert findings["torch"].ok
    assert findings["import torch"].ok
    assert findings["device"].ok
    assert findings["precision"].text in {"fp32", "bf16"}
    assert findings["cache"].ok
    missing = findings["weights mobilestylegan-ffhq"]
    assert missing.ok is None
    assert "pipeline weights pull mobilestylegan-ffhq" in missing.text
    assert not any(finding.ok is False for finding in findings.values())


def test_an_import_that_fails_is_a_finding() -> None:
    finding = doctor.imports("no_module_of_that_name", "1", "{}")
    assert finding.ok is False
    assert "no_module_of_that_name" in finding.text


def test_a_damaged_weight_and_a_cache_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_CACHE", str(tmp_path))
    folder = tmp_path / "weights" / "age-gender"
    folder.mkdir(parents=True)
    (folder / "age-v1.onnx").write_bytes(b"not it")
    found = {finding.subject: finding for finding in doctor.weights()}
    assert found["weights age-gender"].ok is False
    (tmp_path / "file").touch()
    monkeypatch.setenv("PIPELINE_CACHE", str(tmp_path / "file"))
    assert [finding.ok for finding in doctor.cache()] == [False]


def test_exit_code_and_json(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "PIPELINE_CACHE": str(tmp_path / "file")}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=repository,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 6
    assert report["ready"] is False
    assert {f["subject"] for f in report["findings"] if f["ok"] is False} == {"cache"}
