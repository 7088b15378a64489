"""What a user of the library writes; `test_typing.py` has mypy check it in strict mode."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import ifspace


def smallest_mm(folder: Path, session: Path) -> float | None:
    study = ifspace.load_study(folder)
    assert_type(study, ifspace.LoadedStudy)
    marks = ifspace.read_session(session)
    assert_type(marks, ifspace.Session)
    result = ifspace.measure(study, marks, sides=[ifspace.Side.LEFT])
    assert_type(result, ifspace.StudyResult)
    for space in result.spaces:
        assert_type(space.outcome, ifspace.Measurement | ifspace.NotMeasured)
    assert_type(ifspace.load_volume(folder), ifspace.Volume)
    ifspace.write_session(ifspace.propose(study).session, Path("proposed.json"))
    assert_type(ifspace.result_rows(result), list[dict[str, Any]])
    assert_type(ifspace.key_image(result, study, "left"), NDArray[np.uint8])
    values_mm = [item.value_mm for item in result.measurements if item.kind is ifspace.Kind.IFS]
    return min(values_mm, default=None)
