"""Arrays in files are recognised however numpy spells their type."""

from __future__ import annotations

from typing import get_type_hints

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypeVar

from ifspace.codec import _is_array
from ifspace.model import Mark

_Scalar = TypeVar("_Scalar", bound=np.generic)
# What `NDArray` is from numpy 2.5 on.
_Alias = TypeAliasType(
    "_Alias", np.ndarray[tuple[int, ...], np.dtype[_Scalar]], type_params=(_Scalar,)
)


@pytest.mark.parametrize(
    "hint", [NDArray[np.float64], _Alias[np.float64], get_type_hints(Mark)["position_lps_mm"]]
)
def test_an_array_type_is_recognised(hint: object) -> None:
    assert _is_array(hint)


@pytest.mark.parametrize("hint", [float, tuple[float, ...], list[int], Mark, float | None])
def test_other_types_are_no_arrays(hint: object) -> None:
    assert not _is_array(hint)
