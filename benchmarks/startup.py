"""Start-up of the command line against its peer: a bare interpreter that imports typer.

The promise is ``ifspace --help`` in less than twice that time. Prints medians and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 9


def median_s(command: list[str]) -> float:
    times_s = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times_s.append(time.perf_counter() - start)
    return statistics.median(times_s)


def main() -> None:
    ours_s = median_s([sys.executable, "-m", "ifspace", "--help"])
    peer_s = median_s([sys.executable, "-c", "import typer"])
    print(
        f"ifspace --help {ours_s:.3f} s, import typer {peer_s:.3f} s, ratio {ours_s / peer_s:.2f}"
    )


if __name__ == "__main__":
    main()
