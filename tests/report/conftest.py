"""A study built by hand: known points in the patient, stored in every way a scanner may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.signed import signed_copy

from ifspace.geometry import Plane, Segment
from ifspace.model import (
    MARKS_OF_KIND,
    AssessedSpace,
    Comparison,
    Contrast,
    Flag,
    ImagePlane,
    Kind,
    LevelValue,
    Mark,
    MarkState,
    Measurement,
    NotMeasured,
    Outcome,
    PatientIdentity,
    Position,
    PublishedValue,
    Reason,
    Reference,
    Relation,
    Series,
    Session,
    Severity,
    Side,
    Slice,
    SliceSource,
    StudyResult,
    UncertaintyPart,
    Volume,
)

SLICES, ROWS, COLUMNS = 5, 150, 220
CENTRE_LPS_MM = np.array([7.0, 31.0, -190.0])
SLICE_STEP_MM = 4.4


@dataclass(frozen=True)
class Storage:
    """How the rows and columns of a slice run in the patient."""

    along_row_lps: tuple[float, float, float]
    along_column_lps: tuple[float, float, float]
    row_spacing_mm: float = 1.2
    column_spacing_mm: float = 0.8


_TILT = np.radians(12.0)
STORAGES = {
    "usual": Storage((1, 0, 0), (0, 1, 0)),
    "mirrored": Storage((-1, 0, 0), (0, 1, 0)),
    "upside_down": Storage((1, 0, 0), (0, -1, 0)),
    "turned_by_180": Storage((-1, 0, 0), (0, -1, 0)),
    "rows_run_back": Storage((0, 1, 0), (1, 0, 0)),
    "rows_run_forward": Storage((0, -1, 0), (-1, 0, 0)),
    "oblique": Storage(
        (float(np.cos(_TILT)), float(np.sin(_TILT)), 0.0),
        (float(-np.sin(_TILT)), float(np.cos(_TILT)), 0.0),
        0.9,
        1.1,
    ),
}

# Per side: where the four marks lie, with the slice whose plane they lie in.
MARKS_LPS_MM = {
    (Kind.IFS, Side.RIGHT): (2, (-52.0, 58.0), (-64.0, 53.0)),
    (Kind.QFS, Side.RIGHT): (3, (-51.0, 62.0), (-58.0, 57.0)),
    (Kind.IFS, Side.LEFT): (2, (66.0, 58.0), (87.0, 52.0)),
    (Kind.QFS, Side.LEFT): (2, (65.0, 63.0), (79.0, 58.0)),
}


def plane(storage: Storage, slice_index: int) -> Plane:
    """Put slice number `slice_index` so that the volume has the same centre in every storage."""
    along_row, along_column = np.array(storage.along_row_lps), np.array(storage.along_column_lps)
    middle = np.array([0.0, 0.0, (slice_index - SLICES // 2) * SLICE_STEP_MM]) + CENTRE_LPS_MM
    shape_ji = (ROWS, COLUMNS) if abs(along_row[0]) > 0.5 else (COLUMNS, ROWS)
    corner = (
        middle
        - along_row * storage.column_spacing_mm * (shape_ji[1] - 1) / 2.0
        - along_column * storage.row_spacing_mm * (shape_ji[0] - 1) / 2.0
    )
    return Plane(
        corner, along_row, along_column, storage.row_spacing_mm, storage.column_spacing_mm, shape_ji
    )


def body(points_lps_mm: np.ndarray) -> np.ndarray:
    """Draw two thighs, four bones and a gradient that is brighter to the patient's left."""
    x, y = points_lps_mm[..., 0] - CENTRE_LPS_MM[0], points_lps_mm[..., 1] - CENTRE_LPS_MM[1]
    signal = np.where((x / 84.0) ** 2 + (y / 66.0) ** 2 < 1.0, 420.0 + x, 20.0)
    for centre_x, centre_y, radius in ((-72, 20, 11), (-44, 30, 12), (44, 30, 12), (72, 20, 11)):
        distance = np.hypot(x - centre_x, y - centre_y)
        signal = np.where(distance < radius, 900.0, signal)
        signal = np.where(np.abs(distance - radius) < 1.5, 60.0, signal)
    return signal


