"""The key image of one side: the enlarged slice with the measured lines, the whole one inset."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ifspace.geometry import Floats, Plane
from ifspace.model import (
    SIDES_AS_SEEN,
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    Outcome,
    Side,
    StudyResult,
    Volume,
)
from ifspace.report import wording
from ifspace.report.texts import Texts, load_texts
from ifspace.report.view import axes_as_seen, edge_letter, look, view_around, view_of_all

Point = tuple[float, float]
Colour = tuple[int, int, int]

PANEL_JI = (640, 800)
INSET_JI = (165, 220)
GAP = 8
HEAD, FOOT = 52, 44
# Every key image has this size, rows by columns, however many slices it shows.
PICTURE_JI = (HEAD + PANEL_JI[0] + FOOT, PANEL_JI[1])

# The zoom shows at least this much, so that both bones are recognised.
ZOOM_WIDTH_MM = 84.0
ZOOM_HEIGHT_MM = 45.0
ZOOM_OF_LENGTH = 3.0
ZOOM_SCALE_MM = 10.0

INK, PAPER, SOFT = (240, 240, 240), (0, 0, 0), (170, 178, 186)
# Orange and sky blue of Okabe and Ito: apart for colour-blind eyes, light on dark tissue. The
# line style tells the kinds apart once more.
COLOURS: dict[Kind, Colour] = {Kind.IFS: (255, 176, 0), Kind.QFS: (86, 200, 255)}
# Bluish green of the same palette: what the program saw, thin beside the measured line.
OUTLINE_COLOUR: Colour = (0, 190, 140)
# Outlines are traced in steps well below a pixel; neighbours farther apart are not neighbours.
OUTLINE_JUMP_MM = 1.5
# Far enough from the line that the box does not hide the edges it was measured between.
LABEL_GAP = 44.0
# Drawn this much larger and shrunk, so that thin slanted lines are smooth.
FINENESS = 3


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of one slice with what is drawn on it."""

    view: Plane
    grey: Image.Image

    def place(self, point_lps_mm: Floats) -> Point:
        """Find a patient point in the panel: x to the right, y down, in its pixels."""
        j, i = self.view.to_index_ji(point_lps_mm)
        return float(i), float(j)


def key_pictures(result: StudyResult, volume: Volume) -> dict[Side, bytes]:
    """Draw the key image of every side that was asked for, as PNG.

    A side without a number gets a picture that says so in words: any slice shown there would look
    like the one that was measured. A side that the images do not show gets none.
    """
    asked = {
        space.outcome.side for space in result.spaces if not wording.is_not_shown(space.outcome)
    }
    return {
        side: _png(key_picture(result, volume, side)) for side in SIDES_AS_SEEN if side in asked
    }


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=False, compress_level=9)
    return buffer.getvalue()


def key_picture(result: StudyResult, volume: Volume, side: Side) -> Image.Image:
    """Draw one side: the slice of both spaces, or one slice above the other."""
    texts = load_texts()
    outcomes = [space.outcome for space in result.spaces if space.outcome.side is side]
    groups = _by_slice([item for item in outcomes if isinstance(item, Measurement)])
    image = Image.new("RGB", PICTURE_JI[::-1], PAPER)
    image.paste(_head(groups, result, side, texts), (0, 0))
    height = (PANEL_JI[0] - GAP * (len(groups) - 1)) // max(len(groups), 1)
    for number, same_slice in enumerate(groups):
        full, zoom = panels(same_slice, volume, (height, PANEL_JI[1]))
        top = HEAD + number * (height + GAP)
        image.paste(_enlarged(zoom, same_slice, result, texts), (0, top))
        inset = _whole(full, zoom, same_slice)
        image.paste(inset, (PANEL_JI[1] - inset.width, top + height - inset.height))
        if len(groups) > 1:
            words = wording.slice_of_stack(same_slice[0].slice_index, result, texts)
            pen = ImageDraw.Draw(image)
            pen.rectangle(
                [0, top, 22 + pen.textlength(words, font=_font(26)), top + 40], fill=PAPER
            )
            pen.text((10, top + 2), words, font=_font(26), fill=INK)
    ImageDraw.Draw(image).text(
        (6, HEAD + PANEL_JI[0] + 6), _foot(outcomes, result, texts), font=_font(24), fill=SOFT
    )
    return image


