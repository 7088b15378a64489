"""A result as a picture: key image, figure, and the view of a notebook."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ifspace.errors import GeometryError, MissingExtraError
from ifspace.model import Measurement, Side, StudyResult, Volume
from ifspace.notice import NOTICE
from ifspace.report import key_pictures, spaces_table
from ifspace.report.picture import COLOURS, key_picture
from ifspace.workflow import LoadedStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches of a printed page.
_WIDTH_OF_SIDE, _HEIGHT = 6.0, 7.0


def key_image(
    result: StudyResult, study: LoadedStudy | Volume, side: Side | str
) -> NDArray[np.uint8]:
    """Draw the key image of one side: the measured slices with the measured lines.

    Parameters
    ----------
    result
        What `measure` gave.
    study
        The images that it was measured on.
    side
        The side of the patient.

    Returns
    -------
    ndarray
        (rows, columns, 3), uint8, red, green, blue; the pixels of the PNG in the report.

    Raises
    ------
    GeometryError
        If the study has no volume.
    ValueError
        If `side` is not ``left`` or ``right``.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> result = ifspace.measure(study, "phantom/session.json")
    >>> picture = ifspace.key_image(result, study, "left")
    >>> picture.shape[2], picture.dtype.name
    (3, 'uint8')
    """
    return np.asarray(key_picture(result, _volume(study), Side(side)), dtype=np.uint8)


def figure(result: StudyResult, study: LoadedStudy | Volume) -> Figure:
    """Draw a result with matplotlib: key images above, distances by slice below.

    Parameters
    ----------
    result, study
        As for `key_image`.

    Returns
    -------
    matplotlib.figure.Figure
        Two axes for each side, the right side on the left of the page. Distances in mm with
        their 95 % interval; dashed lines are published cut-offs.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    GeometryError
        If the study has no volume.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> result = ifspace.measure(study, "phantom/session.json")
    >>> len(ifspace.figure(result, study).axes)
    4
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a figure", "matplotlib", "notebook") from error
    sides = list(dict.fromkeys(space.outcome.side for space in result.spaces))
    page = Figure(figsize=(_WIDTH_OF_SIDE * len(sides), _HEIGHT), layout="constrained")
    axes = page.subplots(2, len(sides), squeeze=False)
    for column, side in enumerate(sides):
        above, below = axes[0, column], axes[1, column]
        above.imshow(key_image(result, study, side))
        above.set_axis_off()
        above.set_title(f"{side} hip")
        _draw_distances(below, result, side)
    return page


def _draw_distances(axes: Axes, result: StudyResult, side: Side) -> None:
    """Draw each space of a side over the slices, with the cut-offs it is compared with."""
    from matplotlib.ticker import MaxNLocator

    for space in result.spaces:
        found = space.outcome
        if found.side is not side or not isinstance(found, Measurement):
            continue
        colour = "#{:02x}{:02x}{:02x}".format(*COLOURS[found.kind])
        points = [(item.slice_index, item.value_mm, item.u95_mm) for item in found.curve] or [
            (found.slice_index, found.value_mm, found.u95_mm)
        ]
        slices, values_mm, halves_mm = zip(*points, strict=True)
        axes.errorbar(
            [index + 1 for index in slices],
            values_mm,
            yerr=halves_mm,
            marker="o",
            capsize=3,
            color=colour,
            label=found.kind.upper(),
        )
        for cutoff_mm in sorted({item.cutoff_mm for item in space.comparisons}):
            axes.axhline(cutoff_mm, color=colour, linestyle="--", linewidth=0.8)
    axes.set(xlabel="slice", ylabel="distance, mm")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    first, last = axes.get_xlim()
    axes.set_xlim(first - 1.0, last + 1.0)
    axes.set_ylim(bottom=0.0)
    if axes.get_legend_handles_labels()[1]:
        axes.legend()


@dataclass(frozen=True, eq=False)
class ResultView:
    """A result as a notebook shows it; see `show`."""

    result: StudyResult
    pictures: dict[Side, bytes]

    def _repr_html_(self) -> str:
        """Give the table, the key images and the notice as HTML without any script or link."""
        columns, rows = spaces_table(self.result)
        images = "".join(
            f'<img alt="key image, {side} hip" style="max-width:100%"'
            f' src="data:image/png;base64,{b64encode(png).decode()}">'
            for side, png in self.pictures.items()
        )
        return f"{_table_html(columns, rows)}{images}<p>{escape(NOTICE)}</p>"

    def __repr__(self) -> str:
        """Give the table as plain text."""
        _, rows = spaces_table(self.result)
        return "\n".join("  ".join(cell for cell in row if cell) for row in rows)


def show(result: StudyResult, study: LoadedStudy | Volume | None = None) -> ResultView:
    """Show a result in a notebook: the table and, with the images, the key images.

    Parameters
    ----------
    result
        What `measure` gave.
    study
        The images that it was measured on; without them only the table is shown.

    Returns
    -------
    ResultView
        A value that a notebook shows as HTML and a terminal as text.

    Raises
    ------
    GeometryError
        If the study has no volume.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> result = ifspace.measure(study, "phantom/session.json")
    >>> ifspace.show(result, study)._repr_html_().count("<img")
    2
    """
    return ResultView(result, {} if study is None else key_pictures(result, _volume(study)))


def _table_html(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _volume(study: LoadedStudy | Volume) -> Volume:
    if isinstance(study, Volume):
        return study
    if study.volume is None:
        raise GeometryError(study.untrusted)
    return study.volume
