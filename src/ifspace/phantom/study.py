"""Put a phantom together in memory: hips, slices, what is true, and the series to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from ifspace.model import Side
from ifspace.phantom.bones import Hip
from ifspace.phantom.dicom import PROTOCOLS, SeriesPixels
from ifspace.phantom.render import render
from ifspace.phantom.spec import PhantomSpec
from ifspace.phantom.stack import Stack, build_stack, coronal_localizer
from ifspace.phantom.tissues import Paint, paints
from ifspace.phantom.truth import SideTruth, level_slices, place_hips, scale_of, side_truth

# The second echo of a dual-echo scan, and what it looks like.
SECOND_ECHO_CONTRAST = "T2"


@dataclass(frozen=True, eq=False)
class Study:
    """A phantom before it is written; `order` is the order in which slices are stored."""

    spec: PhantomSpec
    stack: Stack
    hips: Mapping[Side, Hip]
    sides: Mapping[Side, SideTruth]
    order: tuple[int, ...]

    def series(self) -> list[SeriesPixels]:
        """Render every series; the first is the one that the marks belong to."""
        spec = self.spec
        second = (SECOND_ECHO_CONTRAST,) if spec.two_echoes else ()
        contrasts = tuple(dict.fromkeys((spec.contrast, *second, *spec.extra_contrasts)))
        layers = list(paints(self.hips))
        images = render(layers, self.stack, contrasts, snr=spec.snr, seed=spec.seed)

        def series_of(contrast: str, number: int, name: str, echo: int, first: int) -> SeriesPixels:
            protocol = PROTOCOLS[contrast]
            return SeriesPixels(
                stack=self.stack,
                stored=images[contrast],
                contrast=contrast,
                number=number,
                description=PROTOCOLS[spec.contrast].description
                if number == 1
                else protocol.description,
                echo_ms=protocol.echo_ms,
                name=name,
                order=self.order,
                echo_number=echo,
                first_instance=first,
            )

        found = [series_of(spec.contrast, 1, "main", 1, 1)]
        written = len(self.order)
        if spec.two_echoes:
            found.append(series_of(SECOND_ECHO_CONTRAST, 1, "second echo", 2, written + 1))
            written *= 2
        if spec.mixed_orientation:
            found.append(self._localizer(layers, written + 1))
        for number, contrast in enumerate(spec.extra_contrasts, start=2):
            found.append(series_of(contrast, number, f"extra {number}", 1, 1))
        return found

    def _localizer(self, layers: list[Paint], first: int) -> SeriesPixels:
        """Render three coronal slices, to be stored under the same series UID."""
        stack = coronal_localizer()
        contrast = self.spec.contrast
        images = render(layers, stack, (contrast,), snr=self.spec.snr, seed=self.spec.seed)
        return SeriesPixels(
            stack=stack,
            stored=images[contrast],
            contrast=contrast,
            number=1,
            description=PROTOCOLS[contrast].description,
            echo_ms=PROTOCOLS[contrast].echo_ms,
            name="localizer",
            order=tuple(range(len(stack.origins_lps_mm))),
            localizer=True,
            first_instance=first,
        )


def build_study(spec: PhantomSpec) -> Study:
    """Place slices and hips, and decide which slices are stored in which order."""
    stack, hips, sides = _anatomy(_geometry_only(spec))
    order = list(range(len(stack.origins_lps_mm)))
    if spec.missing_slice or spec.repeated_slice:
        victim = _beside_the_level(stack, hips)
        order = [k for k in order if not (spec.missing_slice and k == victim)]
        if spec.repeated_slice:
            order.insert(order.index(victim) + 1 if victim in order else 1, victim)
    if spec.shuffled:
        order = [order[i] for i in np.random.default_rng(spec.seed).permutation(len(order))]
    return Study(spec, stack, hips, sides, tuple(order))


def _geometry_only(spec: PhantomSpec) -> PhantomSpec:
    """Keep what decides where things are, so that studies of one geometry are solved once."""
    kept = (
        *("ifs_mm", "qfs_mm", "ifs_left_mm", "ifs_right_mm", "qfs_left_mm", "qfs_right_mm"),
        *("size", "tilt_deg", "in_plane_deg", "row_spacing_mm", "column_spacing_mm"),
        *("slice_step_mm", "patient_position", "flips", "view", "sheared"),
        "above_level",
    )
    fields = {name: getattr(spec, name) for name in kept}
    if scale_of(spec) != 1.0:
        fields["age_years"] = spec.age_years
    return PhantomSpec(**fields)


@lru_cache(maxsize=16)
def _anatomy(spec: PhantomSpec) -> tuple[Stack, Mapping[Side, Hip], Mapping[Side, SideTruth]]:
    stack = build_stack(spec)
    if spec.above_level:
        return stack, place_hips(spec, build_stack(replace(spec, above_level=False))), {}
    hips = place_hips(spec, stack)
    sides = {side: side_truth(hips[side], stack) for side in spec.sides}
    return stack, MappingProxyType(hips), MappingProxyType(sides)


def _beside_the_level(stack: Stack, hips: Mapping[Side, Hip]) -> int:
    """Choose a slice inside the stack that shows no lesser trochanter, so the truth stays."""
    shown = {k for hip in hips.values() for k in level_slices(hip, stack)}
    inner = [k for k in range(1, len(stack.origins_lps_mm) - 1) if k not in shown]
    middle = float(np.mean(sorted(shown)))
    return min(inner, key=lambda k: abs(k - middle))
