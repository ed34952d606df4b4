"""Who does a piece of work, among all that share a bucket."""

import threading
import time

import pytest

from pipeline import lease
from pipeline.bucket import Bucket
from pipeline.lease import held, leased, left_before
from tests.pipeline.object_store import age, objects
from tests.pipeline.test_store import KEY


@pytest.fixture
def bucket(url: str) -> Bucket:
    return Bucket(url)


def test_one_holds_the_lease_and_the_other_waits(
    bucket: Bucket, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    order: list[str] = []
    began = threading.Event()

    def hold() -> None:
        with leased(bucket, KEY):
            began.set()
            time.sleep(0.4)
            order.append("here")

    thread = threading.Thread(target=hold)
    thread.start()
    began.wait()
    with leased(Bucket(url), KEY):
        order.append("there")
    thread.join()
    assert order == ["here", "there"]
    assert not objects(url), "both are let go"


def test_the_lease_of_who_shows_no_sign_of_life_is_taken_over(
    bucket: Bucket, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "SILENT", 0.4)
    bucket.write(f"leases/{KEY}/3.json", b"its machine is gone")
    began = time.monotonic()
    with leased(bucket, KEY):
        assert time.monotonic() - began > 0.4
        assert objects(url) == [f"leases/{KEY}/4.json"]


def test_a_long_work_keeps_its_lease(
    bucket: Bucket, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "SILENT", 0.5)
    order: list[str] = []

    def wait() -> None:
        with leased(Bucket(url), KEY):
            order.append("there")

    with leased(bucket, KEY):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(1.2)
        order.append("here")
    thread.join()
    assert order == ["here", "there"]


def test_held_is_what_shows_signs_of_life(bucket: Bucket, url: str) -> None:
    other = "cd" * 32
    bucket.write(f"leases/{other}/0.json", b"its machine is gone")
    age(url, 2 * lease.SILENT, other)
    with leased(bucket, KEY):
        assert held(Bucket(url)) == {KEY}
        assert left_before(bucket, bucket.now() - lease.SILENT) == [f"leases/{other}/0.json"]
    assert held(bucket) == set()


def test_work_that_is_done_does_not_fail_because_its_lease_stays(
    bucket: Bucket, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Bucket, path: str) -> None:
        raise OSError("the bucket is away for a moment")

    with leased(bucket, KEY):
        monkeypatch.setattr(Bucket, "remove", away)
    assert objects(url) == [f"leases/{KEY}/0.json"]


def test_a_lease_given_back_between_two_looks_is_free(
    bucket: Bucket, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the next after it: somebody else may find nothing at all, and take the first."""
    bucket.write(f"leases/{KEY}/5.json", b"about to be given back")
    read = Bucket.read

    def late(self: Bucket, path: str) -> bytes:
        self.remove(path)
        return read(self, path)

    monkeypatch.setattr(Bucket, "read", late)
    with leased(bucket, KEY):
        assert objects(url) == [f"leases/{KEY}/0.json"]