@pytest.fixture
def make_volume() -> Callable[..., Volume]:
    def build(
        storage: str = "usual",
        bright_lps_mm: tuple[float, float, float] | None = None,
        **headers: object,
    ) -> Volume:
        planes = [plane(STORAGES[storage], index) for index in range(SLICES)]
        rows, columns = planes[0].shape_ji
        grid_ji = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
        voxels = np.stack([body(item.to_lps_mm(grid_ji)) for item in planes]).astype(np.float32)
        if bright_lps_mm is not None:
            index = int(
                np.argmin([abs(item.height_mm(np.array(bright_lps_mm))) for item in planes])
            )
            j, i = np.rint(planes[index].to_index_ji(bright_lps_mm)).astype(int)
            voxels[index] = 0.0
            voxels[index, j, i] = 1000.0
        sources = tuple(
            SliceSource(Path(f"slice{index}.dcm"), f"1.2.826.{index}", "1.2.840.10008.5.1.4.1.1.4")
            for index in range(SLICES)
        )
        series = Series(
            **{
                "sources": sources,
                "rows": rows,
                "columns": columns,
                "study_instance_uid": "1.2.826.0.1",
                "series_instance_uid": "1.2.826.0.2",
                "frame_of_reference_uid": "1.2.826.0.3",
                "series_number": 4,
                "description": "T1 TSE axial pelvis",
                "plane": ImagePlane.AXIAL,
                "tilt_from_axial_deg": 0.0,
                "contrast": Contrast.T1,
                "image_type": ("ORIGINAL", "PRIMARY"),
                "patient_position": "HFS",
                "patient_age_years": 47.0,
                "patient_sex": "F",
                "row_spacing_mm": STORAGES[storage].row_spacing_mm,
                "column_spacing_mm": STORAGES[storage].column_spacing_mm,
                "spacing_source": "PixelSpacing",
                "acquisition_matrix": (320, 256),
                "slice_thickness_mm": 4.0,
                "slice_step_mm": SLICE_STEP_MM,
                "echo_time_ms": 11.0,
                "repetition_time_ms": 620.0,
                "field_strength_t": 1.5,
                **headers,
            }
        )
        return Volume(
            series,
            tuple(Slice(item, source) for item, source in zip(planes, sources, strict=True)),
            voxels,
        )

    return build


def published(evidence_id: str, kind: Kind, cutoff_mm: float, **more: object) -> PublishedValue:
    values = {
        "citation": f"{evidence_id.title().replace('_', ' ')} et al.",
        "evidence_level": "secondary",
        "role": "published_cutoff_axial_mri",
        "population": "adults with hip pain and controls",
        "rule": f"<={cutoff_mm:g} mm",
        **more,
    }
    return PublishedValue(evidence_id=evidence_id, kind=kind, cutoff_mm=cutoff_mm, **values)


MEANS = PublishedValue(
    "torriani_2009_group_means",
    Kind.IFS,
    "Torriani M et al. 2009; group means as quoted in a secondary article",
    "secondary",
    "group_values_or_context",
    "",
    cases_mean_mm=13.0,
    controls_mean_mm=23.0,
)
CUTOFFS = {
    Kind.IFS: (
        published(
            "singer_2015_meta_ifs",
            Kind.IFS,
            15.0,
            sensitivity=0.769,
            specificity=0.81,
            evidence_level="primary abstract or full text read",
        ),
        published("cn_hta_tqfmv", Kind.IFS, 15.4),
        published("torriani_2009_cutoffs_secondary", Kind.IFS, 17.0),
        published("cn_thesis_dynamic_mri_neutral", Kind.IFS, 17.8, position="neutral"),
        published("tosun_2012_cutoffs_secondary", Kind.IFS, 18.0),
    ),
    Kind.QFS: (
        published("cn_hta_tqfmv", Kind.QFS, 7.1),
        published("torriani_2009_cutoffs_secondary", Kind.QFS, 8.0),
        published("singer_2015_meta_ifs", Kind.QFS, 10.0),
        published("tosun_2012_cutoffs_secondary", Kind.QFS, 10.0),
        published("cn_thesis_dynamic_mri_neutral", Kind.QFS, 13.2, position="neutral"),
    ),
}


def compare(value_mm: float, u95_mm: float, rows: tuple[PublishedValue, ...]) -> tuple:
    found = []
    for row in rows:
        relation = Relation.ABOVE if value_mm > row.cutoff_mm else Relation.AT_OR_BELOW
        if abs(value_mm - row.cutoff_mm) < u95_mm:
            relation = Relation.WITHIN_UNCERTAINTY
        found.append(Comparison(row, row.cutoff_mm, relation))
    return tuple(found)


def refer(value_mm: float) -> Reference:
    position = Position.BETWEEN
    if value_mm <= 13.0:
        position = Position.AT_OR_BELOW_SYMPTOMATIC_MEAN
    if value_mm >= 23.0:
        position = Position.AT_OR_ABOVE_CONTROL_MEAN
    return Reference(MEANS, 13.0, 23.0, position)


