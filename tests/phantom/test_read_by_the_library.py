"""Every good phantom, read by the library: the marks land in the right slice, at their length."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from ifspace.io import load_volume, open_study
from ifspace.model import Severity
from ifspace.phantom import VARIANTS, PhantomTruth
from ifspace.phantom.syntax import tool_is_missing

GOOD = [name for name, variant in VARIANTS.items() if not variant.faulty]


@pytest.mark.parametrize("name", GOOD)
def test_the_chosen_series_shows_the_marks_in_their_slices(
    name: str, tiny_of: Callable[[str], PhantomTruth]
) -> None:
    if tool_is_missing(VARIANTS[name].spec.transfer_syntax):
        pytest.skip("dcmcjpeg is not installed (dcmtk)")
    truth = tiny_of(name)
    with open_study(truth.image_path) as inventory:
        series = inventory.choose()
        volume = load_volume(series)
    assert series.series_instance_uid == truth.series_uid
    assert len(volume.slices) == len(truth.sop_instance_uids)
    assert not [flag for flag in volume.flags if flag.severity is Severity.REFUSAL]
    for mark in json.loads(truth.session_path.read_text())["marks"]:
        point = np.array(mark["position_lps_mm"])
        slice_index, gap_mm = volume.nearest_slice(point)
        shown = volume.slices[slice_index]
        assert gap_mm < 1e-4
        assert shown.plane.shows(point)
        number = shown.source.frame_number
        uid = shown.source.sop_instance_uid
        assert mark["sop_instance_uid"] == (uid if number is None else f"{uid}#{number}")
