"""Black and white level of the images: by dragging, by keys, kept per series. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from napari.layers import Image

from ifspace.geometry import Floats
from ifspace.model import Series
from ifspace.reading.screen import WINDOW_PERCENTILES, percentile_window

# Black and white as percentiles of the signal: MR has no absolute levels. On T1 fat is bright and
# must not drown; fluid-sensitive images are dark but for fluid; cortex and tendon are told apart
# in the darker half.
PRESETS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"t1": (1.0, 99.8), "fluid": (5.0, 99.7), "bone": (0.5, 85.0)}
)
# A drag over so many screen pixels changes width or level by the whole range of the images.
FULL_DRAG_PX = 400.0
# Narrower than this share of the range nothing but noise would be seen.
NARROWEST = 0.01
# The levels of each series while the program runs: opened again, it looks as it was left.
_KEPT: dict[str, Levels] = {}
NORMAL, INVERTED = "gray", "gray_r"


@dataclass(frozen=True)
class Levels:
    """What is shown black and white, and whether they are exchanged."""

    black: float
    white: float
    inverted: bool = False


def series_key(series: Series) -> str:
    """Tell series apart, also those of files without UIDs."""
    return "\n".join(
        (series.series_instance_uid or str(series.sources[0].path), series.stack or "")
    )


class GrayWindow:
    """The grey levels of the series in one viewer."""

    def __init__(self) -> None:
        """Begin without images."""
        self._opened: dict[str, tuple[float, float]] = {}

    def adopt(self, layer: Image, series_key: str) -> None:
        """Show a series as it was left, and remember how it was opened."""
        layer.metadata["ifspace_levels"] = series_key
        self._opened[series_key] = tuple(layer.contrast_limits)
        kept = _KEPT.get(series_key)
        if kept is not None:
            _set(layer, kept)

    def drag(self, layer: Image, start: Levels, moved_px: Floats) -> str:
        """Widen to the right, raise the level (darker) downwards; gives the levels in words."""
        low, high = self._opened[layer.metadata["ifspace_levels"]]
        step = (high - low) / FULL_DRAG_PX
        width = max(start.white - start.black + step * moved_px[0], NARROWEST * (high - low))
        level = 0.5 * (start.black + start.white) + step * moved_px[1]
        self._take(layer, Levels(level - width / 2, level + width / 2, start.inverted))
        return f"Window {width:.0f}, level {level:.0f}."

    def preset(self, layer: Image, name: str, slice_index: int) -> None:
        """Choose levels by percentiles: of the slice in view for ``auto``, else of all slices."""
        data = np.asarray(layer.data)
        shown = data[slice_index] if name == "auto" else data
        percentiles = PRESETS.get(name, WINDOW_PERCENTILES)
        self._take(layer, Levels(*percentile_window(shown, percentiles), levels_of(layer).inverted))

    def invert(self, layer: Image) -> None:
        """Exchange black and white."""
        now = levels_of(layer)
        self._take(layer, Levels(now.black, now.white, not now.inverted))

    def reset(self, layer: Image) -> None:
        """Show the images as they were opened."""
        self._take(layer, Levels(*self._opened[layer.metadata["ifspace_levels"]]))

    def _take(self, layer: Image, levels: Levels) -> None:
        _set(layer, levels)
        _KEPT[layer.metadata["ifspace_levels"]] = levels


def levels_of(layer: Image) -> Levels:
    """Read the levels of a layer."""
    black, white = layer.contrast_limits
    return Levels(float(black), float(white), layer.colormap.name == INVERTED)


def _set(layer: Any, levels: Levels) -> None:
    low, high = layer.contrast_limits_range
    # napari cuts levels off at this range, which it took from the images.
    layer.contrast_limits_range = (min(low, levels.black), max(high, levels.white))
    layer.contrast_limits = (levels.black, levels.white)
    layer.colormap = INVERTED if levels.inverted else NORMAL
