"""Sort images into stacks: one series may hold several orientations, echoes or time points.

Orientation, matrix, echo time, image type and stack number always tell two stacks apart. Whatever
else can differ between two images at one place (time point, b-value, trigger delay ...) does so
only where it really is what tells them apart: many scanners write a trigger time or an
acquisition number that changes from slice to slice of one stack. Two images at one place that
nothing tells apart stay in one stack, and `quality` refuses them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ifspace.io.consistency import contradiction
from ifspace.io.header import ImageHeader, is_direction

# Slices of one stack are parallel; a few degrees are damage that `quality` names, and radial
# or localiser images differ by more.
SAME_DIRECTION_DEG = 5.0
# Positions are written to 0.001 mm or better; no two slices are closer than this on purpose.
SAME_PLACE_MM = 0.05


@dataclass(frozen=True)
class Stack:
    """Images that belong together, sorted along their normal, and what sets them apart.

    `contradiction` says why their series cannot be one; empty where it can.
    """

    headers: tuple[ImageHeader, ...]
    label: str | None
    contradiction: str = ""


def stacks_of(headers: Iterable[ImageHeader]) -> tuple[Stack, ...]:
    """Sort images into stacks, in the order in which series and stacks were met."""
    by_series: defaultdict[Hashable, list[ImageHeader]] = defaultdict(list)
    for header in headers:
        # Without a series UID nothing says that two files belong together.
        uid = header.file.series_instance_uid
        by_series[("series", uid) if uid else header.name].append(header)
    return tuple(stack for group in by_series.values() for stack in _checked(group))


def _checked(headers: list[ImageHeader]) -> Iterator[Stack]:
    """Split one series, and say where it cannot be one."""
    wrong = contradiction(sorted_along_normal(headers), one_frame=False)
    for stack in _split_series(headers):
        yield replace(stack, contradiction=contradiction(stack.headers) or wrong)


def _split_series(headers: list[ImageHeader]) -> list[Stack]:
    """Split one series by what always sets stacks apart, then by what does so at one place."""
    direction_of = _directions(headers)
    always: tuple[tuple[str, Callable[[ImageHeader], str]], ...] = (
        ("", lambda header: direction_of[header.orientation_lps]),
        ("matrix", lambda header: f"{header.rows} x {header.columns}"),
        ("object", lambda header: header.file.sop_class_uid),
        ("echo time", _echo),
        ("image type", lambda header: " ".join(header.image_type[2:])),
        ("stack", lambda header: header.stack_id),
    )
    groups: list[tuple[tuple[str, ...], list[ImageHeader]]] = [((), headers)]
    for name, key in always:
        groups = [
            ((*labels, *([_named(name, value)] if value is not None else [])), part)
            for labels, group in groups
            for value, part in _parted_if_different(group, key)
        ]
    stacks: list[Stack] = []
    for labels, group in groups:
        for more, part in _part_repeated(group):
            label = ", ".join((*labels, *more)) or None
            stacks.append(Stack(tuple(sorted_along_normal(part)), label))
    return stacks


def _echo(header: ImageHeader) -> str:
    return "" if header.echo_time_ms is None else f"{header.echo_time_ms:g} ms"


def _parted(
    headers: Sequence[ImageHeader], key: Callable[[ImageHeader], str]
) -> list[tuple[str, list[ImageHeader]]]:
    parts: defaultdict[str, list[ImageHeader]] = defaultdict(list)
    for header in headers:
        parts[key(header)].append(header)
    return list(parts.items())


def _parted_if_different(
    headers: list[ImageHeader], key: Callable[[ImageHeader], str]
) -> list[tuple[str | None, list[ImageHeader]]]:
    """Part images by an attribute; one part without a value where all have the same."""
    parts = _parted(headers, key)
    return [(None, headers)] if len(parts) == 1 else [(value, part) for value, part in parts]


def _named(name: str, value: str) -> str:
    """Say what sets a stack apart."""
    return f"{name} {value or 'none'}".strip()


def _part_repeated(
    headers: list[ImageHeader],
) -> list[tuple[tuple[str, ...], list[ImageHeader]]]:
    """Part images at one place by the first attribute that tells them apart, if one does."""
    repeats = _repeats(headers)
    if repeats == 0:
        return [((), headers)]
    names = dict.fromkeys(name for header in headers for name, _ in header.labels)
    for name in names:
        parts = _parted(headers, lambda header, name=name: dict(header.labels).get(name, ""))  # type: ignore[misc]
        # A split that leaves scattered single slices has found the numbering, not the reason.
        if len(parts) < 2 or sum(_repeats(part) for _, part in parts) >= repeats:
            continue
        if min(len(part) for _, part in parts) * len(parts) < len(headers) / 2:
            continue
        return [
            ((_named(name, value), *more), smaller)
            for value, part in parts
            for more, smaller in _part_repeated(part)
        ]
    return [((), headers)]


def _repeats(headers: Iterable[ImageHeader]) -> int:
    """Count the images that lie where another one does."""
    places = Counter(
        tuple(round(value / SAME_PLACE_MM) for value in header.position_lps_mm)
        for header in headers
        if header.problem is None
    )
    return sum(count - 1 for count in places.values())


def _directions(headers: Iterable[ImageHeader]) -> dict[tuple[float, ...], str]:
    """Give each direction of a series a name; those within a few degrees are one.

    An image without a sound direction goes with the others where these have only one: it is
    left out when they are loaded, and named.
    """
    found: list[tuple[float, ...]] = []
    names: dict[tuple[float, ...], str] = {}
    lost: list[tuple[float, ...]] = []
    for header in headers:
        axes = header.orientation_lps
        if axes in names:
            continue
        if not is_direction(axes):
            lost.append(axes)
            continue
        for index, other in enumerate(found):
            if _nearly_parallel(axes, other):
                names[axes] = names[found[index]]
                break
        else:
            plane = _nearest_plane(axes)
            alike = sum(_nearest_plane(other) == plane for other in found)
            names[axes] = f"{plane} ({alike + 1})" if alike else plane
            found.append(axes)
    only = names[found[0]] if len(found) == 1 else "unknown direction"
    names.update(dict.fromkeys(lost, only))
    return names


def _nearest_plane(axes: tuple[float, ...]) -> str:
    """Name the anatomical plane a direction is nearest to."""
    normal = normal_of(axes)
    nearest = max(range(3), key=lambda index: abs(normal[index]))
    return ("sagittal", "coronal", "axial")[nearest]


def normal_of(axes: tuple[float, ...]) -> tuple[float, float, float]:
    """Give the normal of the plane of two axes, without numpy for the sake of speed."""
    a, b, c, d, e, f = axes
    return b * f - c * e, c * d - a * f, a * e - b * d


def _nearly_parallel(axes: tuple[float, ...], other: tuple[float, ...]) -> bool:
    limit = math.cos(math.radians(SAME_DIRECTION_DEG))
    along_row = sum(a * b for a, b in zip(axes[:3], other[:3], strict=True))
    along_column = sum(a * b for a, b in zip(axes[3:], other[3:], strict=True))
    return along_row >= limit and along_column >= limit


def sorted_along_normal(headers: Iterable[ImageHeader]) -> list[ImageHeader]:
    """Sort images along the normal of the first sound one; those without a place go last."""
    headers = list(headers)
    sound = next((header for header in headers if header.problem is None), None)
    if sound is None:
        return headers
    normal = normal_of(sound.orientation_lps)

    def key(header: ImageHeader) -> tuple[bool, float, int, int]:
        lost = header.problem is not None
        position = header.position_lps_mm
        height_mm = 0.0 if lost else sum(n * p for n, p in zip(normal, position, strict=True))
        return lost, height_mm, header.file.instance_number or 0, header.frame_number or 0

    return sorted(headers, key=key)
