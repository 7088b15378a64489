"""Measure the accuracy of assisted, label-map and proposed landmarks, and write the page.

``python -m benchmarks.accuracy`` runs 24 hips per part, ``--full`` 80; ``--workers`` spreads the
hips over processes. Times are processor times of one process either way.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from itertools import chain
from multiprocessing import Pool
from pathlib import Path

# One thread: the figures for time are those of one core, and tiny products gain nothing.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.accuracy import pictures
from benchmarks.accuracy.page import write_page
from benchmarks.accuracy.run import (
    assisted_rows,
    label_room_rows,
    label_rows,
    negative_controls,
    real_rows,
)

# Hips below 45000, from 48000 to 48499 and from 50000 were used for developing, calibrating or an
# earlier acceptance. These ranges were opened once, when the code they judge was frozen: whoever
# tunes the code after that takes new ones for the next page.
FRESH, FRESH_TENDON, FRESH_LABELS, FRESH_LABEL_ROOMS = 45000, 47000, 48500, 49000


def spread(workers: int, function: Callable, seeds: Iterable[int], jobs: list[tuple]) -> list:
    """Run a part of the benchmark hip by hip, for every job, in some processes."""
    calls = [([seed], *job) for job in jobs for seed in seeds]
    with Pool(workers) as pool:
        return list(chain.from_iterable(pool.starmap(function, calls, chunksize=1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="80 hips instead of 24")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the hips")
    parser.add_argument("--out", type=Path, default=Path("docs/accuracy.md"))
    arguments = parser.parse_args()
    count = 80 if arguments.full else 24
    fresh = range(FRESH, FRESH + count)
    sequences = [("T1", 20.0), ("PD", 20.0), ("T2", 20.0)]
    if arguments.full:
        sequences.append(("T1", 10.0))
    workers = arguments.workers
    bones = spread(workers, assisted_rows, fresh, [(*job, False) for job in sequences])
    tendon = range(FRESH_TENDON, FRESH_TENDON + (count if arguments.full else 12))
    rooms = spread(workers, assisted_rows, tendon, [(*job, True) for job in sequences[:3]])
    few = range(FRESH_LABELS, FRESH_LABELS + count // 3)
    labels = spread(workers, label_rows, few, [("T1",), ("PD",)])
    few = range(FRESH_LABEL_ROOMS, FRESH_LABEL_ROOMS + count // 4)
    label_rooms = spread(workers, label_room_rows, few, [("T1",), ("PD",)])
    refused = negative_controls(range(FRESH, FRESH + count // 2))
    write_page(
        arguments.out,
        hips=count,
        bones=bones,
        rooms=rooms,
        labels=labels,
        label_rooms=label_rooms,
        refused=refused,
        real=real_rows(),
    )
    pictures.write_worst(bones, arguments.out.with_name("accuracy-worst.jpg"))


if __name__ == "__main__":
    main()
