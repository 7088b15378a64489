"""A real dask scheduler with two workers on loopback."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batch.conftest import PLAIN, Told, Undisturbed, files_below

from ifspace.batch import Request, run_batch
from ifspace.errors import NetworkError

distributed = pytest.importorskip("distributed", reason="dask is in the extra [cluster]")


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as running:
        yield running


def test_a_cluster_writes_the_same_bytes_also_when_it_loses_a_worker(
    cluster, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    class KillsAWorker(Told):
        killed = 0

        def finished(self, case, outcome) -> None:
            super().finished(case, outcome)
            if not self.killed:
                self.killed = next(iter(cluster.workers.values())).pid
                os.kill(self.killed, signal.SIGKILL)

    told = KillsAWorker()
    out = tmp_path / "out"
    report = run_batch(
        Request(undisturbed.root, out, PLAIN, scheduler=cluster.scheduler_address), told
    )
    assert told.killed
    assert report.measured_now == 6
    assert files_below(out) == files_below(undisturbed.out)


def test_a_scheduler_that_does_not_answer_is_said(undisturbed: Undisturbed, tmp_path: Path) -> None:
    request = Request(
        undisturbed.root,
        tmp_path / "out",
        PLAIN,
        scheduler="tcp://127.0.0.1:9",
        patience_seconds=1.0,
    )
    with pytest.raises(NetworkError, match="does not answer"):
        run_batch(request, Told())
