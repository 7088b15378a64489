"""Seeds and images that cannot be measured: each gets its own reason, and no number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.cohort import Case, image_of, make_case, rough_seeds, volume_of
from benchmarks.accuracy.scanner import (
    AIR,
    FAT,
    FEMUR_MARROW,
    ISCHIUM_MARROW,
    MUSCLE,
    NERVE,
    QUADRATUS,
    TENDON,
    VESSEL,
    mr_image,
)
from scipy import ndimage as ndi

from ifspace.landmarks import FoundSide, SliceReading, from_seeds
from ifspace.landmarks.borders.signal import blur_of
from ifspace.landmarks.borders.stack import cut_stack
from ifspace.landmarks.grading import exclusion, readings_of
from ifspace.landmarks.outline.search import search
from ifspace.landmarks.outline.slices import examine
from ifspace.model import Kind, Reason, Refusal, Seed, SeedName, Side, Slice, Volume


def place(seeds, bone: SeedName, position_lps_mm) -> tuple[Seed, ...]:
    """The same seeds with one of them elsewhere."""
    return tuple(
        Seed(seed.name, seed.side, position_lps_mm) if seed.name is bone else seed for seed in seeds
    )


def position(seeds, bone: SeedName) -> np.ndarray:
    return next(seed.position_lps_mm for seed in seeds if seed.name is bone)


def reasons(found: FoundSide) -> set[Reason]:
    """The reasons of a side without any number."""
    assert found.best(Kind.IFS) is None
    assert found.best(Kind.QFS) is None
    if found.refusal is not None:
        assert found.refusal.detail
        return {found.refusal.reason}
    return {item.reason for item in found.ifs if not isinstance(item, SliceReading)}


def scanned(case: Case, fractions: np.ndarray, texture: np.ndarray | float = 1.0) -> Volume:
    """A T1 scan of tissue fractions (slices, tissues, rows, columns)."""
    voxels = mr_image(fractions, case.scan, "T1", np.random.default_rng(case.seed))
    return volume_of(case.scan, (voxels * texture).astype(np.float32))


def fractions_of(case: Case) -> np.ndarray:
    return case.fractions.astype(np.float32) / 255


def middle_of(case: Case, volume: Volume, tissue: int, near_lps_mm: np.ndarray) -> np.ndarray:
    """The place nearest to a point that has 3 mm of one tissue all around, patient mm."""
    k = volume.nearest_slice(near_lps_mm)[0]
    plane = volume.slices[k].plane
    deep_mm = ndi.distance_transform_edt(fractions_of(case)[k, tissue] > 0.9)
    places = plane.to_lps_mm(np.argwhere(deep_mm * plane.row_spacing_mm > 3.0).astype(float))
    return places[np.linalg.norm(places - near_lps_mm, axis=1).argmin()]


def test_a_seed_in_fat_is_refused(hip, t1, seeds):
    ischium = position(seeds, SeedName.ISCHIUM_MARROW)
    in_fat = middle_of(hip, t1, FAT, ischium)
    found = from_seeds(t1, place(seeds, SeedName.ISCHIUM_MARROW, in_fat), hip.side, hip.level_range)
    assert reasons(found) <= {Reason.SEED_NOT_IN_MARROW, Reason.LOW_CONFIDENCE}


def test_a_seed_in_air_is_refused(hip, seeds):
    fractions = fractions_of(hip)
    medial = slice(0, 40) if hip.side is Side.LEFT else slice(-40, None)
    fractions[..., medial] = 0.0
    fractions[:, AIR, :, medial] = 1.0
    volume = scanned(hip, fractions)
    column = 20 if hip.side is Side.LEFT else fractions.shape[-1] - 20
    k = volume.nearest_slice(position(seeds, SeedName.ISCHIUM_MARROW))[0]
    plane = volume.slices[k].plane
    row = plane.to_index_ji(position(seeds, SeedName.ISCHIUM_MARROW))[0]
    in_air = plane.to_lps_mm(np.array([row, float(column)]))
    found = from_seeds(
        volume, place(seeds, SeedName.ISCHIUM_MARROW, in_air), hip.side, hip.level_range
    )
    assert reasons(found) == {Reason.SEED_NOT_IN_MARROW}


def test_both_seeds_in_one_bone_are_refused(hip, t1, seeds):
    femur = position(seeds, SeedName.FEMUR_MARROW)
    outward = 1.0 if hip.side is Side.LEFT else -1.0
    beside = femur - np.array([4.0 * outward, 0.0, 0.0])
    found = from_seeds(t1, place(seeds, SeedName.ISCHIUM_MARROW, beside), hip.side, hip.level_range)
    assert reasons(found) == {Reason.SEED_NOT_IN_MARROW}


def test_seeds_in_each_others_bone_are_refused(hip, t1, seeds):
    femur, ischium = (
        position(seeds, name) for name in (SeedName.FEMUR_MARROW, SeedName.ISCHIUM_MARROW)
    )
    swapped = place(place(seeds, SeedName.FEMUR_MARROW, ischium), SeedName.ISCHIUM_MARROW, femur)
    found = from_seeds(t1, swapped, hip.side, hip.level_range)
    assert reasons(found) == {Reason.SIDE_CONTRADICTED}


@pytest.mark.parametrize("beyond_mm", [5.0, 12.0])
def test_a_femur_that_the_field_of_view_cuts_is_refused(beyond_mm, hip, t1, seeds):
    femur = position(seeds, SeedName.FEMUR_MARROW)
    plane = t1.slices[0].plane
    away = 1.0 if (plane.along_row_lps[0] > 0) == (hip.side is Side.LEFT) else -1.0
    edge = plane.to_index_ji(femur)[1] + away * beyond_mm / plane.column_spacing_mm
    keep = slice(0, int(edge)) if away > 0 else slice(int(edge) + 1, None)
    columns = range(plane.shape_ji[1])[keep]
    slices = tuple(
        Slice(
            replace(
                item.plane,
                origin_lps_mm=item.plane.to_lps_mm(np.array([0.0, float(columns[0])])),
                shape_ji=(plane.shape_ji[0], len(columns)),
            ),
            item.source,
        )
        for item in t1.slices
    )
    cut = replace(t1, slices=slices, voxels=t1.voxels[:, :, keep].copy())
    assert reasons(from_seeds(cut, seeds, hip.side, hip.level_range)) == {Reason.FEMUR_NOT_COVERED}


def test_marrow_replaced_in_both_bones_is_named(hip, seeds):
    # Tumour, red marrow or oedema: on T1 marrow then has the signal of muscle while fat is bright.
    fractions = fractions_of(hip)
    for marrow in (FEMUR_MARROW, ISCHIUM_MARROW):
        fractions[:, MUSCLE] += fractions[:, marrow]
        fractions[:, marrow] = 0.0
    found = from_seeds(scanned(hip, fractions), seeds, hip.side, hip.level_range)
    assert reasons(found) == {Reason.MARROW_ABNORMAL}


def test_marrow_much_darker_in_one_bone_is_named(hip, seeds):
    fractions = fractions_of(hip)
    part = 0.6 * fractions[:, ISCHIUM_MARROW]
    fractions[:, MUSCLE] += part
    fractions[:, ISCHIUM_MARROW] -= part
    found = from_seeds(scanned(hip, fractions), seeds, hip.side, hip.level_range)
    assert reasons(found) == {Reason.MARROW_ABNORMAL}


def test_a_gap_that_uneven_tissue_fills_is_named(hip, seeds):
    fractions = fractions_of(hip)
    for tissue in (FAT, TENDON, NERVE, VESSEL, QUADRATUS):
        fractions[:, MUSCLE] += fractions[:, tissue]
        fractions[:, tissue] = 0.0
    # Fat under the skin stays: the images are not fat-suppressed.
    fractions[:, :, :, :12] = 0.0
    fractions[:, FAT, :, :12] = 1.0
    noise = np.random.default_rng(5).normal(size=(len(fractions), *fractions.shape[2:]))
    lumps = ndi.gaussian_filter(noise, (0, 4, 4))
    soft = fractions[:, MUSCLE]
    texture = 1.0 + 0.2 * soft * np.clip(lumps / lumps.std(), -1.5, 1.5)
    found = from_seeds(scanned(hip, fractions, texture), seeds, hip.side, hip.level_range)
    assert reasons(found) == {Reason.GAP_ABNORMAL}
    assert "fills" in found.refusal.detail


def test_even_muscle_without_fat_is_not_taken_for_a_mass(hip, seeds):
    fractions = fractions_of(hip)
    for tissue in (FAT, TENDON, NERVE, VESSEL, QUADRATUS):
        fractions[:, MUSCLE] += fractions[:, tissue]
        fractions[:, tissue] = 0.0
    fractions[:, :, :, :12] = 0.0
    fractions[:, FAT, :, :12] = 1.0
    found = from_seeds(scanned(hip, fractions), seeds, hip.side, hip.level_range)
    assert found.refusal is None or found.refusal.reason is not Reason.GAP_ABNORMAL


def test_touching_outlines_are_no_distance(hip, t1, seeds, monkeypatch):
    monkeypatch.setattr("ifspace.landmarks.grading.readings.GAP_RANGE_MM", (45.0, 60.0))
    found = from_seeds(t1, seeds, hip.side, hip.level_range)
    assert reasons(found) == {Reason.LOW_CONFIDENCE}
    assert any("mm apart" in item.detail for item in found.ifs)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "sequence"), [(63034, "T2"), (66039, "PD")])
def test_tendon_taken_for_the_cortex_of_the_trochanter_gives_no_number(number, sequence, tmp_path):
    """In one hip the outline passes round the iliopsoas tendon, in the other it misses the tip."""
    case = make_case(number, cache=tmp_path)
    seeds = rough_seeds(case, np.random.default_rng(number + 5))
    found = from_seeds(image_of(case, sequence), seeds, case.side, case.level_range)
    lowest = found.ifs[0]
    assert isinstance(lowest, Refusal)
    assert "the iliopsoas tendon cannot be told from the cortex" in lowest.detail
    assert found.readings(Kind.IFS)


@pytest.mark.slow
def test_the_bright_muscle_of_a_proton_density_image_is_no_other_bone(tmp_path):
    case = make_case(66011, cache=tmp_path)
    seeds = rough_seeds(case, np.random.default_rng(66016))
    found = from_seeds(image_of(case, "PD"), seeds, case.side, case.level_range)
    shown = found.readings(Kind.IFS)
    assert len(shown) >= 3
    for item in shown:
        truth = case.truth[item.slice_index]
        assert item.value_mm == pytest.approx(truth.distance_mm, abs=1.0)


@pytest.mark.parametrize("tissue", [MUSCLE, FAT])
def test_a_seed_outside_the_range_has_to_lie_in_marrow_on_its_own_slice(hip, seeds, tissue):
    """Its place was looked at on the nearest slice of the range only, where there is marrow."""
    outside = hip.level_range[1] + 1
    fractions = fractions_of(hip)
    fractions[outside] = 0.0
    fractions[outside, tissue] = 1.0
    volume = scanned(hip, fractions)
    ischium = position(seeds, SeedName.ISCHIUM_MARROW)
    at = volume.slices[outside].plane.foot_lps_mm(ischium)
    found = from_seeds(volume, place(seeds, SeedName.ISCHIUM_MARROW, at), hip.side, hip.level_range)
    assert reasons(found) == {Reason.SEED_NOT_IN_MARROW}
    assert f"slice {outside + 1}, outside the range" in found.refusal.detail


def test_bones_that_are_exchanged_are_refused_slice_by_slice(hip, t1, seeds):
    """An outline may run away to the other bone though its seed lies right."""
    chosen = exclusion.seeds_of(seeds, hip.side)
    first, last = hip.level_range
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    stack = cut_stack(t1, positions, range(first, last + 1))
    finding = examine(stack, search(stack), 1, blur_of(t1))
    gap = replace(finding.gap, ischium_mm=finding.gap.femur_mm, femur_mm=finding.gap.ischium_mm)
    ifs, qfs, _ = readings_of(stack.patches[1], replace(finding, gap=gap), hip.side)
    assert ifs.reason is qfs.reason is Reason.SIDE_CONTRADICTED
