"""What must hold of batches on Ray beside the tests.

Speed of two workers, what a piece of work costs the driver, memory of a long clip.

The generator is the tests' tiny one, or none: what is measured is what Ray and we add.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.plan import Each, Plan
from pipeline.schedule import run
from pipeline.stage import Stage
from pipeline.store import Store
from tests.acceptance.lines import ROOT, Sheet
from tests.acceptance.memory import high_water, ray_workers
from tests.acceptance.on_clip import Place
from tests.media_fixtures import moving_picture
from tests.pipeline.test_batch_ray import make_field
from tests.pipeline.toy_artifacts import Numbers, Source
from tests.pipeline.toy_stages import Read, Split, Total

WORKS = 60
ROUNDS = 2
PIECES = 3000
SIDE = 512
FPS = 5
MINUTES = (1, 10)
KINDS = ("driver", "worker")


class Burn(Stage):
    """Arithmetic on one thread."""

    products: int
    """Matrix products; a second's worth."""
    round: int
    """So that each round has keys of its own."""

    def run(self, numbers: Numbers) -> Numbers:
        burn(self.products)
        return Numbers(np.array(numbers.values))


def burn(products: int) -> None:
    """Multiply matrices so many times."""
    matrix = np.eye(SIDE, dtype=np.float32)
    for _ in range(products):
        matrix = matrix @ matrix


def two_workers(place: Place) -> Sheet:
    """Two workers over one on Ray against two bare processes over one, in turns."""
    sheet = Sheet("two_workers")
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    products = int(_bare(1, 0, "calibrate"))
    seconds: dict[tuple[str, int], float] = {}
    for number in range(ROUNDS):
        for workers in (1, 2):
            for who in ("bare", "ray"):
                if who == "bare":
                    took = _together(workers, products)
                else:
                    took = _on_ray(place, workers, products, number)
                seconds[who, workers] = seconds.get((who, workers), 0.0) + took
    for (who, workers), value in seconds.items():
        sheet.told(f"seconds, {who}, {workers}", f"{value / ROUNDS:.1f}")
    sheet.at_least("seconds of work, one bare process", seconds["bare", 1] / ROUNDS, 60)
    gain = {who: seconds[who, 1] / seconds[who, 2] for who in ("bare", "ray")}
    sheet.told("two over one, bare and on Ray", f"{gain['bare']:.2f}, {gain['ray']:.2f}")
    sheet.at_least("gain on Ray / gain of bare processes", gain["ray"] / gain["bare"], 0.9)
    return sheet


def _together(processes: int, products: int) -> float:
    """Seconds until so many processes have done all works between them."""
    command = [sys.executable, "-m", __name__]
    began = time.monotonic()
    running = [
        subprocess.Popen([*command, str(WORKS // processes), str(products)], cwd=ROOT)
        for _ in range(processes)
    ]
    for process in running:
        if process.wait():
            raise RuntimeError("a bare process failed")
    return time.monotonic() - began


def _bare(*words: object) -> str:
    """What this module says as a process."""
    command = [sys.executable, "-m", __name__, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _on_ray(place: Place, workers: int, products: int, number: int) -> float:
    """Seconds of the same works on a cluster of so many CPUs, its own start apart."""
    stage = Burn(products=products, round=10 * number + workers)
    return _spread(place, WORKS, stage, workers).wall


class _Took(NamedTuple):
    """Seconds: by the clock, and of the driver's own CPU."""

    wall: float
    driver: float


def _spread(place: Place, works: int, stage: Burn, workers: int) -> _Took:
    """So many works of a stage on a cluster of so many CPUs, its start apart."""
    from pipeline.cluster import RayPool

    plan = Plan()
    clip = plan.given("clip", Source(Path("clip.mp4"), "f" * works))
    pieces = plan.add("pieces", Split(size=1), numbers=plan.add("read", Read(), source=clip))
    plan.add("total", Total(), parts=plan.add("burnt", stage, numbers=Each(pieces)))
    store = Store(place.out / "work" / f"ray-{time.time_ns()}")
    with RayPool(store, num_cpus=workers) as pool:
        began, used = time.monotonic(), time.process_time()
        report = run(plan, store, pool)
        took = _Took(time.monotonic() - began, time.process_time() - used)
    if not report.ok:
        raise RuntimeError(str(report.failures[0]))
    return took


def driver_cost(place: Place) -> Sheet:
    """What a piece of work on Ray costs the driver: scheduler, pool and Ray's own threads."""
    sheet = Sheet("driver_cost")
    took = _spread(place, PIECES, Burn(products=0, round=0), 2)
    sheet.told("pieces a second, two workers", f"{PIECES / took.wall:.0f}", f"{PIECES} pieces")
    sheet.at_most("CPU of the driver a piece", 1000 * took.driver / PIECES, 5, " ms")
    return sheet


def long_clip(place: Place) -> Sheet:
    """Ten minutes take the memory of one, in the driver and in each worker."""
    sheet = Sheet("long_clip")
    peaks = {minutes: _peaks(place, minutes, sheet) for minutes in MINUTES}
    short, long = (peaks[minutes] for minutes in MINUTES)
    for kind in KINDS:
        sheet.told(f"peak of the {kind}", f"{short[kind] >> 20}, {long[kind] >> 20} MiB")
        ratio = long[kind] / short[kind] if short[kind] else np.nan
        sheet.at_most(f"peak of the {kind}, 10 minutes / 1", ratio, 1.1)
    return sheet


def _peaks(place: Place, minutes: int, sheet: Sheet) -> dict[str, int]:
    """Bytes that the driver and the largest worker ever had resident."""
    here = place.out / "work" / f"long_clip-{minutes}-{time.time_ns()}"
    frames = 60 * FPS * minutes
    clip = place.out / "cuts" / f"tiny-{minutes}.mp4"
    clip.parent.mkdir(parents=True, exist_ok=True)
    moving_picture(clip, rate=str(FPS), frames=frames)
    field = make_field(clip.parent, here, ROOT)
    began = time.monotonic()
    child = field.begin([clip.name], ("age=+1",), "--on", "ray")
    peaks = dict.fromkeys(KINDS, 0)
    with ThreadPoolExecutor(1) as reader:
        # Read all the while: a pipe that is full would stop the batch.
        said = reader.submit(child.communicate)
        while not said.done():
            peaks["driver"] = max(peaks["driver"], high_water(child.pid))
            for worker in ray_workers(child.pid):
                peaks["worker"] = max(peaks["worker"], high_water(worker))
            time.sleep(0.2)
    _, told = said.result()
    sheet.equal(f"{minutes} min exit code", child.returncode, 0, told[-200:].strip())
    sheet.told(f"{minutes} min seconds", f"{time.monotonic() - began:.0f}", f"{frames} frames")
    return peaks


def _main(words: list[str]) -> None:
    """A bare process: so many works of so many products. Or: how many take a second."""
    works, products = int(words[0]), int(words[1])
    if words[2:] == ["calibrate"]:
        burn(20)
        began = time.perf_counter()
        burn(100)
        sys.stdout.write(str(round(115 / (time.perf_counter() - began))))
        return
    for _ in range(works):
        burn(products)


if __name__ == "__main__":
    _main(sys.argv[1:])
