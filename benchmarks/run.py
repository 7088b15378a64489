"""Run every quick benchmark, one after the other; each prints its ratios against a named peer.

The window is measured only where there is a display. Cohorts (``batch.py``) and the accuracy of
the automatic help (``python -m benchmarks.accuracy``) take long and are started on their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ("startup", "loading", "sending")


def main() -> None:
    names = (*QUICK, "viewer") if os.environ.get("DISPLAY") else QUICK
    for name in names:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False)


if __name__ == "__main__":
    main()
