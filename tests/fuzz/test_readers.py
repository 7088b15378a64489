"""A short run of the fuzzer: the same files every time, so that a build does not fail by luck."""

from __future__ import annotations

import pytest
from tests.fuzz.readers import readers
from tests.fuzz.run import fuzz

EXECUTIONS = 5000


@pytest.mark.slow
def test_every_reader_answers_damage_with_a_result_or_our_own_error(tmp_path) -> None:
    done, found = fuzz(readers(tmp_path), EXECUTIONS, 1, tmp_path)
    assert done.total() == EXECUTIONS
    assert [(item.reader, item.where) for item in found] == []
