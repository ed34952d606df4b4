"""Doing one piece of work: read inputs, load once, run, publish. The same in every pool."""

import collections
import errno
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.artifact import Artifact, Ref, qualified_name
from pipeline.failure import Failure, OutOfResources, PipelineError
from pipeline.memory import PeakMemory
from pipeline.output import need_space
from pipeline.signature import Signature, signature
from pipeline.stage import Context, Peers, Stage, alone, no_progress
from pipeline.store import Provenance, Store
from pipeline.work import Given, Work, element_key, keys_of, settings_of

KEEP = 3
"""How many loaded stages a worker keeps: enough for an encoder and a generator side by side."""


@dataclass(frozen=True)
class Done:
    """A finished work: the keys of its result (of every element, if many) and what it cost.

    ``seconds`` and ``peak_rss`` (bytes) are those of the run that made it; ``reused``: not this.
    """

    keys: tuple[str, ...]
    seconds: float
    peak_rss: int
    reused: bool


@dataclass(frozen=True)
class _Loaded:
    stage: Stage
    weights: dict[str, Any]
    value: Any


def reused(store: Store, work: Work) -> Done | None:
    """The result of a work that is in the store already; None when it has to be done.

    Somebody may have removed it from what the store is shared through; then it goes there again.
    """
    record = store.record(work.key) if store.has(work.key) else None
    if record is None:
        return None
    keys = (work.key,) if record.elements is None else record.elements
    for key in (*keys, work.key):
        store.share(key)
    return Done(keys, record.provenance.seconds, record.provenance.peak_rss, reused=True)


class Worker:
    """Does any stage's work, one at a time, and keeps what the last few stages loaded.

    Args:
        store: where inputs are read and results go.
        device: what stages that ask for a GPU get; all others get "cpu".
        threads: what stages are told to use; 0 leaves it to the libraries.
    """

    def __init__(self, store: Store, *, device: str = "cpu", threads: int = 0) -> None:
        self.store = store
        self.device = device
        self.threads = threads
        self._loaded: list[_Loaded] = []

    def do(
        self,
        work: Work,
        progress: Callable[[int, int], None] = no_progress,
        peers: Callable[[], Peers] = alone,
    ) -> Done | Failure:
        """Do a piece of work, unless its result is there. A stage's exception comes as a value.

        A disk that has become full is told of before the work, not by what it then breaks off.
        """
        try:
            with self.store.lock(work.key):
                if done := reused(self.store, work):
                    return done
                need_space(self.store.root, 0)
                return self._run(work, progress, peers)
        except Exception as error:
            return failure(work, error)

    def assist(self, work: Work, peers: Peers) -> None:
        """Do a piece of work as one of several, the first of whom publishes what comes of it."""
        name = f"{work.key}-{peers.rank}"
        try:
            scratch = self.store.scratch(name)
            result = self._call(work, self._context(work, scratch, no_progress, lambda: peers))
            if work.many:
                collections.deque(result, maxlen=0)
        finally:
            self.store.clear_scratch(name)

    def _context(
        self,
        work: Work,
        scratch: Path,
        progress: Callable[[int, int], None],
        peers: Callable[[], Peers],
    ) -> Context:
        gpu = work.stage.resources.gpus > 0
        return Context(scratch, self.device if gpu else "cpu", self.threads, progress, peers)

    def _call(self, work: Work, context: Context) -> Any:
        """What the stage returns."""
        declared = signature(type(work.stage))
        loaded = [self._load(work, declared, context)] if declared.loads else []
        inputs: dict[str, Any] = {
            name: self._read(work.inputs[name]) if name in work.inputs else None
            for name, parameter in declared.run.items()
            if name in work.inputs or parameter.required
        }
        if declared.run_context:
            inputs["context"] = context
        return work.stage.run(*loaded, **inputs)  # type: ignore[attr-defined]

    def _run(
        self,
        work: Work,
        progress: Callable[[int, int], None],
        peers: Callable[[], Peers],
    ) -> Done:
        began = time.perf_counter()
        memory = PeakMemory()
        declared = signature(type(work.stage))
        scratch = self.store.scratch(work.key)
        result = self._call(work, self._context(work, scratch, progress, peers))
        made = _provenance(work)

        def measured() -> Provenance:
            return replace(made, seconds=time.perf_counter() - began, peak_rss=memory.bytes())

        if work.many:
            keys = []
            for index, artifact in enumerate(result):
                keys.append(element_key(work.key, index))
                self._publish(
                    keys[-1], artifact, declared, replace(measured(), index=index), scratch
                )
            made = measured()
            self.store.publish_list(work.key, tuple(keys), made)
        else:
            keys = [work.key]
            made = measured()
            self._publish(work.key, result, declared, made, scratch)
        self.store.clear_scratch(work.key)
        return Done(tuple(keys), made.seconds, made.peak_rss, reused=False)

    def _publish(
        self, key: str, artifact: Artifact, declared: Signature, made: Provenance, scratch: Path
    ) -> None:
        if not isinstance(artifact, declared.produces):
            raise TypeError(
                f"{made.stage}.run gave a {type(artifact).__name__}, "
                f"and is annotated to give {declared.produces.__name__}"
            )
        self.store.publish(key, artifact, made, scratch=scratch)

    def _load(self, work: Work, declared: Signature, context: Context) -> Any:
        weights = {name: work.inputs.get(name) for name in declared.load}
        keys = keys_of(weights)
        for entry in self._loaded:
            if entry.stage == work.stage and entry.weights == keys:
                self._loaded.remove(entry)
                self._loaded.append(entry)
                return entry.value
        del self._loaded[: -(KEEP - 1)]
        inputs: dict[str, Any] = {
            name: self._read(given)
            for name, given in weights.items()
            if name in work.inputs or declared.load[name].required
        }
        if declared.load_context:
            inputs["context"] = context
        value = work.stage.load(**inputs)  # type: ignore[attr-defined]
        self._loaded.append(_Loaded(work.stage, keys, value))
        return value

    def _read(self, given: Given) -> Artifact | list[Artifact] | None:
        if isinstance(given, Ref):
            return self.store.load(given)
        return None if given is None else [self.store.load(ref) for ref in given]


def _provenance(work: Work) -> Provenance:
    return Provenance(
        node=work.node,
        stage=qualified_name(type(work.stage)),
        version=work.stage.version,
        settings=settings_of(work.stage),
        inputs=keys_of(work.inputs),
        libraries=dict(work.libraries),
        index=work.index,
    )


def failure(work: Work, error: Exception) -> Failure:
    """An exception as the failure of a work: in the exception's words, if it is one of ours."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, PipelineError):
        text, code = str(error), error.exit_code
    elif _out_of_resources(error):
        text, code = f"disk or memory ran out: {error}", OutOfResources.exit_code
    else:
        text, code = f"{type(error).__name__}: {error}", 1
    return Failure(work.node, work.index, "stage", text, code, traceback=trace)


def _out_of_resources(error: Exception) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in full)
