"""What a batch costs, and whether it keeps its promises, on a cohort of phantoms.

    python benchmarks/batch.py WORK_FOLDER [--studies 500] [--pictures 200] [--kills 10]

Prints a table in Markdown. Figures of time mean something only on a machine that does nothing
else: the load at the start is printed with them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from batch_cohort import write_cohort

NUMBERS_ONLY = ("--format", "json,csv,manifest")
TABLES = ("measurements.csv", "measurements.parquet", "failures.csv", "manifest.json")
MEGABYTE = 2**20
_PROGRAM = [sys.executable, "-c", "from ifspace.cli import main; main()", "batch"]


@dataclass(frozen=True)
class Ran:
    """What one run took."""

    wall_seconds: float
    study_seconds: float
    parent_mb: float
    worker_mb: float


def run(root: Path, out: Path, *options: str) -> Ran:
    """Run a batch in a process of its own and watch the memory of that process."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    process = start(root, out, *options)
    parent_mb = 0.0
    while process.poll() is None:
        parent_mb = max(parent_mb, peak_mb(process.pid))
        time.sleep(0.1)
    wall_seconds = time.monotonic() - started
    with (out / "timings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    study_seconds = sum(float(row["seconds"]) for row in rows)
    worker_mb = max(float(row["worker_peak_mb"]) for row in rows)
    return Ran(wall_seconds, study_seconds, parent_mb, worker_mb)


def start(root: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a batch."""
    return subprocess.Popen(
        [*_PROGRAM, str(root), "-o", str(out), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def peak_mb(pid: int) -> float:
    """The largest resident memory of a process so far."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


def part_of(root: Path, studies: int) -> Path:
    """A folder with the first studies of the cohort, as links: nothing is written twice."""
    part = root.with_name(f"{root.name}-{studies}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for folder in sorted(root.iterdir())[:studies]:
        (part / folder.name).symlink_to(folder)
    return part


def tables(out: Path) -> dict[str, bytes]:
    """The tables with their bytes."""
    return {name: (out / name).read_bytes() for name in TABLES if (out / name).exists()}


def say(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def throughput(root: Path, work: Path, pictures: int) -> None:
    part = part_of(root, pictures)
    one = run(part, work / "one", "--jobs", "1")
    two = run(part, work / "two", "--jobs", "2")
    say(f"{pictures} studies with every report, one process", f"{one.wall_seconds:.1f} s")
    say("the same, two processes", f"{two.wall_seconds:.1f} s")
    say("throughput of two processes over one", f"{one.wall_seconds / two.wall_seconds:.2f}")
    overhead = one.wall_seconds / one.study_seconds - 1
    say("time beyond the sum of the single studies (one process)", f"{100 * overhead:.1f} %")
    say("largest worker", f"{two.worker_mb:.0f} MB")
    same = tables(work / "one") == tables(work / "two")
    say("tables of one and two processes", "same bytes" if same else "DIFFER")


def growth(root: Path, work: Path, studies: int) -> None:
    """Memory of the parent and cost per study against the number of studies, numbers only."""
    for count in sorted({studies // 10, 2 * studies // 5, studies}):
        ran = run(part_of(root, count), work / "growth", "--jobs", "2", *NUMBERS_ONLY)
        cost_ms = 1000 * ran.study_seconds / count
        say(
            f"{count} studies, numbers only",
            f"parent {ran.parent_mb:.0f} MB, {cost_ms:.0f} ms of work per study,"
            f" {ran.wall_seconds:.1f} s in all",
        )


def kills(root: Path, work: Path, count: int) -> None:
    """Kill runs at random moments until each is through, and compare with an undisturbed one."""
    undisturbed, disturbed = work / "undisturbed", work / "disturbed"
    ran = run(root, undisturbed, "--jobs", "2", *NUMBERS_ONLY)
    chance = random.Random(1)
    done = rounds = cases = 0
    once = same = True
    while done < count:
        shutil.rmtree(disturbed, ignore_errors=True)
        rounds += 1
        while True:
            process = start(root, disturbed, "--jobs", "2", *NUMBERS_ONLY)
            time.sleep(chance.uniform(0.05, 0.9) * ran.wall_seconds)
            if process.poll() is not None or done == count:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
        process.wait()
        listed = json.loads((disturbed / "manifest.json").read_text())["cases"]
        names = [(case["study"], case["reading"]) for case in listed]
        cases = len(names)
        once = once and cases == len(set(names))
        same = same and tables(disturbed) == tables(undisturbed)
    say(
        f"{rounds} runs killed {done} times at random, each finished: {cases} cases",
        "each once" if once else "NOT once",
    )
    say("their tables against those of an undisturbed run", "same bytes" if same else "DIFFER")


def shards(root: Path, work: Path) -> None:
    """Measure in 1, 3 and 7 parts and put them together."""
    for count in (1, 3, 7):
        parts = []
        for number in range(1, count + 1):
            part = work / f"shard{number}of{count}"
            run(root, part, "--jobs", "2", "--shard", f"{number}/{count}", *NUMBERS_ONLY)
            parts.append(str(part))
        merged = work / f"merged{count}"
        shutil.rmtree(merged, ignore_errors=True)
        subprocess.run(
            [*_PROGRAM[:-1], "merge", *parts, "-o", str(merged)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        same = tables(merged) == tables(work / "undisturbed")
        say(f"{count} shards merged", "same bytes" if same else "DIFFER")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    work: Path = arguments.work
    root = work / "cohort"
    write_cohort(root, arguments.studies)
    load = os.getloadavg()[0]
    say("what", f"load of the machine at the start {load:.1f}, {os.cpu_count()} processors")
    say("---", "---")
    growth(root, work, arguments.studies)
    kills(root, work, arguments.kills)
    shards(root, work)
    throughput(root, work, arguments.pictures)


if __name__ == "__main__":
    main()
