"""A plan: stages wired by their annotations, checked edge by edge as it is built.

Three kinds of edge. A node: its artifact, or for a parameter ``list[X]`` all of its elements (of
several nodes, when a tuple of them is given). ``Each(node)``: one element at a time; several
``Each`` advance together. ``Each(node, offset=1)``: the neighbour, None past the ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from pipeline.artifact import Artifact, Ref
from pipeline.signature import Input, signature
from pipeline.stage import Stage


class WiringError(TypeError):
    """Stages do not fit together as a plan would have them. A fault of a recipe, not of a user."""


@dataclass(frozen=True, eq=False)
class Node:
    """A stage in a plan, or an artifact given to it. ``many``: its result is a list."""

    name: str
    produces: type[Artifact]
    many: bool = False
    stage: Stage | None = None
    given: Ref | None = None
    inputs: "dict[str, Edge]" = field(default_factory=dict)
    depth: int = 0

    @cached_property
    def mapped(self) -> bool:
        """Whether the stage runs once for each element of another node."""
        return any(isinstance(edge, Each) for edge in self.inputs.values())

    def __str__(self) -> str:
        kind = self.produces.__name__
        return f"{self.name} (many {kind})" if self.many else f"{self.name} ({kind})"


@dataclass(frozen=True, eq=False)
class Each:
    """An element of a many node at a time, or its neighbour ``offset`` places on."""

    node: Node
    offset: int = 0


@dataclass(frozen=True, eq=False)
class One:
    """The only artifact of a node."""

    node: Node


@dataclass(frozen=True, eq=False)
class All:
    """All artifacts of these nodes, in order."""

    nodes: tuple[Node, ...]


Edge = One | All | Each


def sources(edge: Edge) -> tuple[Node, ...]:
    """The nodes an edge comes from."""
    return edge.nodes if isinstance(edge, All) else (edge.node,)


class Plan:
    """Nodes in an order in which each comes after what it needs."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def given(self, name: str, artifact: Artifact) -> Node:
        """Add an artifact from outside. It must define ``identity()``."""
        return self._keep(Node(name, type(artifact), given=Ref.to(artifact)))

    def add(
        self, name: str, stage: Stage, **inputs: "Node | Each | tuple[Node, ...] | None"
    ) -> Node:
        """Add a stage. ``inputs`` are those of its ``load`` and its ``run``, by name.

        None stands for an input that is optional and left out.

        Raises:
            WiringError: an input is missing, unknown, or not what the annotation asks for.
        """
        try:
            declared = signature(type(stage))
        except TypeError as error:
            raise WiringError(f"{name}: {error}") from error
        _same_names(name, stage, set(inputs), declared.inputs)
        edges: dict[str, Edge] = {}
        for key, value in inputs.items():
            for parameter in declared.inputs[key]:
                if value is None and parameter.optional:
                    continue
                edges[key] = self._edge(f"{name}.{key}", parameter, value)
        mapped = any(isinstance(edge, Each) for edge in edges.values())
        if mapped and not any(isinstance(e, Each) and e.offset == 0 for e in edges.values()):
            raise WiringError(f"{name}: one Each must have offset 0; it says how many there are")
        if mapped and declared.many:
            raise WiringError(
                f"{name}: {type(stage).__name__} returns many, and a plan cannot fan out inside "
                "a fan-out; make one flat list of them"
            )
        depth = 1 + max((n.depth for e in edges.values() for n in sources(e)), default=0)
        many = mapped or declared.many
        return self._keep(Node(name, declared.produces, many, stage, None, edges, depth))

    def include(self, prefix: str, other: "Plan") -> dict[str, Node]:
        """Add every node of another plan, with its name behind ``prefix``.

        Returns:
            The nodes of this plan by the names they have in the other.

        Raises:
            WiringError: a name is taken.
        """
        ours: dict[str, Node] = {}
        for name, node in other.nodes.items():
            edges = {key: _moved(edge, ours) for key, edge in node.inputs.items()}
            ours[name] = self._keep(replace(node, name=prefix + name, inputs=edges))
        return ours

    def _keep(self, node: Node) -> Node:
        if not node.name or node.name in self.nodes:
            raise WiringError(f"a plan has one node of each name; {node.name!r} is taken or empty")
        self.nodes[node.name] = node
        return node

    def _edge(self, where: str, parameter: Input, value: object) -> Edge:
        nodes = value if isinstance(value, tuple) else (value,)
        for node in nodes:
            node = node.node if isinstance(node, Each) else node
            if not isinstance(node, Node) or self.nodes.get(node.name) is not node:
                raise WiringError(f"{where}: {node!r} is no node of this plan")
            if not parameter.takes(node.produces):
                raise WiringError(f"{where} takes {parameter}, and {node} does not give that")
        if isinstance(value, Each):
            return _each(where, parameter, value)
        if parameter.all:
            if isinstance(value, Node) and not value.many:
                raise WiringError(f"{where} takes {parameter}, and {value} is not many")
            return All(tuple(n for n in nodes if isinstance(n, Node)))
        if not isinstance(value, Node):
            raise WiringError(f"{where} takes {parameter}, not a tuple of nodes")
        if value.many:
            raise WiringError(
                f"{where} takes one {parameter}, and {value} gives a list; use Each({value.name})"
            )
        return One(value)

    def needed(self, targets: Iterable[Node | str] | None = None) -> list[Node]:
        """The targets and all they need, in order; every node when there are no targets.

        Raises:
            KeyError: there is no node of a target's name.
        """
        if targets is None:
            return list(self.nodes.values())
        found: set[str] = set()
        stack = [self.nodes[t] if isinstance(t, str) else t for t in targets]
        while stack:
            node = stack.pop()
            if node.name not in found:
                found.add(node.name)
                stack.extend(n for edge in node.inputs.values() for n in sources(edge))
        return [node for node in self.nodes.values() if node.name in found]

    def describe(self) -> str:
        """The plan in plain text, a line a node: what it gives, the stage, where inputs come from.

        Settings that differ from the stage's defaults are shown.
        """
        width = max((len(name) for name in self.nodes), default=0)
        return "\n".join(_line(node, width) for node in self.nodes.values())


