"""A real dask scheduler with two workers on loopback."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batch.conftest import PLAIN, Told, Undisturbed, files_below
from tests.waiting import LIMIT_S

from ifspace.batch import Request, run_batch
from ifspace.batch.run import AWAY
from ifspace.errors import NetworkError

dask = pytest.importorskip("dask", reason="dask is in the extra [cluster]")
distributed = pytest.importorskip("distributed", reason="dask is in the extra [cluster]")
# Waited in full after the scheduler is gone, so it cannot be the limit of everything else.
A_MINUTE = 60.0
PATIENT = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": f"{LIMIT_S:g}s",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{LIMIT_S:g}s",
}


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[None]:
    """Let dask wait for a busy machine."""
    limits = ("distributed.comm.timeouts.connect", "distributed.scheduler.worker-ttl")
    with dask.config.set(dict.fromkeys(limits, f"{LIMIT_S:g}s")):
        yield


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


@pytest.mark.slow
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


def address_in(place: Path, scheduler: subprocess.Popen[bytes]) -> str:
    """Wait until a scheduler has written its whole file, however busy the machine is."""
    while scheduler.poll() is None:
        try:
            return json.loads(place.read_text())["address"]
        except (OSError, ValueError):
            time.sleep(0.2)
    pytest.fail(f"the scheduler ended with code {scheduler.returncode}")


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run_without_a_traceback(
    undisturbed: Undisturbed, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class KillsTheScheduler(Told):
        def finished(self, case, outcome) -> None:
            super().finished(case, outcome)
            scheduler.kill()

    tools = Path(sys.executable).parent
    out, place = tmp_path / "out", tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    quiet["env"] = {**os.environ, **PATIENT}
    options = ["--scheduler-file", str(place), "--no-dashboard"]
    scheduler = subprocess.Popen(
        [str(tools / "dask"), "scheduler", "--host", "127.0.0.1", "--port", "0", *options], **quiet
    )
    worker = subprocess.Popen(
        [str(tools / "dask"), "worker", *options, "--nthreads", "1", "--no-nanny"], **quiet
    )
    try:
        address = address_in(place, scheduler)
        told = KillsTheScheduler()
        request = Request(
            undisturbed.root, out, PLAIN, scheduler=address, patience_seconds=A_MINUTE
        )
        report = run_batch(request, told)
    finally:
        scheduler.kill()
        worker.kill()
        scheduler.wait()
        worker.wait()
    assert not report.complete
    assert report.notes == (AWAY,)
    assert 1 <= report.measured_now < 6
    assert "Traceback" not in capfd.readouterr().err
    run_batch(Request(undisturbed.root, out, PLAIN), Told())
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


def test_a_failed_connection_leaves_no_client_to_wait_for(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    # Encrypted, and no certificate is set up: dask raises before anything is connected.
    request = Request(undisturbed.root, tmp_path / "out", PLAIN, scheduler="tls://127.0.0.1:9")
    with pytest.raises(NetworkError, match="cannot be talked to") as raised:
        run_batch(request, Told())
    clients = [item for item in gc.get_objects() if isinstance(item, distributed.Client)]
    assert raised.value.__cause__ is not None
    assert [client.status for client in clients if client.status != "closed"] == []


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "tcp://host", "tcp://host:0", "tcp://:8786", "host:99999", "x://h:1"],
)
def test_an_address_that_can_be_none_is_wrong_usage(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected tcp://HOST:PORT"):
        Request(tmp_path, tmp_path / "out", scheduler=address)


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tls://[fe80::1]:1", "node-7.lan:8786"])
def test_an_address_as_schedulers_print_it_is_taken(address: str, tmp_path: Path) -> None:
    assert Request(tmp_path, tmp_path / "out", scheduler=address).scheduler == address
