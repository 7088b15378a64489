"""The whole study: what is compared with what, and what is said where nothing can be."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ifspace.agreement import readings_from_table, study_agreement, study_to_json, write_agreement
from ifspace.agreement.categories import category_agreement
from ifspace.agreement.pages import agreement_sheet, as_shown, pair_charts
from ifspace.agreement.study import Comparison
from ifspace.cutoffs import Cutoff
from ifspace.errors import OutputError
from ifspace.figures.wording import shortened
from ifspace.notice import NOTICE
from ifspace.statistics import Estimate, NotEstimable
from ifspace.tables import read_table


def study(path):
    return study_agreement(readings_from_table(read_table(path)))


def two_readers(persons=6, seed=3):
    random = np.random.default_rng(seed)
    return [
        (f"P{person}", side, "ifs", reader, repeat, round(20 + 3 * person + random.normal(), 2))
        for person in range(persons)
        for side in ("left", "right")
        for reader in ("A", "B")
        for repeat in (1, 2)
    ]


def test_readers_are_compared_with_each_other_and_with_themselves(readings_csv):
    space = study(readings_csv(two_readers())).spaces[0]
    assert space.between.matrix.columns == ("A", "B")
    assert len(space.between.matrix.hips) == 12
    assert space.between.matrix.person_count == 6
    assert set(space.within) == {"A", "B"}


def test_one_reader_says_which_statistic_is_missing_and_gives_the_rest(readings_csv):
    rows = [row for row in two_readers() if row[3] == "A"]
    space = study(readings_csv(rows)).spaces[0]
    assert isinstance(space.between, NotEstimable)
    assert space.between.reason == "one_reader_only"
    assert isinstance(space.within["A"].precision.sdc_agreement_mm, Estimate)


def test_a_space_whose_readings_are_all_missing_is_named(readings_csv):
    rows = [*two_readers(), ("P0", "left", "qfs", "A", 1, "")]
    space = study(readings_csv(rows)).spaces[1]
    assert space.between.reason == "no_readings"
    assert space.missing == 1


def test_a_hip_that_one_reader_did_not_read_is_left_out_and_counted(readings_csv):
    rows = [row for row in two_readers() if not (row[0] == "P0" and row[3] == "B")]
    space = study(readings_csv(rows)).spaces[0]
    assert space.between.matrix.left_out == 2
    assert space.missing == 2
    assert any("2 hips were not read by every reader" in text for text in space.cautions)


def test_a_third_reader_does_not_take_hips_away_from_the_pairs_of_the_others(readings_csv):
    rows = two_readers()
    rows += [(f"P{person}", "left", "ifs", "C", 1, 20 + 3 * person) for person in range(3)]
    between = study(readings_csv(rows)).spaces[0].between
    assert len(between.matrix.hips) == 3
    hips = {pair.matrix.columns: len(pair.matrix.hips) for pair in between.pairs}
    assert hips == {("A", "B"): 12, ("A", "C"): 3, ("B", "C"): 3}


def test_two_hips_give_no_statistic_and_no_traceback(readings_csv):
    rows = list(two_readers(persons=1))
    between = study(readings_csv(rows)).spaces[0].between
    assert {one.result.reason for one in between.iccs} == {"too_few_hips"}
    assert between.pairs[0].differences.bias_mm.reason == "too_few_hips"


def test_persons_are_clusters_where_the_table_names_them(readings_csv):
    header = ("person", "case", "side", "kind", "reader", "value_mm")
    rows = [
        (
            f"N{case // 2}",
            f"S{case}",
            "left",
            "ifs",
            reader,
            15 + case + (reader == "B") * 0.5 * case,
        )
        for case in range(8)
        for reader in ("A", "B")
    ]
    between = study(readings_csv(rows, header)).spaces[0].between
    assert len(between.matrix.hips) == 8
    assert between.matrix.person_count == 4


def test_a_child_is_not_held_against_adult_cutoffs(readings_csv):
    header = ("case", "side", "kind", "reader", "value_mm", "age_years")
    rows = [
        (f"P{case}", "left", "ifs", reader, 14.0 + case, 10)
        for case in range(4)
        for reader in ("A", "B")
    ]
    pair = study(readings_csv(rows, header)).spaces[0].between.pairs[0]
    assert [item.cutoff_mm for item in pair.categories] == [14.9]


def test_kappa_of_a_worked_table():
    # 45 both below, 25 both above, 15 + 15 apart: observed 0.70, by chance 0.52, kappa 0.375.
    first = np.array([10.0] * 45 + [10.0] * 15 + [20.0] * 15 + [20.0] * 25)
    second = np.array([10.0] * 45 + [20.0] * 15 + [10.0] * 15 + [20.0] * 25)
    everyone = Cutoff(15.0, ("x",), np.ones(100, dtype=bool))
    found = category_agreement(first, second, np.arange(100), everyone)
    assert found.kappa.value == pytest.approx(0.375)
    assert found.share.value == pytest.approx(0.70)
    assert (found.both_at_or_below, found.both_above, found.disagree) == (45, 25, 30)


def test_kappa_has_no_interval_where_one_reading_is_on_one_side_throughout():
    first, second = np.full(6, 20.0), np.array([20.0, 21.0, 10.0, 22.0, 23.0, 24.0])
    found = category_agreement(first, second, np.arange(6), Cutoff(15.0, (), np.ones(6, bool)))
    assert found.kappa.value == 0.0
    assert found.kappa.interval is None
    assert "one side" in found.kappa.note


def test_kappa_is_not_given_where_every_hip_is_on_one_side():
    values = np.linspace(20.0, 30.0, 8)
    found = category_agreement(values, values, np.arange(8), Cutoff(15.0, (), np.ones(8, bool)))
    assert isinstance(found.kappa, NotEstimable)
    assert found.kappa.reason == "one_category_only"
    assert found.share.value == 1.0


def test_the_file_holds_no_null_and_carries_the_notice(readings_csv):
    data = study_to_json(study(readings_csv(two_readers())))
    text = json.dumps(data, allow_nan=False)
    assert "null" not in text
    assert data["notice"] == NOTICE


def test_data_pdf_and_plots_are_written_and_never_over_older_ones(readings_csv, tmp_path):
    found = study(readings_csv(two_readers()))
    written = write_agreement(found, tmp_path / "out")
    names = {path.name for path in written}
    assert {"agreement.json", "agreement.pdf", "bland_altman_ifs_01_A_B.svg"} <= names
    assert (tmp_path / "out" / "agreement.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "out" / "bland_altman_ifs_01_A_B.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError, match="--overwrite"):
        write_agreement(found, tmp_path / "out")


def test_two_runs_write_the_same_bytes(readings_csv, tmp_path):
    found = study(readings_csv(two_readers()))
    for name in ("one", "two"):
        write_agreement(found, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_pdf_says_the_notice_and_what_could_not_be_given(readings_csv, tmp_path):
    from pypdf import PdfReader

    rows = [row for row in two_readers() if row[3] == "A"]
    write_agreement(study(readings_csv(rows)), tmp_path)
    reader = PdfReader(tmp_path / "agreement.pdf")
    text = " ".join(" ".join(page.extract_text().split()) for page in reader.pages)
    assert NOTICE in text
    assert "one reader only" in text


@pytest.mark.real_data
def test_the_two_readers_of_the_real_hips(real_readings, tmp_path):
    found = study(real_readings)
    ifs = found.spaces[0].between
    assert len(ifs.matrix.hips) == 5
    assert ifs.matrix.person_count == 4
    bias = ifs.pairs[0].differences.bias_mm
    # (19.9 - 20.6) + (15.5 - 16.9) + (29.9 - 29.5) + (26.0 - 26.7) + (23.6 - 23.7) = -2.5
    assert bias.value == pytest.approx(-0.5)
    assert any("Only 4 persons" in text for text in found.spaces[0].cautions)
    assert write_agreement(found, tmp_path / "out")


LONG = "x" * 149


def _study_of(readings_csv, readers):
    rows = [
        (f"P{n}", side, "ifs", reader, reading, 15 + n + 0.3 * ((n + 2 * number + reading) % 4))
        for n in range(6)
        for side in ("left", "right")
        for number, reader in enumerate(readers)
        for reading in ((1, 2) if number == 0 else (1,))
    ]
    return study_agreement(readings_from_table(read_table(readings_csv(rows))))


def _texts(sheet):
    return json.dumps(sheet.as_data(), ensure_ascii=False)


def _sheet_of(study):
    shown = as_shown(study)
    drawn = {
        id(pair): pair_charts(shown.spaces[0].kind, pair, f"{number:02d}")
        for number, pair in enumerate(
            [
                pair
                for item in (shown.spaces[0].between, *shown.spaces[0].within.values())
                if isinstance(item, Comparison)
                for pair in item.pairs
            ],
            start=1,
        )
    }
    return agreement_sheet(shown, drawn)


def test_long_names_are_short_on_paper_and_whole_in_the_data(readings_csv):
    study = _study_of(readings_csv, (LONG + "a", LONG + "b"))
    assert study_to_json(study)["spaces"]["ifs"]["readers"] == [LONG + "a", LONG + "b"]
    blocks = _sheet_of(study).as_data()["blocks"]
    headings = [block["text"] for block in blocks if block["kind"] == "heading"]
    drawn = [chart for block in blocks if block["kind"] == "charts" for chart in block["charts"]]
    words = [*headings, *(chart["title"] for chart in drawn)]
    words += [chart[axis]["label"] for chart in drawn for axis in "xy"]
    assert len(drawn) == 4
    assert max(len(word) for text in words for word in text.split()) <= 20
    assert "xxxxxxxx…xxxxxxa minus xxxxxxxx…xxxxxxb (12 hips)" in headings


def test_names_that_differ_in_the_middle_only_stay_apart():
    names = ["a" * 40 + middle + "z" * 40 for middle in "123"]
    short = shortened(names, 16)
    assert len(set(short.values())) == 3
    assert all(len(word) <= 16 for word in short.values())


def test_the_spread_of_the_differences_stands_between_bias_and_limits(readings_csv):
    study = _study_of(readings_csv, ("A", "B"))
    (pair,) = study.spaces[0].between.pairs
    tables = [block for block in _sheet_of(study).as_data()["blocks"] if block["kind"] == "table"]
    rows = next(block["rows"] for block in tables if block["header"][0] == "difference")
    assert rows[1][:2] == ["SD of differences (mm)", f"{pair.differences.sd_mm:.2f}"]


def test_plots_that_are_not_printed_are_named(readings_csv):
    few, many = (
        _texts(_sheet_of(_study_of(readings_csv, [f"R{n:02d}" for n in range(count)])))
        for count in (3, 12)
    )
    assert "are not printed here" not in few
    assert "The plots of these 66 pairs are not printed here" in many
    assert "identity_01.svg to identity_66.svg and bland_altman_01.svg to bland_altman_66" in many
