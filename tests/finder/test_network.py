"""The network is an extra: without it there is a sentence, with it a picture gives maps."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ifspace.finder import network
from ifspace.finder.raster import stack_of


@pytest.fixture
def fresh_session():
    network._session.cache_clear()
    yield
    network._session.cache_clear()


def test_without_the_extra_the_sentence_names_it(monkeypatch, fresh_session):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not network.available()
    with pytest.raises(network.MissingNetworkError, match=r"ifspace\[auto\]"):
        network._session()


def test_maps_have_the_shape_of_the_stack_and_are_probabilities(stored, volume_of):
    if not network.available():
        pytest.skip("needs the extra `auto` and the weights")
    voxels = np.random.default_rng(0).uniform(0, 900, stored.shape_kji).astype(np.float32)
    stack = stack_of(volume_of(stored, voxels=voxels))
    maps = network.maps_of(stack)
    assert maps.heat.shape == stack.signal.shape == maps.height_mm.shape
    assert maps.probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert 0 <= maps.heat.min() <= maps.heat.max() <= 1


def test_importing_the_finder_does_not_load_onnxruntime():
    code = "import sys, ifspace.finder; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
