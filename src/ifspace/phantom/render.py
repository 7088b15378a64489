"""Paint the tissues onto the slices of a stack: partial volume, texture, coil shading, noise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ifspace.phantom.stack import Stack
from ifspace.phantom.tissues import Box, Paint, Tissue

Image = NDArray[np.float32]

# Signal of each tissue with respect to fat on T1, by contrast; spin echo at 1.5 T, rounded.
SIGNAL: Mapping[str, Mapping[Tissue, float]] = {
    "T1": {
        Tissue.FAT: 1.0, Tissue.SKIN: 0.42, Tissue.MUSCLE: 0.33, Tissue.QUADRATUS: 0.33,
        Tissue.CORTEX: 0.04, Tissue.FEMUR_MARROW: 0.86, Tissue.ISCHIUM_MARROW: 0.78,
        Tissue.TENDON: 0.07, Tissue.NERVE: 0.42, Tissue.VESSEL: 0.10, Tissue.CARTILAGE: 0.45,
        Tissue.ORGAN: 0.40, Tissue.FLUID: 0.20,
    },
    "PD": {
        Tissue.FAT: 0.95, Tissue.SKIN: 0.45, Tissue.MUSCLE: 0.50, Tissue.QUADRATUS: 0.50,
        Tissue.CORTEX: 0.05, Tissue.FEMUR_MARROW: 0.80, Tissue.ISCHIUM_MARROW: 0.74,
        Tissue.TENDON: 0.10, Tissue.NERVE: 0.58, Tissue.VESSEL: 0.10, Tissue.CARTILAGE: 0.70,
        Tissue.ORGAN: 0.60, Tissue.FLUID: 0.85,
    },
    "T2": {
        Tissue.FAT: 0.80, Tissue.SKIN: 0.25, Tissue.MUSCLE: 0.17, Tissue.QUADRATUS: 0.18,
        Tissue.CORTEX: 0.04, Tissue.FEMUR_MARROW: 0.66, Tissue.ISCHIUM_MARROW: 0.60,
        Tissue.TENDON: 0.06, Tissue.NERVE: 0.34, Tissue.VESSEL: 0.08, Tissue.CARTILAGE: 0.40,
        Tissue.ORGAN: 0.45, Tissue.FLUID: 1.10,
    },
    "PD-FS": {
        Tissue.FAT: 0.13, Tissue.SKIN: 0.35, Tissue.MUSCLE: 0.45, Tissue.QUADRATUS: 0.48,
        Tissue.CORTEX: 0.04, Tissue.FEMUR_MARROW: 0.14, Tissue.ISCHIUM_MARROW: 0.16,
        Tissue.TENDON: 0.09, Tissue.NERVE: 0.60, Tissue.VESSEL: 0.20, Tissue.CARTILAGE: 0.75,
        Tissue.ORGAN: 0.60, Tissue.FLUID: 1.05,
    },
    "STIR": {
        Tissue.FAT: 0.06, Tissue.SKIN: 0.25, Tissue.MUSCLE: 0.36, Tissue.QUADRATUS: 0.42,
        Tissue.CORTEX: 0.03, Tissue.FEMUR_MARROW: 0.07, Tissue.ISCHIUM_MARROW: 0.09,
        Tissue.TENDON: 0.07, Tissue.NERVE: 0.55, Tissue.VESSEL: 0.35, Tissue.CARTILAGE: 0.55,
        Tissue.ORGAN: 0.65, Tissue.FLUID: 1.20,
    },
}  # fmt: skip
TEXTURE = {
    Tissue.MUSCLE: 0.07,
    Tissue.QUADRATUS: 0.07,
    Tissue.FAT: 0.03,
    Tissue.FEMUR_MARROW: 0.06,
    Tissue.ISCHIUM_MARROW: 0.08,
    Tissue.ORGAN: 0.12,
}
# Fine lines inside a tissue: fat between muscle bundles, fibres through fat.
STREAKS = {
    Tissue.MUSCLE: (Tissue.FAT, 0.22),
    Tissue.QUADRATUS: (Tissue.FAT, 0.15),
    Tissue.FAT: (Tissue.TENDON, 0.15),
}
# A slice is not a plane: three sheets through its thickness, weighted like a slice profile.
SHEETS = ((-0.32, 0.27), (0.0, 0.46), (0.32, 0.27))
BLUR_PIXELS = 0.45
SHADING = 0.22
STORED_PER_FAT = 900.0
LARGEST_STORED = 4095


def render(
    layers: Iterable[Paint], stack: Stack, contrasts: tuple[str, ...], *, snr: float, seed: int
) -> dict[str, NDArray[np.uint16]]:
    """Render one stack in several contrasts.

    Returns
    -------
    Stored values per contrast, (slice, row, column), 12 bits.
    """
    clean = render_clean(layers, stack, contrasts, seed=seed)
    return {name: _scan(image, snr, seed + i) for i, (name, image) in enumerate(clean.items())}


def render_clean(
    layers: Iterable[Paint], stack: Stack, contrasts: tuple[str, ...], *, seed: int
) -> dict[str, Image]:
    """Render without noise, blur and shading; fat on T1 is 1."""
    s = stack.sampling
    sheets = {
        c: np.zeros((s.slices, len(SHEETS), s.rows, s.columns), np.float32) for c in contrasts
    }
    texture = _texture(stack, seed)
    for layer in layers:
        _paint(layer, stack, sheets, texture)
    weights = np.array([weight for _, weight in SHEETS], np.float32)
    return {c: np.einsum("ksji,s->kji", image, weights) for c, image in sheets.items()}


def _paint(layer: Paint, stack: Stack, sheets: dict[str, Image], texture: Texture) -> None:
    s = stack.sampling
    window = _window(layer.box_lps_mm, stack)
    if window is None:
        return
    distance_mm = layer.shape(*_coordinates(stack, window))
    pixel_mm = 0.5 * (s.row_spacing_mm + s.column_spacing_mm)
    cover = np.clip(0.5 - distance_mm / pixel_mm, 0.0, 1.0)
    cover = np.broadcast_to(cover, _shape(window)).astype(np.float32)
    k, j, i = window
    grain = 1.0 + TEXTURE.get(layer.tissue, 0.0) * texture.grain[k, j, i][:, None]
    around = None
    if layer.halo_mm:
        around = np.clip(0.5 - (distance_mm - layer.halo_mm) / pixel_mm, 0.0, 1.0)
    for name, image in sheets.items():
        part = image[k, :, j, i]
        if around is not None:
            part += around * (SIGNAL[name][Tissue.FAT] - part) * (part > 0.0)
        signal = SIGNAL[name][layer.tissue] * grain
        if layer.tissue in STREAKS:
            other, most = STREAKS[layer.tissue]
            lines = texture.lines[layer.tissue is Tissue.FAT][k, j, i][:, None]
            signal = signal + most * lines * (SIGNAL[name][other] - signal)
        part += cover * (signal - part)


Window = tuple[slice, slice, slice]


def _shape(window: Window) -> tuple[int, int, int, int]:
    k, j, i = ((w.stop - w.start) for w in window)
    return (k, len(SHEETS), j, i)


def _window(box: Box, stack: Stack) -> Window | None:
    """Find the part of the stack, as index ranges, that a box in the patient can touch."""
    s = stack.sampling
    corners = np.array(
        [[box[a][0], box[b][1], box[c][2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    )
    offset = corners - stack.origins_lps_mm.mean(axis=0)
    shift_mm = np.abs(stack.origins_lps_mm - stack.origins_lps_mm.mean(axis=0))
    heights = (stack.origins_lps_mm - stack.origins_lps_mm.mean(axis=0)) @ stack.normal_lps
    up = offset @ stack.normal_lps
    margin_mm = 4.0 + s.slice_step_mm
    touched = np.flatnonzero((heights >= up.min() - margin_mm) & (heights <= up.max() + margin_mm))
    if not len(touched):
        return None
    ranges = [slice(int(touched[0]), int(touched[-1]) + 1)]
    for axis, step_mm, count in (
        (stack.along_column_lps, s.row_spacing_mm, s.rows),
        (stack.along_row_lps, s.column_spacing_mm, s.columns),
    ):
        drift = float((shift_mm @ np.abs(axis)).max()) if _drifts(stack, axis) else 0.0
        at = offset @ axis
        low = int(np.floor((at.min() - drift - 4.0) / step_mm))
        high = int(np.ceil((at.max() + drift + 4.0) / step_mm))
        low, high = max(low, 0), min(high, count - 1)
        if low > high:
            return None
        ranges.append(slice(low, high + 1))
    return ranges[0], ranges[1], ranges[2]


def _drifts(stack: Stack, axis: NDArray[np.float64]) -> bool:
    """Tell whether the first pixel moves along an image axis from slice to slice."""
    return bool(np.ptp(stack.origins_lps_mm @ axis) > 1e-6)


def _coordinates(stack: Stack, window: Window) -> tuple[Any, Any, Any]:
    """Give x, y and z of the pixels in a window, per sheet, broadcastable and small where flat."""
    s = stack.sampling
    k, j, i = window
    sheets_mm = np.array([share for share, _ in SHEETS]) * s.thickness_mm
    out = []
    for axis in range(3):
        base = stack.origins_lps_mm[k, axis][:, None] + sheets_mm * stack.normal_lps[axis]
        total = base[:, :, None, None].astype(np.float32)
        down = stack.along_column_lps[axis] * s.row_spacing_mm
        right = stack.along_row_lps[axis] * s.column_spacing_mm
        if abs(down) > 1e-9:
            total = (
                total + (np.arange(j.start, j.stop, dtype=np.float32) * np.float32(down))[:, None]
            )
        if abs(right) > 1e-9:
            total = total + np.arange(i.start, i.stop, dtype=np.float32) * np.float32(right)
        if np.ptp(base) < 1e-9:
            total = total[:1, :1]
        out.append(total)
    return out[0], out[1], out[2]


@dataclass(frozen=True, eq=False)
class Texture:
    """Grain of one standard deviation, and lines from 0 to 1: in muscle, and in fat."""

    grain: Image
    lines: tuple[Image, Image]


def _texture(stack: Stack, seed: int) -> Texture:
    s = stack.sampling
    shape = (s.slices, s.rows, s.columns)
    rng = np.random.default_rng([seed, 7])

    def smooth(down_mm: float, right_mm: float) -> Image:
        raw = rng.standard_normal(shape, dtype=np.float32)
        sigma = (0.5, down_mm / s.row_spacing_mm, right_mm / s.column_spacing_mm)
        soft = gaussian_filter(raw, sigma, truncate=3.0)
        return np.asarray(soft / soft.std(), np.float32)

    # A smooth field is near zero along thin winding lines: those are the fibres.
    in_muscle = np.exp(-((smooth(2.2, 6.0) / 0.16) ** 2))
    in_fat = np.exp(-((smooth(4.0, 11.0) / 0.06) ** 2))
    return Texture(smooth(1.6, 2.2), (in_muscle, in_fat))


def _scan(image: Image, snr: float, seed: int) -> NDArray[np.uint16]:
    """Blur, shade and add Rician noise, and store in 12 bits."""
    rng = np.random.default_rng([seed, 11])
    image = gaussian_filter(image, (0.0, BLUR_PIXELS, BLUR_PIXELS))
    j, i = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in image.shape[1:])
    push = rng.uniform(-1.0, 1.0, 2).astype(np.float32)
    # Surface coils front and back: brighter near them, and a little off to one side.
    field = 1.0 + np.float32(SHADING) * (
        (j[:, None] ** 2 - 0.4) + 0.4 * push[0] * i + 0.4 * push[1] * j[:, None]
    )
    image = image * field
    noise = np.float32(1.0 / snr)
    real = image + noise * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = noise * rng.standard_normal(image.shape, dtype=np.float32)
    stored = np.sqrt(real**2 + imaginary**2) * np.float32(STORED_PER_FAT)
    return np.asarray(np.clip(np.rint(stored), 0, LARGEST_STORED), dtype=np.uint16)
