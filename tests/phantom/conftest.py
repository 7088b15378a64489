from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ifspace.phantom import VARIANTS, PhantomTruth, Size, write_phantom


@pytest.fixture(scope="session")
def tiny_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PhantomTruth]:
    """Each named variant in its tiny size, written once."""
    written: dict[str, PhantomTruth] = {}

    def get(name: str) -> PhantomTruth:
        if name not in written:
            out = tmp_path_factory.mktemp(name)
            written[name] = write_phantom(out, replace(VARIANTS[name].spec, size=Size.TINY))
        return written[name]

    return get
