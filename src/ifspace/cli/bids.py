"""``ifspace bids``: the batch as a BIDS app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from ifspace.cli.batch import LEDGER_FOLDER, checked_labels, finish, limits_of, plan_of, with_key
from ifspace.cli.measure import Sides

# Options that take any number of values, each of which ends at the next option.
_LISTS = frozenset(
    {"--participant-label", "--participant_label", "--session-label", "--session_label"}
)


class Level(StrEnum):
    """Level of the analysis."""

    PARTICIPANT = "participant"
    GROUP = "group"


class SpacedLists(TyperCommand):
    """A command whose lists are written as BIDS apps write them: ``--option a b c``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values, as click wants it."""
        return super().parse_args(ctx, list(_repeated(args)))


def _repeated(args: Sequence[str]) -> Iterator[str]:
    option = ""
    for argument in args:
        if argument.startswith("-"):
            option = argument if argument in _LISTS else ""
            if not option:
                yield argument
        elif option:
            yield from (option, argument)
        else:
            yield argument


def _version(asked: bool) -> None:
    if asked:
        from ifspace.version import __version__

        typer.echo(f"ifspace {__version__}")
        raise typer.Exit


def bids(
    bids_dir: Path = typer.Argument(..., help="The raw BIDS dataset."),
    output_dir: Path = typer.Argument(..., help="The dataset of derivatives, outside of it."),
    analysis_level: Level = typer.Argument(
        ..., help="participant: measure; group: make the tables of all that was measured."
    ),
    participant_label: list[str] = typer.Option(
        [],
        "--participant-label",
        "--participant_label",
        help="Only these participants (01 02 …), with or without sub-.",
    ),
    session_label: list[str] = typer.Option(
        [], "--session-label", "--session_label", help="Only these sessions, with or without ses-."
    ),
    skip_bids_validation: bool = typer.Option(
        False,
        "--skip-bids-validation",
        "--skip-bids-validator",
        "--skip_bids_validator",
        help="Take the folder as it is, without dataset_description.json.",
    ),
    sessions: Path | None = typer.Option(
        None, "--sessions", help="A folder of sessions, called like their images."
    ),
    masks: Path | None = typer.Option(
        None, "--masks", help="A folder of label maps, called like their images."
    ),
    labels: str | None = typer.Option(
        None, "--labels", help="Their numbers: hip_left=1,hip_right=2,femur_left=3,femur_right=4."
    ),
    label_preset: str | None = typer.Option(
        None, "--label-preset", help="Their network: total_mr, vibe, mrsegmentator or musclemap."
    ),
    jobs: int | None = typer.Option(
        None, "--jobs", "--n-cpus", "--n_cpus", min=1, help="Images at the same time."
    ),
    side: Sides = typer.Option(Sides.BOTH, "--side", help="Which hip."),
    deidentify: bool = typer.Option(
        False, "--deidentify", help="Replace the labels of participants by pseudonyms."
    ),
    key_file: Path | None = typer.Option(
        None, "--key-file", help="The secret of the pseudonyms; the same for all participants."
    ),
    ledger_folder: Path | None = LEDGER_FOLDER,
    formats: str | None = typer.Option(
        None, "--format", help="Files of each image (json,session,csv,pdf,png,slicer,…)."
    ),
    time_limit: float = typer.Option(
        600.0, "--time-limit", min=1.0, help="Seconds that one image may take."
    ),
    memory_gb: float | None = typer.Option(
        None, "--memory-gb", "--mem-gb", "--mem_gb", min=0.5, help="Memory of one worker."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Measure everything again."),
    retry: bool = typer.Option(
        False, "--retry", help="Try again what ran out of time or memory, or broke its worker."
    ),
    version: bool = typer.Option(  # noqa: ARG001 - answered while options are read
        False, "-v", "--version", callback=_version, is_eager=True, help="Print the version."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Measure a BIDS dataset into BIDS derivatives, with the arguments of a BIDS app."""
    from ifspace.batch import Request
    from ifspace.batch.bids.raw import Choice
    from ifspace.batch.bids_app import run_group, run_participants
    from ifspace.batch.pool import default_jobs
    from ifspace.cli.progress import open_watcher

    choice = Choice(
        tuple(label.removeprefix("sub-") for label in participant_label),
        tuple(label.removeprefix("ses-") for label in session_label),
    )
    check = not skip_bids_validation
    if analysis_level is Level.GROUP:
        report = run_group(bids_dir, output_dir, choice, check=check, ledger_folder=ledger_folder)
        finish(report, as_json=as_json)
        return
    if deidentify and participant_label and key_file is None:
        message = "--deidentify with --participant-label needs --key-file, the same for all"
        raise typer.BadParameter(message)
    places = jobs or default_jobs()
    plan = with_key(plan_of(side, None, None, formats), deidentify=deidentify, key_file=key_file)
    request = Request(
        root=bids_dir,
        out=output_dir,
        plan=checked_labels(plan, labels, label_preset),
        sessions=sessions,
        masks=masks,
        jobs=places,
        limits=limits_of(time_limit, memory_gb, places),
        overwrite=overwrite,
        retry=retry,
        ledger_folder=ledger_folder,
    )
    with open_watcher() as watcher:
        report = run_participants(request, choice, watcher, check=check)
    finish(report, as_json=as_json)
