"""A TensorFlow Lite network with one image in, run on one thread so that its bytes repeat."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from stages.artifacts import F32


class TfliteNetwork:
    """Call it with an image ``(side, side, 3)`` float32; it returns its outputs as flat arrays.

    ``side`` is the square input's edge in pixels. One thread: these networks take a millisecond
    or two, and several threads would make the sums depend on their number.
    """

    def __init__(self, path: Path) -> None:
        self._interpreter: Any = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        (image,) = self._interpreter.get_input_details()
        self._input: int = image["index"]
        self._outputs: list[int] = [o["index"] for o in self._interpreter.get_output_details()]
        self.side = int(image["shape"][1])

    def __call__(self, image: F32) -> list[F32]:
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(image[None]))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index)[0] for index in self._outputs]
