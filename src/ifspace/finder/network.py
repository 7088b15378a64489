"""Run the network on a stack: what every pixel shows, and how high the slice lies on the femur."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifspace.errors import IfspaceError
from ifspace.finder.raster import Stack

WEIGHTS = "finder.onnx"
BACKGROUND, FEMUR, ISCHIUM, HIP, TROCHANTER, HAMSTRING, ILIOPSOAS = range(7)

Maps32 = NDArray[np.float32]


class MissingNetworkError(IfspaceError):
    """The program that runs the network, or its weights, are not installed."""


@dataclass(frozen=True, eq=False)
class Maps:
    """What the network says of a stack.

    Attributes
    ----------
    probabilities
        (slices, 7, rows, columns): background, femur, ischial part and rest of the hip bone,
        lesser trochanter, hamstring origin, iliopsoas tendon.
    heat
        (slices, rows, columns), 0 to 1: the apex of the lesser trochanter is here.
    height_mm
        (slices, rows, columns): height above the apex; means something on the femur only.
    """

    probabilities: Maps32
    heat: Maps32
    height_mm: Maps32


def available() -> bool:
    """Tell whether the network can be run here."""
    try:
        _session()
    except MissingNetworkError:
        return False
    return True


def maps_of(stack: Stack) -> Maps:
    """Run the network on every slice of a stack.

    Raises
    ------
    MissingNetworkError
        If onnxruntime is not installed.
    """
    session = _session()
    found = [
        session.run(None, {"planes": stack.planes(number)[None]})
        for number in range(len(stack.signal))
    ]
    return Maps(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


@cache
def _session() -> Any:
    """Load the network once, for one core: several studies may be read at the same time."""
    try:
        import onnxruntime
    except ImportError as error:
        message = (
            "finding the bones without a click needs onnxruntime: install ifspace with its extra "
            "`auto` (pip install 'ifspace[auto]'), or point at both bones"
        )
        raise MissingNetworkError(message) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    weights = resources.files("ifspace.finder").joinpath("model", WEIGHTS)
    if not weights.is_file():
        message = "this installation of ifspace carries no weights for finding the bones"
        raise MissingNetworkError(message)
    return onnxruntime.InferenceSession(
        weights.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