def _by_slice(measured: Sequence[Measurement]) -> list[list[Measurement]]:
    """Group measurements that lie on the same slice, in the order of kinds."""
    groups: dict[int, list[Measurement]] = {}
    for item in sorted(measured, key=lambda item: list(Kind).index(item.kind)):
        groups.setdefault(item.slice_index, []).append(item)
    return list(groups.values())


def panels(
    measured: Sequence[Measurement], volume: Volume, zoom_ji: tuple[int, int] = PANEL_JI
) -> tuple[Panel, Panel]:
    """Give the panel of the whole slice and the panel of the part around the measured lines."""
    slice_index = measured[0].slice_index
    plane, voxels_ji = volume.slices[slice_index].plane, volume.voxels[slice_index]
    ends_lps_mm = np.stack(
        [end for item in measured for end in (item.segment.start_lps_mm, item.segment.end_lps_mm)]
    )
    centre_lps_mm = plane.foot_lps_mm((ends_lps_mm.min(axis=0) + ends_lps_mm.max(axis=0)) / 2.0)
    longest_mm = max(item.segment.length_mm for item in measured)
    width_mm = max(
        ZOOM_WIDTH_MM, ZOOM_OF_LENGTH * longest_mm, ZOOM_HEIGHT_MM * zoom_ji[1] / zoom_ji[0]
    )
    views = (
        view_of_all(plane, INSET_JI),
        view_around(plane, centre_lps_mm, width_mm, zoom_ji),
    )
    full, zoom = (Panel(view, Image.fromarray(look(voxels_ji, plane, view))) for view in views)
    return full, zoom


# ------------------------------------------------------------------------------------- drawing


def _whole(full: Panel, zoom: Panel, measured: Sequence[Measurement]) -> Image.Image:
    """Draw the whole slice with a frame around the enlarged part."""
    canvas, pen = _canvas(full)
    rows, columns = zoom.view.shape_ji
    corners = [full.place(zoom.view.to_lps_mm(ji)) for ji in ([0, 0], [rows - 1, columns - 1])]
    pen.rectangle([_fine(corners[0]), _fine(corners[1])], outline=INK, width=FINENESS)
    for item in measured:
        _draw_line(pen, item, full, thickness=2)
    image = _shrink(canvas)
    ImageDraw.Draw(image).rectangle([0, 0, image.width - 1, image.height - 1], outline=SOFT)
    return image


def _enlarged(
    zoom: Panel, measured: Sequence[Measurement], result: StudyResult, texts: Texts
) -> Image.Image:
    """Draw the enlarged part with the lines, their end points and their millimetres."""
    canvas, pen = _canvas(zoom)
    for item in measured:
        _draw_outlines(pen, item, result, zoom)
    for item in measured:
        _draw_line(pen, item, zoom, thickness=3)
        _draw_ends(pen, item, zoom)
    image = _shrink(canvas)
    _letters(image, zoom)
    _scale_bar(image, zoom, ZOOM_SCALE_MM, texts)
    for item in measured:
        _draw_millimetres(image, item, zoom, texts)
    return image


def _canvas(panel: Panel) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    size = (panel.grey.width * FINENESS, panel.grey.height * FINENESS)
    canvas = panel.grey.convert("RGB").resize(size, Image.Resampling.NEAREST)
    return canvas, ImageDraw.Draw(canvas)


