"""``ifspace batch``: every study under a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.measure import Sides, ids_of, sides_of
from ifspace.cli.printing import print_json, print_line

if TYPE_CHECKING:
    from ifspace.batch import BatchPlan, BatchReport, Limits, Shard

_GIGABYTE = 2**30
BIDS_FORMAT = "bids"
LEDGER_FOLDER = typer.Option(
    None, "--ledger-folder", help="Where the ledger of de-identified outputs lies; default: beside."
)


def batch(
    root: Path = typer.Argument(..., help="A folder with any number of studies in it."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for results and tables."),
    sessions: Path | None = typer.Option(
        None, "--sessions", help="A folder of sessions, instead of those beside the images."
    ),
    masks: Path | None = typer.Option(
        None, "--masks", help="A folder of label maps, named by study UID or file."
    ),
    labels: str | None = typer.Option(
        None, "--labels", help="Their numbers: hip_left=1,hip_right=2,femur_left=3,femur_right=4."
    ),
    label_preset: str | None = typer.Option(
        None, "--label-preset", help="Their network: total_mr, vibe, mrsegmentator or musclemap."
    ),
    jobs: int | None = typer.Option(
        None, "--jobs", min=1, help="Studies at the same time; default: one per processor."
    ),
    scheduler: str | None = typer.Option(
        None, "--scheduler", help="Measure on the dask cluster of this scheduler (tcp://HOST:PORT)."
    ),
    shard: str | None = typer.Option(
        None, "--shard", help="Only part I of N (I/N); put the parts together with `merge`."
    ),
    side: Sides = typer.Option(Sides.BOTH, "--side", help="Which hip."),
    evidence: str | None = typer.Option(
        None, "--evidence", help="Compare with these ids (ID,ID,…) instead of the default ones."
    ),
    evidence_file: Path | None = typer.Option(
        None, "--evidence-file", help="Add local evidence rows."
    ),
    formats: str | None = typer.Option(
        None,
        "--format",
        help="Files of each study (json,session,csv,pdf,png,sr,…); bids: derivatives besides.",
    ),
    deidentify: bool = typer.Option(
        False, "--deidentify", help="Leave the patients out of every output and replace all UIDs."
    ),
    key_file: Path | None = typer.Option(
        None, "--key-file", help="The secret behind the new UIDs; the same file for every shard."
    ),
    ledger_folder: Path | None = LEDGER_FOLDER,
    time_limit: float = typer.Option(
        600.0, "--time-limit", min=1.0, help="Seconds that one study may take."
    ),
    memory_gb: float | None = typer.Option(
        None, "--memory-gb", min=0.5, help="Memory that one worker may use; default: 4 at most."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Measure everything again."),
    retry: bool = typer.Option(
        False, "--retry", help="Try again what ran out of time or memory, or broke its worker."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Measure every study under a folder; start again to go on where a run ended."""
    from ifspace.batch import Request, run_batch
    from ifspace.batch.pool import default_jobs
    from ifspace.cli.progress import open_watcher

    if deidentify and shard is not None and key_file is None:
        message = "--deidentify with --shard needs --key-file, the same for every shard"
        raise typer.BadParameter(message)
    places = jobs or default_jobs()
    formats, bids = _without_bids(formats)
    plan = with_key(
        plan_of(side, evidence, evidence_file, formats), deidentify=deidentify, key_file=key_file
    )
    request = Request(
        root=root,
        out=out,
        plan=checked_labels(plan, labels, label_preset),
        sessions=sessions,
        masks=masks,
        jobs=places,
        scheduler=_scheduler(scheduler),
        shard=_shard(shard),
        limits=limits_of(time_limit, memory_gb, 1 if scheduler else places),
        overwrite=overwrite,
        retry=retry,
        bids=bids,
        ledger_folder=ledger_folder,
    )
    with open_watcher() as watcher:
        report = run_batch(request, watcher)
    finish(report, as_json=as_json)


