"""``ifspace demo`` and ``ifspace phantom``: a synthetic study with known distances."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ifspace.cli.exits import Exit
from ifspace.cli.measure import exit_code, show
from ifspace.cli.printing import print_json, print_line

if TYPE_CHECKING:
    from ifspace.phantom import PhantomSpec

# Narrow on the left, wide on the right, so that every part of a report has something to say.
DEMO_VARIANT = "asymmetric"
STUDY_FOLDER = "phantom"


def demo(
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the phantom and reports."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older demo."),
) -> None:
    """Measure the built-in phantom and make every report."""
    import ifspace
    from ifspace.phantom import VARIANTS, write_phantom

    _clear(out / STUDY_FOLDER, overwrite=overwrite)
    truth = write_phantom(out / STUDY_FOLDER, VARIANTS[DEMO_VARIANT].spec)
    study = ifspace.load_study(truth.image_path)
    result = ifspace.measure(study, truth.session_path)
    written = ifspace.export_result(study, result, out, overwrite=overwrite)
    show(result, written, as_json=as_json)
    if not as_json:
        print_line("")
        print_line(f"The report: {(out / 'report.pdf').resolve()}")
    raise typer.Exit(exit_code(result))


def phantom(
    out: Path = typer.Argument(..., help="The folder for the study."),
    ifs_mm: float | None = typer.Option(None, "--ifs-mm", help="Ischiofemoral space of both."),
    qfs_mm: float | None = typer.Option(None, "--qfs-mm", help="Quadratus femoris space of both."),
    variant: str = typer.Option("plain", "--variant", help="Which phantom; `list` names them."),
    size: str = typer.Option("full", "--size", help="full, small or tiny."),
    seed: int = typer.Option(1, "--seed", help="Another noise."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older phantom."),
) -> None:
    """Write a synthetic DICOM study with known distances."""
    from ifspace.phantom import VARIANTS, write_phantom

    if variant == "list":
        for name, item in VARIANTS.items():
            print_line(f"{name}: {item.says}")
        return
    if variant not in VARIANTS:
        message = f"unknown variant {variant!r}; choose from {', '.join(VARIANTS)}"
        raise typer.BadParameter(message)
    spec = _spec(variant, ifs_mm, qfs_mm, size, seed)
    _clear(out, overwrite=overwrite)
    try:
        truth = write_phantom(out, spec)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    written = {
        "images": truth.image_path,
        "session": truth.session_path,
        "truth": truth.truth_path,
    }
    if as_json:
        print_json({name: str(path) for name, path in written.items()})
    else:
        for name, path in written.items():
            print_line(f"{name}: {path}")
    raise typer.Exit(Exit.DONE)


def _spec(
    variant: str, ifs_mm: float | None, qfs_mm: float | None, size: str, seed: int
) -> PhantomSpec:
    from dataclasses import replace

    from ifspace.phantom import VARIANTS, Size

    spec = VARIANTS[variant].spec
    changes: dict[str, Any] = {"seed": seed}
    if ifs_mm is not None or qfs_mm is not None:
        both = ("ifs_left_mm", "ifs_right_mm", "qfs_left_mm", "qfs_right_mm")
        ifs_mm, qfs_mm = _both(ifs_mm, qfs_mm, spec.ifs_mm - spec.qfs_mm)
        changes |= {**dict.fromkeys(both), "ifs_mm": ifs_mm, "qfs_mm": qfs_mm}
    try:
        return replace(spec, size=Size(size), **changes)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _both(ifs_mm: float | None, qfs_mm: float | None, tendons_mm: float) -> tuple[float, float]:
    """Fill in the space that was not given: tendons lie between, and leave room on a small hip."""
    if ifs_mm is None:
        ifs_mm = (qfs_mm or 0.0) + tendons_mm
    if qfs_mm is None:
        qfs_mm = max(ifs_mm - tendons_mm, ifs_mm / 2.0)
    return ifs_mm, qfs_mm


def _clear(folder: Path, *, overwrite: bool) -> None:
    """Make way for a phantom; an older folder goes only when asked, and only if it is one."""
    from ifspace.errors import OutputError

    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        message = f"{folder.name} already holds files; choose another folder or add --overwrite"
        raise OutputError(message)
    if not (folder / "truth.json").is_file():
        message = f"{folder.name} is not a phantom, so it is not replaced; choose another folder"
        raise OutputError(message)
    shutil.rmtree(folder)
