"""Thousands of random real events in a window, by a seed.

Run from the root of the project, under an X server::

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window/monkey.py 20000 13

Prints how many events were done in how long, and what broke; ends with 1 if anything did.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

PRINT_EVERY = 500


def main(count: int, seed: int) -> int:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    place = Path(tempfile.mkdtemp(prefix="ifspace-monkey-"))
    os.environ["IFSPACE_STATE_DIR"] = str(place / "state")
    os.environ["IFSPACE_CONFIG_DIR"] = str(place / "config")
    from tests.plugin.hands import Window
    from tests.plugin.monkey import Monkey

    from ifspace.phantom import PhantomSpec, write_phantom

    truth = write_phantom(place / "study", PhantomSpec())
    window = Window()
    window.open(truth.image_path)
    window.dock.session_files.load(truth.session_path)
    monkey, start = Monkey(window, seed), time.perf_counter()
    for done in range(0, count, PRINT_EVERY):
        monkey.act(min(PRINT_EVERY, count - done))
        seconds = time.perf_counter() - start
        counts = f"{len(monkey.done)} events, {len(monkey.broken)} broken"
        print(f"{counts}, {seconds:.0f} s", flush=True)
    monkey.finish()
    print("\n".join(monkey.broken) or "nothing broke")
    window.dock.controller.saved()
    window.viewer.close()
    return 1 if monkey.broken else 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))
