"""How statistics are said: true minus signs, and a reason where there is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifspace.figures import wording
from ifspace.statistics import Estimate, Interval, NotEstimable

NONE = NotEstimable("too_few_persons", "2 persons")
FULL = Estimate(-0.04, Interval(-1.26, 1.0, "t"), Interval(-1.0, 0.5, "t"))


@pytest.mark.parametrize(
    ("value", "text"), [(-0.04, "0.0"), (-1.25, "\u22121.2"), (3.0, "3.0"), (-0.06, "\u22120.1")]
)
def test_a_number_has_a_true_minus_and_no_negative_zero(value, text):
    assert wording.number(value, 1) == text


def test_a_statistic_is_said_with_both_intervals():
    assert wording.given(FULL, 1) == "0.0"
    assert wording.interval_of(FULL, 1) == "\u22121.3 to 1.0"
    assert wording.ignoring_of(FULL, 1) == "\u22121.0 to 0.5"


def test_what_is_not_given_says_why():
    assert wording.given(NONE, 1) == "not given"
    assert wording.interval_of(NONE, 1) == "2 persons"
    assert wording.ignoring_of(NONE, 1) == wording.DASH
    assert wording.share(NONE) == "2 persons"
    assert wording.interval_of(Estimate(1.0, note="no interval"), 1) == "no interval"
    assert wording.span(None, 1) == wording.DASH


@pytest.mark.parametrize(
    ("p", "text"), [(None, wording.DASH), (0.0004, "p < 0.001"), (0.0314, "p = 0.031")]
)
def test_p_values_are_printed_as_journals_do(p, text):
    assert wording.p_value(p) == text


def test_a_share_is_said_in_percent():
    assert wording.share(Estimate(0.5, Interval(0.25, 0.755, "Wilson"))) == "50 % (25 to 76)"
    assert wording.share(Estimate(0.5)) == "50 %"


def test_counts_have_their_nouns():
    assert wording.plural(1, "hip") == "1 hip"
    assert wording.plural(2, "hip") == "2 hips"
    assert wording.plural(0, "study", "studies") == "0 studies"


@given(st.lists(st.text("ab ", min_size=1, max_size=30), max_size=12), st.integers(12, 20))
def test_shortened_names_fit_and_stay_apart(names, most):
    short = wording.shortened(names, most)
    assert set(short) == set(names)
    assert len(set(short.values())) == len(short)
    assert all(len(text) <= most for text in short.values())
