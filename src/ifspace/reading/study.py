"""Open a study for the controller: the chosen series with what reports need later. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ifspace.errors import SeriesChoiceError
from ifspace.io import Inventory, load_volume, open_study, read_headers, read_identity
from ifspace.model import Contrast, Series, Volume
from ifspace.workflow import LoadedStudy


@dataclass(frozen=True, eq=False)
class OpenStudy:
    """A loaded series, and everything about it that must survive its folder disappearing.

    `warning` says why the series cannot be measured where it is only fit for looking at.
    """

    path: Path
    inventory: Inventory
    loaded: LoadedStudy
    volume: Volume
    warning: str | None = None


def open_path(path: Path, series: Series | None = None) -> OpenStudy:
    """Load the best series under a path, or the one given.

    Raises
    ------
    IfspaceError
        If nothing there can be shown.
    """
    with open_study(path) as inventory:
        warning = None
        if series is not None:
            chosen = find_again(inventory, series)
        else:
            try:
                chosen = inventory.choose()
            except SeriesChoiceError as error:
                if not inventory.ranked:
                    raise
                # Looking is always allowed; measuring is refused by the library itself.
                chosen, warning = inventory.ranked[0].series, str(error)
        volume = load_volume(chosen)
        loaded = LoadedStudy(chosen, volume, read_headers(chosen), read_identity(chosen))
        return OpenStudy(path, inventory, loaded, volume, warning)


def find_again(inventory: Inventory, series: Series) -> Series:
    """Find a series again; its files may lie in another temporary folder than before."""
    for item in inventory.ranked:
        found = item.series
        if found.series_instance_uid is None:
            same = found.sources[0].path.name == series.sources[0].path.name
        else:
            uids = (found.series_instance_uid, found.stack)
            same = uids == (series.series_instance_uid, series.stack)
        if same:
            return found
    raise SeriesChoiceError("The series is not there any more; open the study again.")


def describe(series: Series) -> str:
    """Name a series in one line, without the patient."""
    parts = [
        "" if series.contrast is Contrast.UNKNOWN else series.contrast.value,
        series.plane.value,
        f"{series.slice_count} slices",
    ]
    if series.row_spacing_mm and series.column_spacing_mm:
        parts.append(f"{series.row_spacing_mm:.2f} × {series.column_spacing_mm:.2f} mm")
    words = ", ".join(part for part in parts if part)
    return f"{series.description}: {words}" if series.description else words


def identity_rows(study: OpenStudy) -> tuple[str, ...]:
    """Name patient and date for the screen; nothing where no file says, or it was taken out."""
    identity = study.loaded.identity
    if identity is None or identity.is_removed:
        return ()
    name = " ".join(part for part in identity.name.split("=")[0].split("^") if part)
    date = identity.study_date
    if len(date) == 8 and date.isdecimal():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    rows = (name, identity.patient_id, date)
    return tuple("".join(filter(str.isprintable, row)) for row in rows if row)
