"""Places that fsspec has a URL for."""

from pathlib import Path

import fsspec
import pytest

from pipeline.bucket import Bucket
from pipeline.failure import MissingDependency, OutputRefused, UsageError
from tests.pipeline.object_store import ObjectStore, objects


@pytest.fixture
def bucket(url: str) -> Bucket:
    return Bucket(url)


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("/a/folder", UsageError, "is no URL"),
        ("nosuch://bucket", UsageError, "cannot be opened"),
        ("absent://bucket/x", MissingDependency, "not installed"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, error: type[Exception], says: str) -> None:
    fsspec.register_implementation("absent", "no_such_package.Files", clobber=True)
    with pytest.raises(error, match=says):
        Bucket(url)


def test_a_bucket_that_cannot_be_reached_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: ObjectStore, path: str, value: bytes) -> None:
        raise PermissionError("403")

    monkeypatch.setattr(ObjectStore, "pipe_file", refuse)
    with pytest.raises(OutputRefused, match="cannot be reached: 403"):
        Bucket(url)


def test_listings_are_not_kept(bucket: Bucket) -> None:
    """One that was taken while another uploads would say for ever that it is not there."""
    assert bucket.files.dircache.use_listings_cache is False


def test_a_file_is_created_once(bucket: Bucket, url: str) -> None:
    assert bucket.create("a/b.json", b"1") and bucket.create("a/b.json", b"1"), "an answer was lost"
    assert not bucket.create("a/b.json", b"2")
    assert bucket.read("a/b.json") == b"1" and objects(url) == ["a/b.json"]


def test_paths_are_relative_to_the_url(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("a/x/1", "a/y/2", "b/3"):
        bucket.write(name, name.encode())
    assert sorted(bucket.ls("a")) == ["a/x", "a/y"]
    assert sorted(bucket.ls("a/*")) == ["a/x/1", "a/y/2"]
    assert bucket.ls("absent") == []
    assert bucket.find("a") == {"a/x/1": 5, "a/y/2": 5}
    bucket.get("a/x/1", tmp_path / "1")
    bucket.put(tmp_path / "1", "c")
    assert bucket.sha256("c") == bucket.sha256("a/x/1")
    bucket.remove("a")
    bucket.remove("a")
    assert not bucket.exists("a/x/1") and bucket.made("a/x/1") != bucket.made("a/x/1")
    assert bucket.now() >= bucket.made("c")
