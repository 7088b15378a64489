"""Which images belong together, what they are, and which series is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ifspace.errors import SeriesChoiceError
from ifspace.io import inventory_to_json, load_volume, open_study
from ifspace.io.contrast import contrast_of
from ifspace.io.header import FileFacts, ImageHeader
from ifspace.io.rank import rank
from ifspace.io.values import age_years
from ifspace.model import Contrast, ImagePlane, Series, SliceSource

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def _stacks(path: Path) -> dict[str | None, Series]:
    with open_study(path) as inventory:
        assert inventory.skipped == ()
        return {item.series.stack: item.series for item in inventory.ranked}


def _write(writer: SimpleNamespace, folder: Path, uid: str, prefix: str, **attributes) -> None:
    orientation = attributes.pop("orientation", AXIAL)
    heights = attributes.pop("heights_mm", [k * 4.4 for k in range(5)])
    scan = writer.Scan(
        orientation=orientation, heights_mm=heights, series_uid=uid, study_uid="1.2",
        attributes=attributes,
    )  # fmt: skip
    for k in range(len(heights)):
        writer.save(writer.classic_slice(scan, k), folder / f"{prefix}{k}.IMA")


# ------------------------------------------------------------------------------------------ stacks


def test_a_series_of_three_orientations_is_three_stacks(writer, tmp_path):
    for name, orientation in (("a", AXIAL), ("c", CORONAL), ("s", SAGITTAL)):
        _write(writer, tmp_path, "1.2.3", name, orientation=orientation)
    stacks = _stacks(tmp_path)
    assert sorted(stacks) == ["axial", "coronal", "sagittal"]
    assert sorted(series.plane for series in stacks.values()) == [
        ImagePlane.AXIAL, ImagePlane.CORONAL, ImagePlane.SAGITTAL,
    ]  # fmt: skip
    assert all(series.slice_count == 5 for series in stacks.values())


def test_two_echoes_are_two_stacks(writer, tmp_path):
    _write(writer, tmp_path, "1.2.3", "a", EchoTime="12")
    _write(writer, tmp_path, "1.2.3", "b", EchoTime="80")
    assert sorted(_stacks(tmp_path)) == ["echo time 12 ms", "echo time 80 ms"]


def test_dixon_images_are_told_apart_by_their_type(writer, tmp_path):
    for word in ("W", "F", "IN", "OPP"):
        _write(writer, tmp_path, "1.2.3", word, ImageType=["DERIVED", "PRIMARY", word])
    stacks = _stacks(tmp_path)
    assert sorted(stacks) == [
        "image type F", "image type IN", "image type OPP", "image type W",
    ]  # fmt: skip
    assert stacks["image type W"].contrast is Contrast.T1_FS
    assert stacks["image type IN"].contrast is Contrast.T1
    assert stacks["image type F"].contrast is Contrast.UNKNOWN


@pytest.mark.parametrize(
    ("keyword", "values", "label"),
    [
        ("TemporalPositionIdentifier", (1, 2, 3), "temporal position"),
        ("DiffusionBValue", (0.0, 400.0, 800.0), "b-value"),
        ("TriggerTime", (10, 210, 410), "trigger time"),
        ("InversionTime", (50, 500, 900), "inversion time"),
    ],
)
def test_images_at_one_place_are_parted_by_what_differs(keyword, values, label, writer, tmp_path):
    for number, value in enumerate(values):
        _write(writer, tmp_path, "1.2.3", f"{number}-", **{keyword: value})
    stacks = _stacks(tmp_path)
    assert len(stacks) == 3
    assert all(stack.startswith(label) for stack in stacks)
    assert all(series.slice_count == 5 for series in stacks.values())


def test_a_trigger_time_that_differs_from_slice_to_slice_parts_nothing(writer, tmp_path):
    writer.write_classic(tmp_path, change=lambda k, ds: setattr(ds, "TriggerTime", 7 * k))
    assert list(_stacks(tmp_path)) == [None]


def test_two_images_at_one_place_stay_in_one_stack_when_nothing_tells_them_apart(writer, tmp_path):
    _write(writer, tmp_path, "1.2.3", "a", heights_mm=[0, 4.4, 8.8, 8.8, 13.2])
    assert [series.slice_count for series in _stacks(tmp_path).values()] == [5]


def test_an_odd_copy_with_another_acquisition_number_is_not_hidden_in_a_stack_of_its_own(
    writer, tmp_path
):
    heights = [0, 4.4, 8.8, 8.8, 13.2, 17.6, 22.0, 26.4]
    scan = writer.Scan(heights_mm=heights)
    writer.write_classic(
        tmp_path, scan, lambda k, ds: setattr(ds, "AcquisitionNumber", 2 if k == 3 else 1)
    )
    assert [series.slice_count for series in _stacks(tmp_path).values()] == [8]


def test_enhanced_frames_of_two_echoes_are_two_stacks(writer, tmp_path):
    scan = writer.Scan(heights_mm=[0, 4.4, 8.8, 0, 4.4, 8.8])
    ds = writer.enhanced(scan)
    for group in ds.PerFrameFunctionalGroupsSequence:
        second = group.FrameContentSequence[0].InStackPositionNumber > 3
        group.MREchoSequence[0].EffectiveEchoTime = 80.0 if second else 12.0
    writer.save(ds, tmp_path / "a")
    with open_study(tmp_path) as inventory:
        assert {item.series.echo_time_ms for item in inventory.ranked} == {12.0, 80.0}
        volumes = [load_volume(item.series) for item in inventory.ranked]
    assert [volume.voxels.shape[0] for volume in volumes] == [3, 3]


# ------------------------------------------------------------------------------------------ header


@pytest.mark.parametrize(
    ("age", "born", "studied", "years"),
    [
        ("047Y", "", "", 47.0),
        ("018M", "", "", 1.5),
        ("026W", "", "", 0.4),
        ("100D", "", "", 0.2),
        ("", "19700315", "20200101", 49.7),
        ("", "20100102", "20200101", 9.9),
        ("", "20100101", "20200101", 10.0),
        ("", "20000229", "20180301", 18.0),
        ("", "20000229", "20180228", 17.9),
        ("", "19700315", "", None),
        ("", "1970", "20200101", None),
        ("", "20200102", "20200101", None),
        ("XXXY", "", "", None),
        ("999Y", "", "", None),
    ],
)
def test_age_comes_from_the_age_or_else_from_the_dates(age, born, studied, years):
    assert age_years(age, born, studied) == years


def test_the_series_holds_what_the_header_says(writer, tmp_path):
    writer.write_classic(tmp_path)
    series = _stacks(tmp_path)[None]
    assert (series.patient_age_years, series.patient_sex) == (49.7, "F")
    assert (series.repetition_time_ms, series.echo_time_ms) == (600.0, 12.0)
    assert series.slice_thickness_mm == 4.0
    assert series.slice_step_mm == pytest.approx(4.4)
    assert series.patient_position == "HFS"


def test_a_description_in_another_script_is_read_by_its_character_set(writer, tmp_path):
    scan = writer.Scan(
        attributes={"SpecificCharacterSet": "ISO_IR 192", "SeriesDescription": "T1 골반 축상"}
    )
    writer.write_classic(tmp_path, scan)
    assert _stacks(tmp_path)[None].description == "T1 골반 축상"


def _header(description="", tr=None, te=None, ti=None, sequence=("SE",), options=(), kind=()):
    facts = FileFacts(
        "", "", "", description=description, scanning_sequence=sequence, scan_options=options
    )
    return ImageHeader(
        facts, Path(), "", 1, 1, echo_time_ms=te, repetition_time_ms=tr, inversion_time_ms=ti,
        image_type=("ORIGINAL", "PRIMARY", *kind),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "contrast"),
    [
        (_header(tr=600, te=12), Contrast.T1),
        (_header(tr=3000, te=30), Contrast.PD),
        (_header(tr=4000, te=90), Contrast.T2),
        (_header(tr=4000, te=60), Contrast.UNKNOWN),
        (_header("ax t2 tse", tr=4000, te=60), Contrast.T2),
        (_header("ax PD tse", tr=4000, te=60), Contrast.PD),
        (_header("t1_tse_tra", tr=4000, te=90), Contrast.UNKNOWN),
        (_header("IBSI_1_STS_048_MR_T1_image"), Contrast.T1),
        (_header("T2FS ax"), Contrast.T2_FS),
        (_header("pd_fs_tra", tr=3000, te=30), Contrast.PD_FS),
        (_header("t2 spair tra", tr=4000, te=80), Contrast.T2_FS),
        (_header("t1 fat sat", tr=600, te=12), Contrast.T1_FS),
        (_header("T2 non-fs", tr=4000, te=80), Contrast.T2),
        (_header("t1 without fatsat", tr=600, te=12), Contrast.T1),
        (_header(tr=600, te=12, options=("FS",)), Contrast.T1_FS),
        (_header("stir cor", tr=4000, te=40), Contrast.STIR),
        (_header("tirm tra"), Contrast.STIR),
        (_header(tr=4000, te=40, ti=160, sequence=("SE", "IR")), Contrast.STIR),
        (_header(tr=500, te=5, sequence=("GR",)), Contrast.UNKNOWN),
        (_header("t1 dixon", tr=500, te=5, sequence=("GR",), kind=("WATER",)), Contrast.T1_FS),
        (_header("t2* medic"), Contrast.UNKNOWN),
        (_header("pelvis"), Contrast.UNKNOWN),
        (_header("pdt1map t10"), Contrast.UNKNOWN),
    ],
)
def test_the_weighting_is_told_or_not_claimed(header, contrast):
    assert contrast_of(header) is contrast


# -------------------------------------------------------------------------------------------- rank

GOOD = Series(
    sources=tuple(SliceSource(Path(f"{k}")) for k in range(30)),
    rows=512, columns=512, row_spacing_mm=0.6, column_spacing_mm=0.6, slice_step_mm=4.4,
    plane=ImagePlane.AXIAL, tilt_from_axial_deg=0.0, contrast=Contrast.T1,
)  # fmt: skip


def test_a_good_series_says_why_it_is_good():
    assert rank(GOOD).reasons == (
        "axial, tilted 0.0 degrees (+40)",
        "covers 128 mm in 30 slices (+10)",
        "T1 (+30)",
        "pixels of 0.60 x 0.60 mm (+10)",
        "field of view 307 mm: wide enough for both sides (+10)",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modality": "CT"}, "modality is CT"),
        ({"tilt_from_axial_deg": 90.0, "plane": ImagePlane.CORONAL}, "coronal, tilted 90"),
        ({"tilt_from_axial_deg": 31.0}, "tilted 31"),
        ({"tilt_from_axial_deg": None}, "direction of the slices is unknown"),
        ({"sources": GOOD.sources[:2]}, "2 slice"),
        ({"slice_step_mm": 0.2}, "less than a lesser trochanter"),
        ({"description": "Localizer"}, "localiser"),
        ({"description": "3-pl loc"}, "localiser"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "localiser"),
        ({"image_type": ("DERIVED", "PRIMARY", "ADC")}, "computed images"),
        ({"sources": (SliceSource(Path(), "1", "1.2.840.10008.5.1.4.1.1.7"),) * 9}, "secondary"),
        ({"columns": 100, "rows": 100}, "too small for one hip"),
    ],
)
def test_what_cannot_be_measured_says_why(change, words):
    ranked = rank(replace(GOOD, **change))
    assert not ranked.suitable
    assert any(r.startswith("not suitable: ") and words in r for r in ranked.reasons)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"contrast": Contrast.T2}),
        ({"contrast": Contrast.PD}, {"contrast": Contrast.T2}),
        ({"contrast": Contrast.T2}, {"contrast": Contrast.T1_FS}),
        ({}, {"tilt_from_axial_deg": 20.0}),
        ({}, {"columns": 250, "rows": 250}),
        ({}, {"row_spacing_mm": 1.2, "column_spacing_mm": 1.2, "rows": 256, "columns": 256}),
        ({}, {"sources": GOOD.sources[:6]}),
        ({}, {"image_type": ("DERIVED", "SECONDARY")}),
    ],
)
def test_the_better_series_scores_higher(better, worse):
    assert rank(replace(GOOD, **better)).score > rank(replace(GOOD, **worse)).score


# --------------------------------------------------------------------------------------- inventory


def test_the_listing_says_what_measure_would_take_and_what_was_left(writer, tmp_path):
    big = {"rows": 200, "columns": 240}
    for number, (description, te) in enumerate((("t2_tse", "90"), ("t1_tse", "12"))):
        scan = writer.Scan(
            attributes={"SeriesDescription": description, "EchoTime": te,
                        "RepetitionTime": "4000" if te == "90" else "600"}, **big,
        )  # fmt: skip
        writer.write_classic(tmp_path / str(number), scan)
    (tmp_path / "notes.txt").write_text("no image")
    with open_study(tmp_path) as inventory:
        listing = inventory_to_json(inventory)
        assert inventory.choose().description == "t1_tse"
    assert json.loads(json.dumps(listing)) == listing
    assert [(item["description"], item["chosen"]) for item in listing["series"]] == [
        ("t1_tse", True), ("t2_tse", False),
    ]  # fmt: skip
    first = listing["series"][0]
    assert (first["plane"], first["contrast"], first["slices"]) == ("axial", "T1", 5)
    assert (first["row_spacing_mm"], first["column_spacing_mm"]) == (0.8, 0.6)
    assert listing["skipped"][0]["path"] == "notes.txt"


def test_the_user_can_overrule_the_choice_by_uid_stack_or_file(writer, tmp_path):
    _write(writer, tmp_path, "1.2.3", "a", EchoTime="12")
    _write(writer, tmp_path, "1.2.3", "b", EchoTime="80")
    with open_study(tmp_path) as inventory:
        assert inventory.choose("1.2.3").series_instance_uid == "1.2.3"
        assert inventory.choose("1.2.3#echo time 80 ms").echo_time_ms == 80.0
        assert inventory.choose("b0.IMA").echo_time_ms == 80.0
        with pytest.raises(SeriesChoiceError, match=r"no series 9\.9"):
            inventory.choose("9.9")


def test_when_nothing_suits_the_nearest_series_says_why(writer, tmp_path):
    _write(writer, tmp_path, "1.2.3", "a", orientation=CORONAL)
    with open_study(tmp_path) as inventory, pytest.raises(SeriesChoiceError, match="coronal"):
        inventory.choose()


def test_a_single_file_is_a_series_of_one(writer, tmp_path):
    path = writer.save(writer.classic_slice(writer.Scan(), 0), tmp_path / "one")
    assert [series.slice_count for series in _stacks(path).values()] == [1]


def test_file_names_do_not_decide_which_of_two_equals_is_taken(writer, tmp_path):
    chosen = set()
    for names in (("a", "b"), ("b", "a")):
        folder = tmp_path / "".join(names)
        for name, number in zip(names, (7, 4), strict=True):
            scan = writer.Scan(attributes={"SeriesNumber": number}, rows=200, columns=240)
            writer.write_classic(folder / name, scan)
        with open_study(folder) as inventory:
            chosen.add(inventory.choose().series_number)
    assert chosen == {4}
