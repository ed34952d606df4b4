from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError

from pipeline.artifact import Artifact
from pipeline.plan import Each, Plan, WiringError
from pipeline.stage import Context, Stage
from pipeline.work import key_of, keys_of, numeric_libraries
from tests.pipeline.toy_artifacts import Everything, Numbers, Scale, Source
from tests.pipeline.toy_plans import whole
from tests.pipeline.toy_stages import Fit, Multiply, Read, Smooth, Split, Total, Wide


class Half(Stage):
    """A weights class of its own kind is not asked for."""

    def load(self, scale: Scale) -> float:
        return scale.factor

    def run(self, loaded: float, scale: Scale, context: Context) -> Scale:
        return Scale(loaded / 2)


class SmallScale(Scale):
    pass


class Shrink(Stage):
    def run(self, scale: Scale) -> SmallScale:
        return SmallScale(scale.factor / 2)


class Anything(Stage):
    """Takes either, and a start if there is one."""

    def run(self, thing: Numbers | Scale, start: Scale | None = None) -> Numbers:
        raise NotImplementedError


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def read(plan: Plan) -> Any:
    return plan.add("read", Read(), source=plan.given("clip", Source(Path("x"), "abc")))


def test_nodes_know_what_they_give(plan: Plan, read: Any) -> None:
    pieces = plan.add("pieces", Split(), numbers=read)
    each = plan.add("each", Wide(), numbers=Each(pieces))
    assert (read.produces, read.many, read.mapped) == (Numbers, False, False)
    assert (pieces.produces, pieces.many, pieces.mapped) == (Numbers, True, False)
    assert (each.produces, each.many, each.mapped) == (Numbers, True, True)
    assert [n.depth for n in (read, pieces, each)] == [1, 2, 3]


def test_a_subclass_fits_and_its_base_does_not(plan: Plan, read: Any) -> None:
    fitted = plan.add("fitted", Fit(), numbers=read)
    small = plan.add("small", Shrink(), scale=fitted)
    plan.add("half", Half(), scale=small)
    with pytest.raises(WiringError, match=r"x.scale takes Scale, and read \(Numbers\) does not"):
        plan.add("x", Half(), scale=read)


def test_unions_and_optional_inputs(plan: Plan, read: Any) -> None:
    fitted = plan.add("fitted", Fit(), numbers=read)
    plan.add("a", Anything(), thing=read)
    plan.add("b", Anything(), thing=fitted, start=fitted)
    node = plan.add("c", Anything(), thing=fitted, start=None)
    assert set(node.inputs) == {"thing"}
    with pytest.raises(WiringError, match=r"d\.thing: None is no node"):
        plan.add("d", Anything(), thing=None)
    with pytest.raises(WiringError, match=r"takes Scale \| None, and read"):
        plan.add("e", Anything(), thing=read, start=read)


Add = Callable[[Plan, Any, Any], object]


@pytest.mark.parametrize(
    ("add", "sentence"),
    [
        (lambda p, r, m: p.add("x", Read(), numbers=r), r"takes \['source'\], not \['numbers'\]"),
        (lambda p, r, m: p.add("x", Multiply(), numbers=r), r"needs \['scale'\] as well"),
        (lambda p, r, m: p.add("x", Split(), numbers=m), r"gives a list; use Each\(pieces\)"),
        (lambda p, r, m: p.add("x", Split(), numbers=Each(m)), "fan out inside a fan-out"),
        (lambda p, r, m: p.add("x", Wide(), numbers=Each(r)), "is not many"),
        (lambda p, r, m: p.add("x", Wide(), numbers=(r, r)), "not a tuple of nodes"),
        (lambda p, r, m: p.add("x", Total(), parts=r), r"list\[Numbers\], and read .* is not many"),
        (lambda p, r, m: p.add("x", Total(), parts=Each(m)), "give the node itself, not Each"),
        (lambda p, r, m: p.add("x", Wide(), numbers=Each(m, 1)), r"annotate it Numbers \| None"),
        (
            lambda p, r, m: p.add("x", Smooth(), numbers=r, before=Each(m, -1), after=Each(m, 1)),
            "one Each must have offset 0",
        ),
        (lambda p, r, m: p.add("read", Split(), numbers=r), "'read' is taken"),
        (lambda p, r, m: Plan().add("x", Split(), numbers=r), "is no node of this plan"),
        (lambda p, r, m: p.given("read", Source(Path("x"), "a")), "'read' is taken"),
    ],
)
def test_wrong_wiring_is_refused_at_once(plan: Plan, read: Any, add: Add, sentence: str) -> None:
    many = plan.add("pieces", Split(), numbers=read)
    with pytest.raises(WiringError, match=sentence):
        add(plan, read, many)


