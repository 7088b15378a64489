"""Feed damaged files to every reader and say what ended in anything but our own errors.

``make fuzz`` runs a million; ``python -m tests.fuzz.run --count 1000 --seed 7`` fewer. The same
seed gives the same files.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from tests.fuzz.mutator import mutate
from tests.fuzz.readers import Reader, readers

from ifspace.errors import IfspaceError

# Of processor time, which a busy machine does not shorten.
SECONDS_PER_FILE = 20.0
MEMORY_BYTES = 2**30


@dataclass(frozen=True)
class Finding:
    """One file that ended in anything but a result or one of our own errors."""

    reader: str
    where: str
    content: bytes


class _TooLongError(BaseException):
    """A reader took too long."""


def fuzz(
    known: Sequence[Reader], count: int, seed: int, room: Path
) -> tuple[Counter[str], list[Finding]]:
    """Run so many executions; gives how many each reader had, and each kind of finding once."""
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    found: dict[tuple[str, str], Finding] = {}
    for reader in rng.choices(known, [item.weight for item in known], k=count):
        content = _damaged(reader, rng)
        where = _execute(reader, content, room)
        done[reader.name] += 1
        if where:
            found.setdefault((reader.name, where), Finding(reader.name, where, content))
    return done, list(found.values())


def _damaged(reader: Reader, rng: random.Random) -> bytes:
    content = mutate(rng.choice(reader.seeds), rng)
    if reader.file_name.endswith(".gz"):
        content = gzip.compress(content, 1)
        return mutate(content, rng) if rng.random() < 0.2 else content
    return content


def _execute(reader: Reader, content: bytes, room: Path) -> str:
    """Let a reader read; gives the error and its place, or nothing."""
    path = room / reader.file_name
    path.write_bytes(content)
    try:
        with _bounded():
            reader.read(path)
    except IfspaceError:
        return ""
    except (Exception, _TooLongError) as error:  # noqa: BLE001 - what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    return ""


@contextmanager
def _bounded() -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_PER_FILE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def _bound_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what each reader had, and keep the files that broke one."""
    warnings.simplefilter("ignore")
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    asked = options.parse_args(arguments)
    _bound_memory()
    total: Counter[str] = Counter()
    kinds: set[tuple[str, str]] = set()
    block = 10_000
    with TemporaryDirectory(prefix="ifspace-fuzz-", dir=_memory_folder()) as room:
        known = readers(Path(room))
        for number in range(-(-asked.count // block)):
            count = min(block, asked.count - number * block)
            done, found = fuzz(known, count, asked.seed + number, Path(room))
            total += done
            for item in found:
                if (item.reader, item.where) not in kinds:
                    _keep(item, asked.keep / f"{len(kinds):03d}")
                kinds.add((item.reader, item.where))
            # A run that is ended early has said how far it came.
            _say(f"{total.total()} executions, {len(kinds)} findings: {dict(total)}")
    return 1 if kinds else 0


def _keep(item: Finding, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(item.content)
    _say(f"{path.name} {item.reader}: {item.where}")


def _memory_folder() -> str | None:
    """Files that live for a millisecond need no disk, where the system has a place for them."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
