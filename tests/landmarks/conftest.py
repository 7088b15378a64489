"""Analytic hips, shared by all tests of this room."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

# The cohort of the accuracy benchmark lives outside the package.
ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.accuracy.cohort import Case, image_of, make_case, rough_seeds  # noqa: E402

from ifspace.model import Seed, Volume  # noqa: E402


@pytest.fixture(scope="session")
def hip(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(1000, cache=tmp_path_factory.mktemp("hips"))


@pytest.fixture(scope="session")
def t1(hip: Case) -> Volume:
    return image_of(hip, "T1")


@pytest.fixture(scope="session")
def seeds(hip: Case) -> tuple[Seed, ...]:
    return rough_seeds(hip, np.random.default_rng(1))
