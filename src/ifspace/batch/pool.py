"""Pools of worker processes: on this machine, or on a dask cluster.

Both are executors of :mod:`concurrent.futures`, and both run the same function.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ifspace.batch.case import Job, Limits
from ifspace.batch.worker_process import close_benches, measure_isolated
from ifspace.errors import NetworkError

# One study of a few hundred slices needs below 1 GB; enhanced objects of thousands need more.
DEFAULT_MEMORY_BYTES = 4 * 2**30
# What the system and the parent keep for themselves.
_SHARE_FOR_WORKERS = 0.8
_SECONDS_TO_CLOSE = 5.0
_SECONDS_TO_ANSWER = 10.0


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pool:
    """A pool of workers; `losses` are raised where a job is lost with its machine."""

    executor: Executor
    limits: Limits
    client: Any = None
    jobs: int = 1
    losses: tuple[type[BaseException], ...] = ()

    def submit(self, job: Job) -> Future[str]:
        """Submit a job."""
        limits = self.limits
        return self.executor.submit(
            measure_isolated, job.to_text(), limits.seconds, limits.memory_bytes
        )

    @property
    def width(self) -> int:
        """How many studies are measured at the same time now."""
        if self.client is None:
            return self.jobs
        try:
            # A scheduler that has just gone away is not waited for as long as for a connection.
            counts = self.client.nthreads(callback_timeout=_SECONDS_TO_ANSWER)
            return max(1, int(sum(counts.values())))
        except (OSError, RuntimeError, TimeoutError):
            return 1

    @property
    def reachable(self) -> bool:
        """Whether the cluster still answers; this machine always does."""
        return self.client is None or self.client.status == "running"


def default_jobs() -> int:
    """Give the number of processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def default_memory_bytes(jobs: int) -> int:
    """Give what one worker may use where nobody said: its share of the machine, 4 GB at most."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return DEFAULT_MEMORY_BYTES
    return min(DEFAULT_MEMORY_BYTES, int(physical * _SHARE_FOR_WORKERS / max(jobs, 1)))


@contextmanager
def open_pool(
    jobs: int, scheduler: str | None, limits: Limits, patience_seconds: float
) -> Iterator[Pool]:
    """Open workers on this machine, or on the cluster behind a scheduler's address.

    The scheduler is waited for as long as `patience_seconds`.

    Raises
    ------
    NetworkError
        If the scheduler does not answer, or dask is not installed.
    """
    if scheduler is not None:
        with _cluster(scheduler, patience_seconds) as client:
            executor = client.get_executor(pure=False)
            try:
                yield Pool(executor, limits, client, losses=_losses())
            finally:
                if client.status == "running":
                    executor.shutdown(wait=False)
        return
    executor = ThreadPoolExecutor(jobs, thread_name_prefix="ifspace-batch")
    try:
        yield Pool(executor, limits, jobs=jobs)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        close_benches()
        executor.shutdown(wait=True)


def _losses() -> tuple[type[BaseException], ...]:
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    return (CancelledError, KilledWorker, CommClosedError)


@contextmanager
def _cluster(address: str, patience_seconds: float) -> Iterator[Any]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        message = "dask is not installed; install it with: pip install 'ifspace[cluster]'"
        raise NetworkError(message) from error
    with _quiet_client():
        try:
            client = _connected(distributed, address, patience_seconds)
        except OSError as error:
            message = (
                f"the scheduler {address} does not answer; start it, or check its address"
                " (tcp://HOST:PORT)"
            )
            raise NetworkError(message) from error
        except (ImportError, TypeError, ValueError) as error:
            message = (
                f"the scheduler {address} cannot be talked to ({error}); check its address"
                " (tcp://HOST:PORT), and what it needs in the settings of dask on this machine"
            )
            raise NetworkError(message) from error
        try:
            yield client
        finally:
            client.close(timeout=_SECONDS_TO_CLOSE)


def _connected(distributed: Any, address: str, patience_seconds: float) -> Any:
    """Make a client, or leave none behind.

    One that failed before it was connected would otherwise be closed when the interpreter ends,
    and wait there for an event loop that has ended already.
    """

    class Client(distributed.Client):  # type: ignore[misc]
        def start(self, **options: Any) -> None:
            try:
                super().start(**options)
            except BaseException:
                self.close(timeout=_SECONDS_TO_CLOSE)
                raise

    return Client(address, timeout=patience_seconds, set_as_default=False)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep dask's client from printing tracebacks of its own: a lost scheduler is said by us.

    On import dask gives its loggers handlers that write to standard error. With debugging asked
    for, they may.
    """
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    if not _log.isEnabledFor(logging.DEBUG):
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