def _without_bids(formats: str | None) -> tuple[str | None, bool]:
    """Take ``bids`` out of the formats: it is one dataset of all studies, and no file of each."""
    names = [] if formats is None else [name.strip() for name in formats.split(",")]
    if BIDS_FORMAT not in names:
        return formats, False
    others = [name for name in names if name != BIDS_FORMAT]
    return ",".join(others) or None, True


def plan_of(
    side: Sides, evidence: str | None, evidence_file: Path | None, formats: str | None
) -> BatchPlan:
    """Put together what every study is asked for."""
    from ifspace.batch import BatchPlan
    from ifspace.batch.case import DEFAULT_FORMATS
    from ifspace.cli.measure import chosen_formats

    chosen = DEFAULT_FORMATS if formats is None else chosen_formats(formats)
    return BatchPlan(
        sides=sides_of(side),
        evidence_ids=ids_of(evidence),
        evidence_file=None if evidence_file is None else evidence_file.absolute(),
        formats=chosen,
        source_date_epoch=os.environ.get("SOURCE_DATE_EPOCH") or None,
    )


def with_key(plan: BatchPlan, *, deidentify: bool, key_file: Path | None) -> BatchPlan:
    """Add the secret of de-identified outputs; without a file the run draws one, or has one."""
    from dataclasses import replace

    from ifspace.batch.pseudonyms import read_key

    if key_file is not None and not deidentify:
        message = "--key-file is the secret of --deidentify; add that, or leave it out"
        raise typer.BadParameter(message)
    key = "" if key_file is None else read_key(key_file)
    return replace(plan, deidentify=deidentify, key=key)


def checked_labels(plan: BatchPlan, labels: str | None, preset: str | None) -> BatchPlan:
    """Add the numbers of label maps; refuse what cannot be read before a study meets them."""
    from dataclasses import replace

    from ifspace.labels import parse_labels

    if labels is not None:
        parse_labels(labels)
    return replace(plan, labels=labels, label_preset=preset)


def _shard(text: str | None) -> Shard:
    from ifspace.batch import Shard

    try:
        return Shard() if text is None else Shard.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _scheduler(address: str | None) -> str | None:
    from ifspace.batch.request import check_scheduler

    try:
        return None if address is None else check_scheduler(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def limits_of(seconds: float, memory_gb: float | None, places: int) -> Limits:
    """Give what one study may take."""
    from ifspace.batch import Limits
    from ifspace.batch.pool import default_memory_bytes

    if memory_gb is None:
        return Limits(seconds, default_memory_bytes(places))
    return Limits(seconds, int(memory_gb * _GIGABYTE))


def finish(report: BatchReport, *, as_json: bool) -> None:
    """Print how a run or a merge came out, and end with the exit code that says so."""
    code = exit_code(report)
    if as_json:
        print_json(
            {
                "counts": {status.value: count for status, count in report.counts.items()},
                "measured_now": report.measured_now,
                "seconds": round(report.seconds, 3),
                "worker_peak_bytes": report.peak_bytes,
                "complete": report.complete,
                "notes": list(report.notes),
                "files": [str(path) for path in report.written],
                "exit_code": int(code),
            }
        )
    else:
        for status, count in report.counts.items():
            print_line(f"{status.value.replace('_', ' ')}: {count}")
        for path in report.written:
            print_line(str(path))
    for note in report.notes:
        say(note)
    if report.peak_bytes:
        peak_gb = report.peak_bytes / _GIGABYTE
        say(f"the largest worker used {peak_gb:.2f} GB of memory")
    raise typer.Exit(code)


def exit_code(report: BatchReport) -> Exit:
    """Done, partly done or failed, by how many studies have all their numbers."""
    from ifspace.batch import Status

    if not report.total:
        say("no study was found; give the folder that holds them")
        return Exit.FAILED
    if report.complete and report.counts[Status.MEASURED] == report.total:
        return Exit.DONE
    if not report.counts[Status.MEASURED] and not report.counts[Status.PARTLY]:
        say("nothing was measured; the reasons are in failures.csv")
        return Exit.PARTLY_DONE if not report.complete else Exit.FAILED
    return Exit.PARTLY_DONE
