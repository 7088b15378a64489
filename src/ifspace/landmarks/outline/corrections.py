"""What a reader corrected: dragged points of an outline and further seeds, for the search.

A dragged point holds the outer surface on the ray through it and, less and less, beside it; a
seed keeps the outline outside itself. Both are rewards of the same search as all others, so the
neighbouring rays and slices follow as they follow any other outline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.gap import HELD_MM, NO_POINTS, PASSED_MM
from ifspace.landmarks.borders.lines import distance_to_line_mm
from ifspace.landmarks.borders.rays import REACH_MM, Contour, RayCosts, with_prior
from ifspace.landmarks.borders.surfaces import LEAST_REWARD, Path, Single
from ifspace.landmarks.values import Bone, OutlinePoint
from ifspace.model import Reason, Refusal, Seed, Side, Volume

# Beside the point the surface may rise or fall this much per mm: a steep flank, but no spike.
SLOPE = 0.6
BESIDE_MM = 8.0
# More than all the reward that a ray can earn elsewhere (1.7), so that the point is kept.
HOLD = 6.0
# A price above this changes nothing any more; it stays clear of what is impossible.
PRICE_CAP = 200.0
# Thinnest cortex plus half a pixel: a seed in the marrow lies at least this far inside.
SEED_INSIDE_MM = 0.8
SEED_BESIDE_MM = 2.0

# A whole trochanter that was missed is 11 to 14 mm high; farther off another bone is meant.
DRAGGED_MAX_MM = 15.0


@dataclass(frozen=True, eq=False)
class Guides:
    """Corrections of one hip on the raster, by bone and patch number, (n, 2) mm each.

    `through` are points of the outer outline, `inside` seeds in the marrow.
    """

    through: Mapping[tuple[Bone, int], Floats] = field(default_factory=dict)
    inside: Mapping[tuple[Bone, int], Floats] = field(default_factory=dict)

    @property
    def bones(self) -> tuple[Bone, ...]:
        """The bones that were corrected."""
        named = {bone for bone, _ in (*self.through, *self.inside)}
        return tuple(bone for bone in Bone if bone in named)

    def points(self, bone: Bone, number: int) -> Floats:
        """Give the points that an outline passes, (n, 2)."""
        return self.through.get((bone, number), NO_POINTS)

    def seeds(self, bone: Bone, number: int) -> Floats:
        """Give the further seeds that an outline encloses, (n, 2)."""
        return self.inside.get((bone, number), NO_POINTS)

    def nearest_seeds(self, bone: Bone, count: int, first: int) -> tuple[int, ...]:
        """Give for each of `count` patches the nearest one that holds a seed of a bone.

        `first` is the patch of the first seed.
        """
        seeded = [first, *(number for which, number in self.inside if which is bone)]
        return tuple(min(seeded, key=lambda number: abs(k - number)) for k in range(count))

    def apply(self, ray_costs: RayCosts, bone: Bone, numbers: Sequence[int]) -> GuidedCosts:
        """Let every outline keep the corrections of its patch.

        Parameters
        ----------
        ray_costs
            Rays and rewards of one bone.
        numbers
            The patch number of every outline.
        """
        price = np.zeros(ray_costs.reward.shape[:3])
        for n, number in enumerate(numbers):
            for point in self.points(bone, number):
                price[n] += _price_of_missing(ray_costs, n, point)
            for point in self.seeds(bone, number):
                price[n] += _price_of_cutting(ray_costs, n, point)
        guided = (
            with_prior(ray_costs.reward, -price, ray_costs.thicknesses)
            if price.any()
            else ray_costs.reward
        )
        return GuidedCosts(replace(ray_costs, reward=guided), ray_costs.reward, price)


@dataclass(frozen=True, eq=False)
class GuidedCosts:
    """Rewards that hold corrections; those of the image alone, and the price of corrections.

    `price` is (outlines, rays, outer samples).
    """

    ray_costs: RayCosts
    image: Single
    price: Floats

    def seen(self, path: Path) -> Path:
        """Give a path with the reward of the image alone: a correction is no evidence."""
        outlines, rays, samples = self.price.shape
        which, ray = np.arange(outlines)[:, None], np.arange(rays)[None]
        paid = self.price[which, ray, np.minimum(path.outer, samples - 1)] > 0.0
        column = path.outer - path.inner - self.ray_costs.thicknesses.start
        image = np.maximum(self.image[which, ray, path.inner, column], LEAST_REWARD)
        return replace(path, reward=np.where(paid, image, path.reward))


def _seen_from(ray_costs: RayCosts, n: int, point_mm: Floats) -> tuple[float, Floats, Floats]:
    """Give a point's radius, the arc from it to every ray, and the radii of the samples."""
    offset = point_mm - ray_costs.centres_mm[n]
    radius = float(np.linalg.norm(offset))
    cosine = ray_costs.directions @ (offset / max(radius, 1e-9))
    arc = radius * np.arccos(np.clip(cosine, -1.0, 1.0))
    radii = np.asarray(
        np.arange(ray_costs.reward.shape[2]) * ray_costs.rays.sample_mm, dtype=np.float64
    )
    return radius, np.asarray(arc, dtype=np.float64), radii