def _moved(edge: Edge, ours: dict[str, Node]) -> Edge:
    """The same edge between the nodes that stand for those of another plan."""
    if isinstance(edge, All):
        return All(tuple(ours[node.name] for node in edge.nodes))
    return replace(edge, node=ours[edge.node.name])


def _same_names(
    name: str, stage: Stage, given: set[str], declared: dict[str, tuple[Input, ...]]
) -> None:
    kind = type(stage).__name__
    if unknown := sorted(given - set(declared)):
        raise WiringError(f"{name}: {kind} takes {sorted(declared)}, not {unknown}")
    needed = {key for key, inputs in declared.items() if any(i.required for i in inputs)}
    if missing := sorted(needed - given):
        raise WiringError(f"{name}: {kind} needs {missing} as well")


def _each(where: str, parameter: Input, each: Each) -> Each:
    if parameter.all:
        raise WiringError(f"{where} takes {parameter}; give the node itself, not Each")
    if not each.node.many:
        raise WiringError(f"{where}: {each.node} is not many, so there is no Each of it")
    if each.offset and not parameter.optional:
        raise WiringError(
            f"{where}: a neighbour may be missing at an end; annotate it {parameter} | None"
        )
    return each


def _line(node: Node, width: int) -> str:
    result = f"many {node.produces.__name__}" if node.many else node.produces.__name__
    if node.stage is None:
        return f"{node.name:<{width}}  {result} <- given"
    changed = ", ".join(
        f"{name}={getattr(node.stage, name)!r}"
        for name, info in type(node.stage).model_fields.items()
        if getattr(node.stage, name) != info.get_default(call_default_factory=True)
    )
    inputs = ", ".join(f"{key}={edge_text(edge)}" for key, edge in node.inputs.items())
    return f"{node.name:<{width}}  {result} <- {type(node.stage).__name__}({changed}) of {inputs}"


def edge_text(edge: Edge) -> str:
    """Where an edge comes from, in plain text."""
    if isinstance(edge, Each):
        offset = f", {edge.offset:+d}" if edge.offset else ""
        return f"Each({edge.node.name}{offset})"
    names = [n.name for n in sources(edge)]
    return f"all {'+'.join(names)}" if isinstance(edge, All) else names[0]
