"""Plans of the toy stages."""

from pathlib import Path

from pipeline.plan import Each, Plan
from pipeline.stage import Stage
from tests.pipeline.toy_artifacts import Source
from tests.pipeline.toy_stages import Fit, Multiply, Poison, Read, Smooth, Split, Total


def whole(
    journal: Path | None = None,
    *,
    numbers: int = 8,
    plus: float = 0.0,
    poison: Poison | None = None,
    total: Total | None = None,
    source: str = "clip.mp4",
) -> Plan:
    """Every kind of edge: given, one, many, each, neighbours, gather, weights made by a stage."""
    plan = Plan()
    clip = plan.given("clip", Source(Path(source), "x" * numbers))
    read = plan.add("read", Read(journal=journal), source=clip)
    pieces = plan.add("pieces", Split(journal=journal), numbers=read)
    weights = plan.add("weights", Fit(journal=journal), numbers=read)
    safe = plan.add("safe", poison or Poison(journal=journal), numbers=Each(pieces))
    scaled = plan.add(
        "scaled", Multiply(plus=plus, journal=journal), scale=weights, numbers=Each(safe)
    )
    smooth = plan.add(
        "smooth",
        Smooth(journal=journal),
        numbers=Each(scaled),
        before=Each(scaled, offset=-1),
        after=Each(scaled, offset=1),
    )
    plan.add("total", total or Total(journal=journal), parts=smooth, start=read)
    return plan


def chain(stage: Stage, *, numbers: int = 8) -> Plan:
    """One stage mapped over pieces of two, and the total."""
    plan = Plan()
    clip = plan.given("clip", Source(Path("clip.mp4"), "x" * numbers))
    pieces = plan.add("pieces", Split(), numbers=plan.add("read", Read(), source=clip))
    mapped = plan.add("mapped", stage, numbers=Each(pieces))
    plan.add("total", Total(), parts=mapped)
    return plan
