"""What is a number and what is none, and how both become JSON."""

from __future__ import annotations

import json
import math

import pytest

from ifspace.model import Side
from ifspace.statistics import Estimate, Interval, NotEstimable, to_json


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_an_interval_runs_between_two_rising_numbers(low, high):
    with pytest.raises(ValueError, match="rising"):
        Interval(low, high, "none")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_estimate_is_a_number(value):
    with pytest.raises(ValueError, match="expected a number"):
        Estimate(value)


def test_what_is_absent_is_left_out_of_the_json():
    found = to_json(
        {
            Side.LEFT: [Estimate(1.5, Interval(1.0, 2.0, "t")), NotEstimable("none", "no hip")],
            "side": Side.RIGHT,
            "ends": (1, 2.5),
        }
    )
    assert found == {
        "left": [
            {
                "status": "given",
                "value": 1.5,
                "interval": {"low": 1.0, "high": 2.0, "method": "t"},
            },
            {"status": "not_given", "reason": "none", "detail": "no hip"},
        ],
        "side": "right",
        "ends": [1, 2.5],
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found
