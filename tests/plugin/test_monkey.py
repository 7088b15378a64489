"""Whatever a reader's hands do, nothing breaks and the log knows of every confirmed mark."""

from __future__ import annotations

import pytest
from tests.plugin.hands import Window
from tests.plugin.monkey import Monkey

from ifspace.phantom import PhantomTruth


@pytest.mark.slow
def test_random_events_break_nothing(window: Window, phantom: PhantomTruth) -> None:
    window.open(phantom.image_path)
    window.dock.session_files.load(phantom.session_path)
    monkey = Monkey(window, seed=13)
    monkey.act(300)
    monkey.finish()
    assert monkey.broken == []
