"""Intraclass correlations against the published table and against an independent program."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.agreement.icc import all_iccs
from ifspace.statistics import Estimate, NotEstimable
from ifspace.statistics.clusters import JACKKNIFE_METHOD

# Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428, table 2: six targets, four judges.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
STRANGERS = np.arange(6)


def by_name(values, persons):
    return {one.shrout_fleiss: one.result for one in all_iccs(values, persons)}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("ICC(1,1)", 0.17),
        ("ICC(2,1)", 0.29),
        ("ICC(3,1)", 0.71),
        ("ICC(1,k)", 0.44),
        ("ICC(2,k)", 0.62),
        ("ICC(3,k)", 0.91),
    ],
)
def test_the_table_of_shrout_and_fleiss_comes_out_to_the_printed_digits(name, printed):
    assert round(by_name(SHROUT_FLEISS, STRANGERS)[name].value, 2) == printed


# Printed by pingouin 0.7.0 for the same table, intervals to ten digits.
PINGOUIN = {
    "ICC(1,1)": (0.1657417684, -0.1329323249, 0.7225600623),
    "ICC(2,1)": (0.2897637795, 0.0187865134, 0.7610843696),
    "ICC(3,1)": (0.7148407148, 0.3424647650, 0.9458582600),
    "ICC(1,k)": (0.4427971337, -0.8844421552, 0.9124154203),
    "ICC(2,k)": (0.6200505476, 0.0711368153, 0.9272320402),
    "ICC(3,k)": (0.9093155424, 0.6756747138, 0.9858916782),
}


@pytest.mark.parametrize("name", PINGOUIN)
def test_values_and_intervals_equal_another_program(name):
    found = by_name(SHROUT_FLEISS, STRANGERS)[name]
    assert isinstance(found, Estimate)
    assert found.interval is not None
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(
        PINGOUIN[name], abs=1e-6
    )


def test_pingouin_agrees_on_random_tables():
    pingouin = pytest.importorskip("pingouin", reason="pingouin is a development cross-check only")
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(4).normal(20.0, 4.0, (15, 1)) + np.random.default_rng(5).normal(
        0.0, 2.0, (15, 3)
    )
    rows = [(i, j, values[i, j]) for i in range(15) for j in range(3)]
    frame = pandas.DataFrame(rows, columns=["hip", "reader", "mm"])
    theirs = pingouin.intraclass_corr(frame, targets="hip", raters="reader", ratings="mm")
    ours = {one.name: one.result for one in all_iccs(values, np.arange(15))}
    names = {"ICC(1,1)": "ICC(1)", "ICC(1,k)": "ICC(k)"}
    for name, value in zip(theirs["Type"], theirs["ICC"], strict=True):
        assert ours[names.get(name, name)].value == pytest.approx(value, abs=1e-6)


def test_names_are_those_of_mcgraw_and_wong():
    names = [one.name for one in all_iccs(SHROUT_FLEISS, STRANGERS)]
    assert names == ["ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)"]


def test_a_constant_shift_of_one_reader_lowers_agreement_but_not_consistency():
    shifted = np.column_stack([[12.0, 15, 19, 24, 30], np.array([12.0, 15, 19, 24, 30]) + 3.0])
    found = by_name(shifted, np.arange(5))
    assert found["ICC(3,1)"].value == pytest.approx(1.0)
    assert found["ICC(2,1)"].value < 0.95


def test_hips_that_do_not_differ_give_no_correlation():
    flat = np.full((6, 2), 14.0)
    for result in by_name(flat, STRANGERS).values():
        assert isinstance(result, NotEstimable)
        assert result.reason == "zero_variance"


def test_two_hips_are_too_few():
    found = by_name(SHROUT_FLEISS[:2], STRANGERS[:2])["ICC(1,1)"]
    assert isinstance(found, NotEstimable)
    assert found.reason == "too_few_hips"


def test_two_hips_of_a_person_get_the_clustered_interval_and_keep_the_textbook_one_beside_it():
    random = np.random.default_rng(2)
    values = random.normal(20, 5, (24, 1)) + random.normal(0, 1, (24, 2))
    found = by_name(values, np.repeat(np.arange(12), 2))["ICC(2,1)"]
    assert isinstance(found, Estimate)
    assert found.interval is not None
    assert found.interval.method == JACKKNIFE_METHOD
    assert found.ignoring_clusters is not None