def assess_by_hand(outcome: Outcome, cutoffs: tuple[PublishedValue, ...]) -> AssessedSpace:
    if isinstance(outcome, NotMeasured):
        return AssessedSpace(outcome)
    return AssessedSpace(
        outcome,
        compare(outcome.value_mm, outcome.u95_mm, cutoffs),
        refer(outcome.value_mm) if outcome.kind is Kind.IFS else None,
    )


@pytest.fixture
def make_measurement() -> Callable[..., Measurement]:
    def build(
        kind: Kind = Kind.IFS,
        side: Side = Side.RIGHT,
        state: MarkState = MarkState.PLACED,
        **more: object,
    ) -> Measurement:
        slice_index, start, end = MARKS_LPS_MM[kind, side]
        z_mm = float(CENTRE_LPS_MM[2]) + (slice_index - SLICES // 2) * SLICE_STEP_MM
        ends = [np.array([*start, z_mm]), np.array([*end, z_mm])]
        uid = f"1.2.826.{slice_index}"
        segment = Segment(*ends)
        value_mm = segment.length_mm
        return Measurement(
            **{
                "kind": kind,
                "side": side,
                "value_mm": value_mm,
                "u95_mm": 1.9 if kind is Kind.IFS else 2.1,
                "segment": segment,
                "slice_index": slice_index,
                "method": "marks/1",
                "state": state,
                "marks": tuple(
                    Mark(name, side, end, state, sop_instance_uid=uid)
                    for name, end in zip(MARKS_OF_KIND[kind], ends, strict=True)
                ),
                "sop_instance_uid": uid,
                "budget": (
                    UncertaintyPart("pixel footprint", 0.31, "pixel spacing along the line"),
                    UncertaintyPart("placing of the marks", 0.96, "two readers, twelve hips"),
                ),
                "curve": (
                    LevelValue(1, value_mm + 3.4, 1.9),
                    LevelValue(2, value_mm + (0.0 if slice_index == 2 else 0.8), 1.9),
                    LevelValue(3, value_mm + (0.8 if slice_index == 2 else 0.0), 2.0),
                ),
                "second_best_mm": value_mm + 0.8,
                "minimum_at_range_end": False,
                **more,
            }
        )

    return build


@pytest.fixture
def make_result(
    make_volume: Callable[..., Volume], make_measurement: Callable[..., Measurement]
) -> Callable[..., StudyResult]:
    def build(
        volume: Volume | None = None,
        state: MarkState = MarkState.PLACED,
        signed: bool = False,
        missing: tuple[tuple[Kind, Side], ...] = (),
        sides: tuple[Side, ...] = (Side.RIGHT, Side.LEFT),
        cutoffs: dict[Kind, tuple[PublishedValue, ...]] = CUTOFFS,
        **more: object,
    ) -> StudyResult:
        series = (volume or make_volume()).series
        spaces = []
        for side in sides:
            for kind in Kind:
                outcome: Outcome = make_measurement(kind, side, state)
                if (kind, side) in missing:
                    outcome = NotMeasured(
                        kind, side, Reason.MARK_MISSING, "hamstring_superolateral is not placed"
                    )
                spaces.append(assess_by_hand(outcome, cutoffs[kind]))
        measured = [item.outcome for item in spaces if isinstance(item.outcome, Measurement)]
        session = Session(
            series.study_instance_uid,
            series.series_instance_uid,
            series.frame_of_reference_uid,
            reader="A",
            marks=tuple(mark for item in measured for mark in item.marks),
            level_range={Side.LEFT: ("1.2.826.1", "1.2.826.3")},
            acquisition={"knee_bolster": "no"},
            findings={Side.RIGHT: {"qf_oedema": "mild"}, Side.LEFT: {"qf_oedema": "none"}},
        )
        values = {
            "flags": (
                Flag(
                    "hip_position_unknown",
                    Severity.CAUTION,
                    "The rotation of the hips is not known.",
                ),
                Flag("thick_slices", Severity.INFO, "The slices are 4.0 mm thick.", (1, 2)),
            ),
            "panel": (MEANS, *cutoffs[Kind.IFS], *cutoffs[Kind.QFS]),
            "panel_note": "Adult panel.",
            "evidence_sha256": "ab" * 32,
            "slice_step_mm": SLICE_STEP_MM,
            "settings": {"sides": ["right", "left"]},
            **more,
        }
        result = StudyResult("0.1.0", series, session, tuple(spaces), **values)
        return signed_copy(result, "A", "2026-03-04T10:20:00Z") if signed else result

    return build


@pytest.fixture
def make_published() -> Callable[..., PublishedValue]:
    return published


@pytest.fixture
def identity() -> PatientIdentity:
    return PatientIdentity("Seeded^Maria", "ID-77-4711", "19790312", "20260301", "ACC-0815")
