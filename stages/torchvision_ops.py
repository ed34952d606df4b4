"""Make ``import torchvision`` work beside a torch its compiled library was not built for.

The registries' torchvision is built against CUDA torch. Beside a CPU torch its library ``_C.so``
does not load; torchvision takes that silently, and then fails on its own import, because it
registers shape functions for two operators, ``nms`` and ``qnms``, that nobody has declared. What
we import through torchvision (lpips, ptlflow, face_alignment) calls neither. So we declare the two
schemas, without an implementation: calling one still raises, importing no longer does.

Call ``declare_missing_operators()`` before the first import of anything that needs torchvision.
"""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def compiled_library_loads() -> bool:
    """Whether torchvision's compiled operators can be had beside this torch."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    library = Path(spec.origin).parent / "_C.so"
    if not library.exists():
        return False
    try:
        ctypes.CDLL(str(library))
    except OSError:
        return False
    return True


@cache
def declare_missing_operators() -> torch.library.Library | None:
    """Declare ``torchvision::nms`` and ``qnms`` if the compiled library is absent.

    Returns the library that holds the declarations (they live as long as it does), or None when
    nothing was missing. May be called any number of times.
    """
    if compiled_library_loads():
        return None
    # FRAGMENT: torchvision itself may open the namespace "torchvision" as well.
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)  # type: ignore[no-untyped-call]
    return library
