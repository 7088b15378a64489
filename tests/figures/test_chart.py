"""Axes with round numbers, and charts as plain data."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifspace.figures import Axis, Bars, Chart, Dots, Level, Line, axis_around
from ifspace.figures.chart import TICK_STEPS, ticks_between

MM = st.floats(-1e4, 1e4)


@given(MM, st.floats(1e-2, 1e4))
def test_ticks_are_round_rising_and_within_the_ends(low, length):
    high = low + length
    ticks = ticks_between(low, high)
    numbers = [number for number, _ in ticks]
    assert 2 <= len(ticks) <= 7
    step = numbers[1] - numbers[0]
    assert min(abs(step / 10.0 ** round(math.log10(step / s)) - s) for s in TICK_STEPS) < 1e-6
    slack = 1e-6 * max(abs(low), abs(high), 1.0)
    assert low - slack <= numbers[0]
    assert numbers[-1] <= high + slack
    for number, text in ticks:
        assert float(text.replace("\u2212", "-")) == pytest.approx(number, abs=slack)
        assert text != "\u22120"


def test_quarters_keep_their_second_digit():
    assert [text for _, text in ticks_between(0.1, 1.2)] == ["0.25", "0.50", "0.75", "1.00"]


@given(st.lists(MM, max_size=6), st.lists(MM, max_size=2))
def test_an_axis_holds_every_value_with_air(values, include):
    axis = axis_around("IFS, mm", values, include=include)
    assert all(axis.low < value < axis.high for value in (*values, *include))
    assert axis.high - axis.low >= 1.0


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0)])
def test_an_axis_without_length_is_refused(low, high):
    with pytest.raises(ValueError, match="rising range"):
        Axis("mm", low, high, ())


def test_a_chart_becomes_plain_json_with_the_kind_of_every_item():
    axis = axis_around("mm", [0.0, 10.0])
    items = (
        Dots(((1.0, 2.0),), shape="diamond", label="left"),
        Bars(((1.0, 0.0, 3.0),)),
        Line(((0.0, 0.0), (1.0, 1.0)), dash="dotted"),
        Level(5.0, "bias", upright=True),
    )
    chart = Chart("one", "One", "a chart", axis, axis, items)
    data = json.loads(json.dumps(chart.as_data(), allow_nan=False))
    assert [item["kind"] for item in data["items"]] == ["dots", "bars", "line", "level"]
    assert data["items"][0]["points"] == [[1.0, 2.0]]
    assert data["x"]["label"] == "mm"
