"""Workers that die, hang or run out of memory, and runs that are killed: all real."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.batch.conftest import PLAIN, Told, Undisturbed, files_below, study
from tests.waiting import LIMIT_S, alive, until

from ifspace.batch import Limits, Request, Status, run_batch
from ifspace.batch.case import Job, Part
from ifspace.batch.worker_process import WorkerProcess, WorkerStartError

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc and signals")


def workers_of(parent: int) -> list[int]:
    """The measuring processes that a process started itself."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            command = (folder / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if int(status[1]) == parent and status[0] != "Z" and b"ifspace.batch.worker" in command:
            found.append(int(folder.name))
    return found


def holds(pid: int, pipe: Path) -> bool:
    """Whether a process has the pipe open."""
    wanted = pipe.stat()
    try:
        opened = list(Path(f"/proc/{pid}/fd").iterdir())
        return any(os.path.samestat(item.stat(), wanted) for item in opened)
    except OSError:
        return False


def job_of(tmp_path: Path) -> Job:
    study(tmp_path / "study")
    dicom = tmp_path / "study" / "dicom"
    names = tuple(sorted(path.name for path in dicom.iterdir()))
    return Job(
        case_id="s-1",
        parts=(Part(str(dicom), names),),
        session=str(tmp_path / "study" / "session.json"),
        mask=None,
        out=str(tmp_path / "out"),
        plan=PLAIN,
    )


def hang(session: Path) -> None:
    """Put a pipe that nobody writes to where a session was: whoever opens it waits for ever."""
    session.unlink()
    os.mkfifo(session)


@pytest.mark.slow
def test_a_worker_that_dies_twice_over_one_study_costs_that_study_only(tmp_path: Path) -> None:
    job = job_of(tmp_path)
    session = Path(str(job.session))
    kept = session.read_bytes()
    hang(session)
    # As long as somebody could write into the pipe, whoever opened it waits in reading it.
    never_written = os.open(session, os.O_RDWR)
    worker_process = WorkerProcess(Limits(LIMIT_S))
    killed: list[int] = []
    over = threading.Event()

    def kill_twice() -> None:
        while len(killed) < 2 and not over.is_set():
            for pid in workers_of(os.getpid()):
                if pid not in killed and holds(pid, session):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
            over.wait(0.02)

    thread = threading.Thread(target=kill_twice, daemon=True)
    thread.start()
    outcome = worker_process.measure(job)
    over.set()
    thread.join()
    os.close(never_written)
    assert (outcome.status, outcome.reason) == (Status.FAILED, "worker_died")
    assert "SIGKILL" in outcome.sentence

    session.unlink()
    session.write_bytes(kept)
    assert worker_process.measure(job).status is Status.MEASURED
    (pid,) = workers_of(os.getpid())
    worker_process.close()
    until(lambda: not alive(pid))
    with pytest.raises(WorkerStartError, match="stopped"):
        worker_process.measure(job)


@pytest.mark.slow
def test_studies_that_hang_end_at_their_time_limit_and_the_others_stand(
    cohort: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    sessions = [cohort / "e" / "session.json", cohort / "b" / "deeper" / "c" / "session.json"]
    kept = tmp_path / "kept"
    shutil.copytree(cohort, kept)
    # What is measured already is not measured again, so the limit is met by those that hang alone.
    for session in sessions:
        shutil.rmtree(session.parent)
    run_batch(Request(cohort, out, PLAIN, jobs=1), Told())
    for session in sessions:
        shutil.copytree(kept / session.parent.relative_to(cohort), session.parent)
    told = Told(at_start=lambda: [hang(session) for session in sessions])
    report = run_batch(Request(cohort, out, PLAIN, jobs=1, limits=Limits(1.0)), told)
    assert [item.reason for item in told.ended.values()] == ["time_limit"] * 2
    assert report.counts[Status.MEASURED] == 2

    for session in sessions:
        session.unlink()
        shutil.copy2(kept / session.relative_to(cohort), session)
    assert run_batch(Request(cohort, out, PLAIN), Told()).measured_now == 0
    run_batch(Request(cohort, out, PLAIN, retry=True), Told())
    assert files_below(out) == files_below(undisturbed.out)


@pytest.mark.slow
def test_memory_is_bounded_and_a_study_that_needs_more_is_a_row(tmp_path: Path) -> None:
    study(tmp_path / "root" / "a")
    # Ten slices of 4096 by 4096: 670 MB as float32, beyond a bound that has room to start.
    for file in (tmp_path / "root" / "a" / "dicom").iterdir():
        header = dcmread(file)
        header.Rows = header.Columns = 4096
        header.PixelData = bytes(2 * 4096 * 4096)
        header.save_as(file)
    told = Told()
    limits = Limits(LIMIT_S, 512 * 2**20)
    run_batch(Request(tmp_path / "root", tmp_path / "out", PLAIN, limits=limits), told)
    assert [item.reason for item in told.ended.values()] == ["out_of_memory"]
    assert max(item.peak_bytes for item in told.ended.values()) < 2 * 512 * 2**20


def test_a_worker_that_cannot_start_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    study(tmp_path / "root" / "a")
    request = Request(tmp_path / "root", tmp_path / "out", PLAIN, limits=Limits(LIMIT_S, 2**20))
    with pytest.raises(WorkerStartError, match="--memory-gb"):
        run_batch(request, Told())


@pytest.mark.slow
@pytest.mark.parametrize("after", ["the first result", "the first study of a second run"])
def test_a_killed_run_goes_on_where_it_was(
    after: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable, "-c", "from ifspace.cli import main; main()", "batch",
        str(undisturbed.root), "-o", str(out), "--jobs", "2", "--format", ",".join(PLAIN.formats),
    ]  # fmt: skip
    runs = 1 if after == "the first result" else 2
    for _ in range(runs):
        before = set(out.glob("studies/*/*"))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(
            lambda process=process, before=before: (
                set(out.glob("studies/*/*")) > before or process.poll() is not None
            )
        )
        children = workers_of(process.pid)
        process.kill()
        process.wait()
        until(lambda children=children: not any(map(alive, children)))
    told = Told()
    report = run_batch(Request(undisturbed.root, out, PLAIN), told)
    assert report.total == 6
    assert told.done_before + len(told.ended) == 6
    assert files_below(out) == files_below(undisturbed.out)
    assert not [path for path in out.rglob(".*") if path.name.startswith(".ifspace-")]