def _shrink(canvas: Image.Image) -> Image.Image:
    size = (canvas.width // FINENESS, canvas.height // FINENESS)
    return canvas.resize(size, Image.Resampling.BOX)


def _fine(point: Point) -> Point:
    """Move a pixel centre of the panel onto the fine canvas."""
    return (point[0] + 0.5) * FINENESS - 0.5, (point[1] + 0.5) * FINENESS - 0.5


def _draw_outlines(
    pen: ImageDraw.ImageDraw, item: Measurement, result: StudyResult, panel: Panel
) -> None:
    """Draw the borders that a program found, so that an eye can judge them."""
    for outline in result.outlines:
        if (outline.kind, outline.side, outline.slice_index) == (
            item.kind,
            item.side,
            item.slice_index,
        ):
            for part in _pieces(outline.points_lps_mm):
                line = [_fine(panel.place(point)) for point in part]
                pen.line(line, fill=OUTLINE_COLOUR, width=2 * FINENESS, joint="curve")


def _pieces(points_lps_mm: Floats) -> list[Floats]:
    """Cut an outline where it jumps: bone and tendon are borders of their own."""
    steps_mm = np.linalg.norm(np.diff(points_lps_mm, axis=0), axis=1)
    return np.split(points_lps_mm, np.flatnonzero(steps_mm > OUTLINE_JUMP_MM) + 1)


def _draw_line(
    pen: ImageDraw.ImageDraw, item: Measurement, panel: Panel, *, thickness: int
) -> None:
    """Draw the measured line, IFS solid, QFS dashed, on a dark edge that shows on bright tissue."""
    start, end = (
        np.array(_fine(panel.place(point)))
        for point in (item.segment.start_lps_mm, item.segment.end_lps_mm)
    )
    pen.line([tuple(start), tuple(end)], fill=PAPER, width=(thickness + 3) * FINENESS)
    length = float(np.linalg.norm(end - start))
    dash = length if item.kind is Kind.IFS else 9.0 * FINENESS
    step = 1.0 if item.kind is Kind.IFS else 1.7
    for begin in np.arange(0.0, length, dash * step):
        stop = min(begin + dash, length)
        ends = [tuple(start + (end - start) * part / length) for part in (begin, stop)]
        pen.line(ends, fill=COLOURS[item.kind], width=thickness * FINENESS)


def _draw_ends(pen: ImageDraw.ImageDraw, item: Measurement, panel: Panel) -> None:
    """Ring the two end points, IFS round, QFS square, and leave the tissue inside visible."""
    for point in (item.segment.start_lps_mm, item.segment.end_lps_mm):
        x, y = _fine(panel.place(point))
        shape = pen.ellipse if item.kind is Kind.IFS else pen.rectangle
        for radius, colour, width in ((10, PAPER, 5), (9, COLOURS[item.kind], 3)):
            reach = radius * FINENESS
            box = [x - reach, y - reach, x + reach, y + reach]
            shape(box, outline=colour, width=width * FINENESS)


def _draw_millimetres(image: Image.Image, item: Measurement, panel: Panel, texts: Texts) -> None:
    """Write the value beside the line: IFS on its anterior side, QFS on its posterior one."""
    start, end = (
        np.array(panel.place(point))
        for point in (item.segment.start_lps_mm, item.segment.end_lps_mm)
    )
    across = np.array([-(end - start)[1], (end - start)[0]]) / max(
        float(np.linalg.norm(end - start)), 1.0
    )
    upward = across if across[1] < 0.0 else -across
    away = upward if item.kind is Kind.IFS else -upward
    words = (
        f"{texts[f'kind.short.{item.kind.value}']} "
        f"{texts['mm'].format(value=wording.millimetres(item.value_mm))}"
    )
    _boxed(image, (start + end) / 2.0, away, words, COLOURS[item.kind])


def _boxed(image: Image.Image, origin: Floats, away: Floats, words: str, colour: Colour) -> None:
    """Write words on a dark box off a point in one direction, or the other beside the inset."""
    pen, font = ImageDraw.Draw(image), _font(30, bold=True)
    width, height = pen.textlength(words, font=font) + 12.0, 42.0
    left, top = _box_corner(image, origin, away, (width, height))
    rows, columns = INSET_JI
    if left + width > image.width - columns and top + height > image.height - rows:
        left, top = _box_corner(image, origin, -away, (width, height))
    pen.rectangle([left, top, left + width, top + height], fill=PAPER)
    pen.text((left + 6.0, top - 1.0), words, font=font, fill=colour)


def _box_corner(
    image: Image.Image, origin: Floats, away: Floats, size: tuple[float, float]
) -> Point:
    """Give the upper left corner of a box that stands off a point, inside the image."""
    width, height = size
    reach = LABEL_GAP + (abs(away[0]) * width + abs(away[1]) * height) / 2.0
    centre = origin + away * reach
    left = float(np.clip(centre[0] - width / 2.0, 2.0, image.width - width - 2.0))
    top = float(np.clip(centre[1] - height / 2.0, 2.0, image.height - height - 2.0))
    return left, top


def _letters(image: Image.Image, panel: Panel) -> None:
    """Write which end of the patient each edge shows."""
    across, down = axes_as_seen(panel.view)
    middle_x, middle_y = image.width / 2.0, image.height / 2.0
    places = (
        ((24.0, middle_y), -across),
        ((image.width - 24.0, middle_y), across),
        ((middle_x, 24.0), -down),
        ((middle_x, image.height - 24.0), down),
    )
    for (x, y), direction_lps in places:
        _outlined(image, (x, y), edge_letter(direction_lps), 34)


def _scale_bar(image: Image.Image, panel: Panel, length_mm: float, texts: Texts) -> None:
    """Draw a bar of known length at the lower left, dark edge around it."""
    pixels = length_mm / panel.view.column_spacing_mm
    pen, left, bottom = ImageDraw.Draw(image), 20.0, image.height - 20.0
    pen.rectangle([left - 2, bottom - 7, left + pixels + 2, bottom + 2], fill=PAPER)
    pen.rectangle([left, bottom - 5, left + pixels, bottom], fill=INK)
    words = texts["picture.scale"].format(length=wording.plain(length_mm))
    _outlined(image, (left + pixels / 2.0, bottom - 26.0), words, 26)


def _outlined(image: Image.Image, centre: Point, words: str, size: int) -> None:
    ImageDraw.Draw(image).text(
        centre,
        words,
        font=_font(size, bold=True),
        fill=INK,
        anchor="mm",
        stroke_width=3,
        stroke_fill=PAPER,
    )


# -------------------------------------------------------------------------------------- words


def _head(
    groups: Sequence[Sequence[Measurement]], result: StudyResult, side: Side, texts: Texts
) -> Image.Image:
    """Write side, slice and state over a picture, with a DRAFT mark until it is signed."""
    image = Image.new("RGB", (PANEL_JI[1], HEAD), PAPER)
    pen = ImageDraw.Draw(image)
    words = texts[f"side.{side.value}"].upper()
    pen.text((6, 2), words, font=_font(34, bold=True), fill=INK)
    x = 32.0 + pen.textlength(words, font=_font(34, bold=True))
    if not groups:
        pen.text((x, 8), texts["picture.nothing"], font=_font(26), fill=INK)
    elif len(groups) == 1:
        where = wording.slice_of_stack(groups[0][0].slice_index, result, texts)
        pen.text((x, 8), where, font=_font(26), fill=INK)
        x += pen.textlength(where, font=_font(26)) + 26.0
    states = {item.state for group in groups for item in group} - {MarkState.CONFIRMED}
    for state in [one for one in MarkState if one in states][:1]:
        pen.text((x, 8), texts[f"mark_state.short.{state.value}"], font=_font(26), fill=INK)
    if not result.is_final:
        words, small = texts["draft"], _font(26, bold=True)
        width = pen.textlength(words, font=small) + 16.0
        pen.rectangle([PANEL_JI[1] - width, 4, PANEL_JI[1], HEAD - 8], fill=INK)
        pen.text((PANEL_JI[1] - width + 8.0, 6), words, font=small, fill=PAPER)
    return image


def _foot(outcomes: Sequence[Outcome], result: StudyResult, texts: Texts) -> str:
    """Say what was not measured, or how large a pixel is."""
    missing = [
        texts["picture.not_measured"].format(
            kind=texts[f"kind.short.{item.kind.value}"], reason=wording.not_measured(item, texts)
        )
        for item in outcomes
        if isinstance(item, NotMeasured)
    ]
    series = result.series
    if missing or series.row_spacing_mm is None or series.column_spacing_mm is None:
        return "   ".join(missing)
    return texts["picture.pixel"].format(
        row=f"{series.row_spacing_mm:.3g}", column=f"{series.column_spacing_mm:.3g}"
    )


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Load the bundled font; the simple layout engine gives the same pixels everywhere."""
    name = "NotoSans-Bold.ttf" if bold else "NotoSans-Regular.ttf"
    data = (files("ifspace.report") / "fonts" / name).read_bytes()
    return ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.BASIC)
