"""A part of the DAG of a run: references, inverted beside the clip, and what is taken of them."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from configs.directions import find_motion_direction
from configs.inversion import (
    GENERATOR,
    GiveWeights,
    Inverted,
    Networks,
    give_networks,
    invert,
)
from configs.presets import Preset
from pipeline.failure import UsageError
from pipeline.fetch import digest
from pipeline.options import RunOptions
from pipeline.plan import Node, Plan
from pipeline.reference import Reference
from stages.artifacts import SourceClip
from stages.direction_file import read_direction
from stages.face_choice import check_choice
from stages.learn_motion import LearnMotion
from stages.motion_file import check_generator, open_motion, read_motion_header
from stages.motion_use import MotionUse
from stages.networks.mobile_stylegan import GeneratorShape
from stages.probe import Probe
from stages.transfer import TransferMotion


class Transfer(BaseModel):
    """A reference, a clip or a motion file, and what is done with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reference: Reference
    """Where it comes from."""
    use: MotionUse = MotionUse()
    """What is taken of it."""

    @property
    def is_file(self) -> bool:
        """Whether it is a motion file, not a clip."""
        return self.reference.path.suffix.lower() == ".safetensors"

    def check(self) -> None:
        """Refuse what does not fit before anything is begun.

        Raises:
            UsageError: an attribute without a direction, rows that do nothing, a motion of another
                generator, a range of a motion file.
            InputError: it cannot be read, or is not a motion file.
        """
        self.reference.check()
        for name in self.use.names:
            find_motion_direction(name)
        self.use.rows(GeneratorShape().active_rows)
        if self.is_file:
            path = self.reference.path
            check_generator(read_motion_header(path), GENERATOR, path.name)
            if self.reference.start is not None:
                raise UsageError(f"{path} is a motion file: it is used whole, without @T0-T1.")


def parse_transfers(options: RunOptions) -> tuple[Transfer, ...]:
    """What ``--transfer`` and the options beside it ask for.

    Raises:
        UsageError: an option is there neither once nor once for each, or see ``Transfer.check``.
        InputError: a reference cannot be read.
    """
    count = len(options.transfer)
    given = {
        "mode": options.transfer_mode,
        "what": options.transfer_what,
        "strength": options.transfer_strength,
        "end": options.transfer_end,
    }
    for name, values in given.items():
        if count and len(values) not in (0, 1, count):
            raise UsageError(
                f"--transfer-{name} is there {len(values)} times for {count} of --transfer: "
                "say it once, or once for each."
            )
    made = []
    for i, text in enumerate(options.transfer):
        chosen = {name: values[i % len(values)] for name, values in given.items() if values}
        try:
            use = MotionUse.model_validate(chosen)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"--transfer-{first['loc'][0]}"
            raise UsageError(f"{name} is {first['input']!r}: {first['msg']}.") from error
        transfer = Transfer(reference=Reference.parse(text), use=use)
        transfer.check()
        made.append(transfer)
    return tuple(made)


def check_together(transfers: Sequence[Transfer]) -> None:
    """Refuse two motions in one place: both would take the target's own away.

    Raises:
        UsageError: it is so.
    """
    names: set[str] = set()
    rows: set[int] = set()
    for use in (each.use for each in transfers if each.use.mode == "motion"):
        whole = set(use.rows(GeneratorShape().active_rows))
        if twice := names.intersection(use.names):
            raise _twice(min(twice))
        if twice_rows := rows & whole:
            raise _twice(f"row {min(twice_rows)} of W+")
        names.update(use.names)
        rows |= whole
    for name in sorted(names):
        if rows.intersection(read_direction(find_motion_direction(name).file)[0].rows):
            raise _twice(f"{name}: its rows of W+ are named as well")


def _twice(what: str) -> UsageError:
    return UsageError(f"--transfer would replace the motion of a face twice in {what}.")


def prefixes(transfers: Sequence[Transfer]) -> dict[str, Transfer]:
    """What the names of the nodes of each reference begin with. One that is used twice has one."""
    once = {each.reference: each for each in reversed(transfers)}
    order = dict.fromkeys(each.reference for each in transfers)
    return {f"reference{i}_": once[key] for i, key in enumerate(order)}


def learn(
    plan: Plan, networks: Networks, reference: Reference,
    *, face: str, preset: Preset, made_by: str, prefix: str = "",
) -> Node:  # fmt: skip
    """The node of the motion of a clip's face, and before it those of its inversion."""
    path, name = reference.path, f"{prefix}video"
    source = plan.given(f"{prefix}clip", SourceClip(path=path.resolve(), sha256=digest(path)))
    video = plan.add(name, Probe(start=reference.start, end=reference.end), clip=source)
    found = invert(plan, networks, source, video, face=face, preset=preset, prefix=prefix)
    return plan.add(
        f"{prefix}motion",
        LearnMotion(generator=GENERATOR, rows=GeneratorShape().active_rows, made_by=made_by),
        latents=found.latents,
        alignment=found.alignment,
        tracks=found.tracks,
        video=video,
    )


def add_transfers(
    plan: Plan, networks: Networks, transfers: Sequence[Transfer], target: Inverted, video: Node,
    edits: Node | None, *, preset: Preset, smoothing: float,
) -> Node:  # fmt: skip
    """The node of the edits with all transfers. A reference used twice is inverted once."""
    made: dict[Reference, Node] = {}
    for prefix, each in prefixes(transfers).items():
        if each.is_file:
            motion = open_motion(each.reference.path)
            made[each.reference] = plan.given(f"{prefix}motion", motion)
        else:
            made[each.reference] = learn(
                plan, networks, each.reference, face="largest", preset=preset,
                made_by="pipeline run --transfer", prefix=prefix,
            )  # fmt: skip
    names = dict.fromkeys(name for each in transfers for name in each.use.names)
    directions = tuple(plan.given(f"moving_{n}", find_motion_direction(n)) for n in names)
    shape = GeneratorShape()
    return plan.add(
        "transferred",
        TransferMotion(
            uses=tuple(each.use for each in transfers),
            generator=GENERATOR,
            rows=shape.rows,
            active=shape.active_rows,
            smoothing=smoothing,
        ),
        motions=tuple(made[each.reference] for each in transfers),
        directions=directions,
        edits=edits,
        latents=target.latents,
        alignment=target.alignment,
        tracks=target.tracks,
        video=video,
        generator=networks.generator,
        heads=networks.heads,
        face_models=networks.face_models,
    )


def motion_plan(
    weights: GiveWeights, reference: Reference, *, face: str, preset: Preset, made_by: str
) -> Plan:
    """The node ``motion`` holds the motion file of a clip's face. Raises UsageError: ``face``."""
    check_choice(face)
    plan = Plan()
    networks = give_networks(plan, weights)
    learn(plan, networks, reference, face=face, preset=preset, made_by=made_by)
    return plan