def _price_of_missing(ray_costs: RayCosts, n: int, point_mm: Floats) -> Floats:
    """Price of an outer surface that misses a dragged point, (rays, samples)."""
    radius, arc, radii = _seen_from(ray_costs, n, point_mm)
    slack = np.maximum(HELD_MM, 0.5 * ray_costs.rays.sample_mm) + SLOPE * arc
    off = (radii[None] - radius) / slack[:, None]
    price = np.minimum(HOLD * 0.5 * off**2, PRICE_CAP)
    return np.asarray(price * (arc < BESIDE_MM)[:, None])


def _price_of_cutting(ray_costs: RayCosts, n: int, point_mm: Floats) -> Floats:
    """Price of an outer surface that leaves a seed outside, (rays, samples)."""
    radius, arc, radii = _seen_from(ray_costs, n, point_mm)
    short = np.maximum(radius + SEED_INSIDE_MM - radii, 0.0) / SEED_INSIDE_MM
    price = np.minimum(HOLD * 0.5 * short**2, PRICE_CAP)
    return np.asarray(price[None] * (arc < SEED_BESIDE_MM)[:, None])


# ------------------------------------------------------------------------------- what can be used


def guides_of(
    volume: Volume,
    patches: Sequence[Patch],
    seeds: Sequence[tuple[Bone, Seed]],
    points: Sequence[OutlinePoint],
) -> Guides | Refusal:
    """Put corrections on the raster, or say why one of them cannot be used.

    Parameters
    ----------
    volume, patches
        The images, and the slices of the range on the raster.
    seeds, points
        Further seeds and dragged points of one side.
    """
    number = {patch.slice_index: n for n, patch in enumerate(patches)}
    inside: dict[tuple[Bone, int], list[Floats]] = {}
    through: dict[tuple[Bone, int], list[Floats]] = {}
    for wanted, found in ((seeds, inside), ([(p.bone, p) for p in points], through)):
        for bone, item in wanted:
            name = f"{bone} {'seed' if found is inside else 'outline point'}"
            at = _patch_number(volume, item.position_lps_mm, number, name)
            if isinstance(at, Refusal):
                return at
            found.setdefault((bone, at), []).append(patches[at].to_xy_mm(item.position_lps_mm))
    return Guides(
        {key: np.array(items) for key, items in through.items()},
        {key: np.array(items) for key, items in inside.items()},
    )


def _patch_number(
    volume: Volume, position_lps_mm: Floats, number: Mapping[int, int], name: str
) -> int | Refusal:
    """Find the patch that a point lies on."""
    slice_index, gap_mm = volume.nearest_slice(position_lps_mm)
    shown = volume.slices[slice_index].plane.shows(position_lps_mm)
    if gap_mm > volume.on_slice_mm + 1e-6 or not shown:
        return Refusal(Reason.MARKS_OUTSIDE_IMAGE, f"a {name} lies outside the images")
    if slice_index not in number:
        first, last = min(number) + 1, max(number) + 1
        return Refusal(
            Reason.LEVEL_NOT_COVERED,
            f"a {name} lies on slice {slice_index + 1}, the borders are looked for on slices "
            f"{first} to {last}; correct them there, or change the range",
        )
    return number[slice_index]


def check_points(
    points: Sequence[OutlinePoint], ischium_lps_mm: Floats, side: Side
) -> Refusal | None:
    """Refuse a dragged point that lies on the other hip."""
    outward = 1.0 if side is Side.LEFT else -1.0
    for point in points:
        inwards_mm = -outward * float((point.position_lps_mm - ischium_lps_mm)[0])
        if inwards_mm > REACH_MM:
            return Refusal(
                Reason.SIDE_CONTRADICTED,
                f"an outline point of the {side} {point.bone} lies {inwards_mm:.0f} mm towards the "
                "midline from the ischium seed, on the other side of the body",
            )
    return None


def check_reach(guides: Guides, outlines: Mapping[Bone, Sequence[Contour]]) -> Refusal | None:
    """Refuse a dragged point that is far from the outline it is to correct."""
    for (bone, number), points in guides.through.items():
        for point in points:
            away_mm = distance_to_line_mm(outlines[bone][number].outer_mm, point)
            if away_mm > DRAGGED_MAX_MM:
                return Refusal(
                    Reason.LOW_CONFIDENCE,
                    f"an outline point lies {away_mm:.0f} mm from the outline of the {bone}, at "
                    f"most {DRAGGED_MAX_MM:.0f} mm are accepted; put another seed into the bone "
                    "instead",
                )
    return None


def check_passed(guides: Guides, outlines: Mapping[Bone, Sequence[Contour]]) -> Refusal | None:
    """Refuse where no outline passes all the dragged points."""
    for (bone, number), points in guides.through.items():
        for point in points:
            if distance_to_line_mm(outlines[bone][number].outer_mm, point) > PASSED_MM:
                return Refusal(
                    Reason.LOW_CONFIDENCE,
                    f"no outline of the {bone} passes the dragged point; it lies too far out, in "
                    "the other bone, or contradicts another point",
                )
    return None
