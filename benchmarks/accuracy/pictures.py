"""Draw the worst slices that would have been shown, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.accuracy.cohort import image_of, make_case, rough_seeds, to_lps_mm
from benchmarks.accuracy.run import SliceRow
from PIL import Image, ImageDraw

from ifspace.landmarks import from_seeds
from ifspace.model import Kind

ZOOM, SIZE, SHOWN = 4, 420, 6


def write_worst(rows: Sequence[SliceRow], out: Path) -> None:
    """Write a contact sheet of the six largest errors, as JPEG."""
    worst = sorted((r for r in rows if r.grade), key=lambda r: -abs(r.error_mm))[:SHOWN]
    if not worst:
        return
    tiles = [_tile(row) for row in worst]
    while len(tiles) < SHOWN:
        tiles.append(Image.new("RGB", (SIZE, SIZE)))
    sheet = Image.new("RGB", (3 * SIZE, 2 * SIZE))
    for n, tile in enumerate(tiles):
        sheet.paste(tile, ((n % 3) * SIZE, n // 3 * SIZE))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=82)


def _tile(row: SliceRow) -> Image.Image:
    """Draw one slice around its closest points."""
    case = make_case(row.hip)
    volume = image_of(case, row.sequence, row.snr)
    clicks = rough_seeds(case, np.random.default_rng(row.hip + 5))
    found = from_seeds(volume, clicks, case.side, case.level_range)
    k = row.slice_index
    plane, pixels = volume.slices[k].plane, volume.voxels[k]
    truth = case.truth[k]
    level = float(case.scan.levels[k])
    ends = [to_lps_mm(case.scan, uv, level) for uv in (truth.ischium_uv, truth.femur_uv)]
    middle = plane.to_index_ji(np.mean(ends, axis=0))
    half = SIZE / ZOOM / 2
    top, left = np.clip(middle - half, 0, np.array(pixels.shape) - 2 * half).astype(int)
    grey = np.clip(pixels / np.percentile(pixels, 99.5) * 235, 0, 255).astype(np.uint8)
    crop = grey[top : top + int(2 * half), left : left + int(2 * half)]
    picture = Image.fromarray(crop).resize((SIZE, SIZE), Image.Resampling.BICUBIC).convert("RGB")
    draw = ImageDraw.Draw(picture)

    def line(points_lps_mm, colour, width=1):
        at = plane.to_index_ji(np.asarray(points_lps_mm))
        draw.line([((j - left + 0.5) * ZOOM, (i - top + 0.5) * ZOOM) for i, j in at], colour, width)

    for outline in found.outlines:
        if outline.slice_index == k and outline.kind is Kind.IFS:
            line(
                outline.points_lps_mm,
                (255, 90, 90) if outline.structure == "femur" else (90, 160, 255),
            )
    for item in found.readings(Kind.IFS):
        if item.slice_index == k:
            line([item.segment.start_lps_mm, item.segment.end_lps_mm], (0, 255, 255), 2)
    line(ends, (255, 0, 255), 2)
    text = f"hip {row.hip} {row.sequence}: {row.found_mm:.1f}, true {row.true_mm:.1f} mm"
    draw.text((6, 6), f"{text}, +-{row.u95_mm:.1f}", fill=(255, 255, 255))
    return picture
