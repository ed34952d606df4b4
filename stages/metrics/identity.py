"""Identity over time, on embeddings of any recognition network. All rows are unit vectors."""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def cosine(a: F32, b: F32) -> F32:
    """(n,) cosine between corresponding rows of two (n, d) arrays of unit vectors."""
    if a.shape != b.shape:
        raise ValueError(f"embeddings differ in shape: {a.shape} and {b.shape}")
    return np.asarray(np.sum(a * b, axis=1), dtype=np.float32)


def tl_id(edited: F32, source: F32) -> float:
    """Local identity steadiness (Tzaban et al. 2022, STIT): adjacent frames, 1.0 as the source.

    Args:
        edited: (n, d), n of 2 or more, in frame order.
        source: (n, d), the same frames before the edit.
    """
    return float(
        np.mean(cosine(edited[1:], edited[:-1])) / np.mean(cosine(source[1:], source[:-1]))
    )


def tg_id(edited: F32, source: F32) -> float:
    """Global identity steadiness (STIT): as ``tl_id``, over all pairs of different frames."""
    return _all_pairs(edited) / _all_pairs(source)


def _all_pairs(embeddings: F32) -> float:
    n = len(embeddings)
    if n < 2:
        raise ValueError(f"identity over time needs two frames or more, got {n}")
    gram = embeddings.astype(np.float64) @ embeddings.astype(np.float64).T
    return float((gram.sum() - np.trace(gram)) / (n * (n - 1)))
