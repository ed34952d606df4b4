"""``pipeline run`` on a photograph."""

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image


@pytest.mark.slow
def test_a_photo_on_its_side_stays_so_and_only_the_head_changes(
    repository: Path, tmp_path: Path
) -> None:
    photo, work = tmp_path / "photo.png", tmp_path / "work"
    with av.open(str(repository / "samples" / "sample.mp4")) as clip:
        upright = next(clip.decode(video=0)).to_image()
    exif = Image.Exif()
    exif[274] = 6  # to be shown turned to the right
    upright.transpose(Image.Transpose.ROTATE_90).save(photo, exif=exif, icc_profile=b"profile")
    command = [
        sys.executable, "-m", "pipeline", "run", photo, "--edit", "age=+2", "--preset", "draft",
        "--work-dir", work, "--json",
    ]  # fmt: skip
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["results"]
    assert told["output"] == str(tmp_path / "photo.age+2.png")
    assert told["report"]["outside_psnr_min"] == 99.0, "to the bit"
    assert told["report"]["age_after"] > told["report"]["age_before"]
    with Image.open(photo) as before, Image.open(told["output"]) as after:
        assert after.getexif()[274] == 6 and after.info["icc_profile"] == b"profile"
        a, b = np.asarray(before).astype(int), np.asarray(after).astype(int)
    changed = (a != b).any(axis=2)
    assert 0.05 < changed.mean() < 0.9 and abs(a - b)[changed].mean() > 2