class Writes(Stage):
    target: Path | None = None

    def run(self, numbers: Numbers) -> Numbers:
        raise NotImplementedError


def test_paths_may_not_get_into_keys(plan: Plan, read: Any) -> None:
    with pytest.raises(WiringError, match=r"Writes\.target is a path"):
        plan.add("x", Writes(), numbers=read)


def stage_with(run: Any) -> Stage:
    class Odd(Stage):
        pass

    Odd.run = run  # type: ignore[attr-defined]
    return Odd()


def no_hint(self: Any, numbers) -> Numbers:  # type: ignore[no-untyped-def]
    raise NotImplementedError


def no_result(self: Any, numbers: Numbers):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def wrong_result(self: Any, numbers: Numbers) -> list[float]:
    raise NotImplementedError


def wrong_input(self: Any, numbers: dict[str, Numbers]) -> Numbers:
    raise NotImplementedError


def packed(self: Any, *numbers: Numbers) -> Iterator[Numbers]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (no_hint, "numbers has no annotation"),
        (no_result, "returns None, which is neither"),
        (wrong_result, r"returns list\[float\], which is neither"),
        (wrong_input, "which is no artifact class"),
        (packed, "cannot be given by keyword"),
    ],
)
def test_stages_that_cannot_be_wired_say_why(
    plan: Plan, read: Any, run: Any, sentence: str
) -> None:
    with pytest.raises(WiringError, match=sentence):
        plan.add("x", stage_with(run), numbers=read)


def test_a_stage_needs_a_run(plan: Plan, read: Any) -> None:
    class Idle(Stage):
        pass

    with pytest.raises(WiringError, match="Idle has no run"):
        plan.add("x", Idle(), numbers=read)


def test_settings_are_strict_and_frozen() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Split(width=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Split().size = 3  # type: ignore[misc]


def test_made_artifacts_cannot_be_given(plan: Plan) -> None:
    with pytest.raises(NotImplementedError):
        plan.given("scale", Scale(1.0))


def test_needed_follows_the_edges_back() -> None:
    plan = whole()
    assert [n.name for n in plan.needed(["weights"])] == ["clip", "read", "weights"]
    assert len(plan.needed()) == len(plan.nodes)
    with pytest.raises(KeyError):
        plan.needed(["none"])


def test_describe_shows_the_wiring() -> None:
    text = whole(plus=2.0).describe()
    assert "clip     Source <- given" in text
    assert "pieces   many Numbers <- Split() of numbers=read" in text
    assert (
        "scaled   many Numbers <- Multiply(plus=2.0) of scale=weights, numbers=Each(safe)" in text
    )
    assert "before=Each(scaled, -1)" in text
    assert "parts=all smooth, start=read" in text


class Keyed(Stage):
    strength: float = 1.0
    batch: int = Field(default=4, exclude=True)

    def run(self, numbers: Numbers) -> Numbers:
        raise NotImplementedError


class OtherKeyed(Keyed):
    pass


class RaisedKeyed(Keyed):
    pass


def test_the_key_holds_what_decides_the_result(plan: Plan, read: Any) -> None:
    from pipeline.artifact import Ref

    one, other = (Ref(k * 64, Numbers) for k in "ab")
    base = key_of(Keyed(), {"numbers": one})
    assert base == key_of(Keyed(batch=8), {"numbers": one}), "excluded settings do not count"
    assert base == key_of(Keyed(strength=1.0), {"numbers": one})
    different = [
        key_of(Keyed(strength=1.5), {"numbers": one}),
        key_of(Keyed(), {"numbers": other}),
        key_of(Keyed(), {"numbers": (one,)}),
        key_of(Keyed(), {"numbers": one, "more": None}),
        key_of(OtherKeyed(), {"numbers": one}),
        key_of(Keyed(), {"numbers": one}, (("numpy", "0"),)),
    ]
    before = key_of(RaisedKeyed(), {"numbers": one})
    RaisedKeyed.version = 2
    different += [before, key_of(RaisedKeyed(), {"numbers": one})]
    assert len({base, *different}) == 1 + len(different)
    assert len(base) == 64
    assert keys_of({"a": (one, other), "b": None}) == {"a": ["a" * 64, "b" * 64], "b": None}


def test_the_fields_of_what_is_made_take_part_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(Keyed(), {})
    monkeypatch.setattr("pipeline.work._made", lambda cls: {"numbers": ["another type"]})
    assert key_of(Keyed(), {}) != before


def test_numeric_libraries_are_found() -> None:
    found = dict(numeric_libraries())
    assert "numpy" in found
    assert not any("+" in version for version in found.values())


def test_artifacts_with_no_identity_are_named() -> None:
    with pytest.raises(NotImplementedError, match="Artifact is made by stages"):
        Artifact().identity()
    assert issubclass(Everything, Artifact)
