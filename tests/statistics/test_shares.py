"""Shares of hips whose intervals count persons."""

from __future__ import annotations

import numpy as np
import pytest

from ifspace.statistics import NotEstimable
from ifspace.statistics.shares import CLUSTERED_METHOD, effective_count, share_of, wilson


def test_wilsons_interval_of_a_worked_example():
    # Wilson's interval of 81 of 263, as printed by Newcombe (Stat Med 1998;17:857-872).
    found = wilson(81 / 263, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_interval_of_a_share_stays_a_share(share):
    found = wilson(share, 5)
    assert 0.0 <= found.low < found.high <= 1.0


def test_no_hip_has_no_share():
    found = share_of(np.zeros(0, bool), np.zeros(0, int))
    assert isinstance(found, NotEstimable)
    assert found.reason == "no_hips"


def test_one_hip_a_person_is_wilsons_interval():
    found = share_of(np.array([True, False, False, True]), np.arange(4))
    assert found.interval == wilson(0.5, 4)
    assert found.ignoring_clusters is None


def test_a_share_of_pairs_that_always_agree_counts_persons_not_hips():
    flags = np.repeat([True, False, True, True], 2)
    found = share_of(flags, np.repeat(np.arange(4), 2))
    expected = wilson(0.75, 4.0)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )
    assert found.interval.method == CLUSTERED_METHOD


def test_pairs_that_never_agree_count_no_more_than_all_hips():
    flags = np.tile([1.0, 0.0], 4)
    assert effective_count(flags - 0.5, np.repeat(np.arange(4), 2), 0.5) == 8.0


def test_a_share_of_all_hips_counts_persons():
    assert effective_count(np.zeros(8), np.repeat(np.arange(4), 2), 1.0) == 4.0
