"""Discard what was made from one input, whatever the settings it was made with."""

from pipeline.store import Store


def forget(store: Store, given: str) -> int:
    """Discard every result that comes from the given artifact of this key, and unfinished work.

    Results record the keys of their inputs, so the ones to go are found by following those. State
    of unfinished work records nothing; all of it goes, unless a running process holds it, and at
    most costs others the piece of work they were stopped in. Of a shared store the results go there
    too; copies in the folders of other machines stay, and hold the same.

    Returns:
        How many results were discarded.
    """
    inputs: dict[str, set[str]] = {}
    for key in store.known():
        record = store.record(key)
        if record is not None:
            inputs[key] = _keys(record.provenance.inputs)
    gone, fresh = set[str](), {given}
    while fresh:
        fresh = {key for key, needs in inputs.items() if needs & fresh} - gone
        gone |= fresh
    for key in gone:
        store.remove(key)
    for folder in (store.root / "scratch").iterdir():
        if not (store.root / "locks" / f"{folder.name}.lock").exists():
            store.clear_scratch(folder.name)
    return len(gone)


def _keys(inputs: dict[str, object]) -> set[str]:
    found: set[str] = set()
    for given in inputs.values():
        listed = given if isinstance(given, list | tuple) else [given]
        found |= {str(key) for key in listed if key is not None}
    return found
