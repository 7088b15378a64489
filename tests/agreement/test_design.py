"""The blinded reading list."""

from __future__ import annotations

import csv
import itertools

import pytest

from ifspace.agreement import (
    hips_from_table,
    plan_readings,
    readings_from_table,
    study_agreement,
    unblind,
    write_agreement,
    write_plan,
)
from ifspace.errors import UnreadableInputError
from ifspace.model import Kind
from ifspace.tables import csv_bytes, read_table

HIPS = tuple((f"P{n}", f"P{n}", side) for n in range(10) for side in ("right", "left"))


def test_every_reader_reads_every_hip_as_often_as_asked():
    plan = plan_readings(HIPS, ("A", "B"), repeats=2, seed=1)
    for reader in ("A", "B"):
        own = [(e.case, e.side, e.reading) for e in plan.entries if e.reader == reader]
        assert sorted(own) == sorted((c, s, r) for _, c, s in HIPS for r in (1, 2))


def test_the_same_seed_makes_the_same_list_and_another_one_does_not():
    assert plan_readings(HIPS, ("A",), repeats=2, seed=5) == plan_readings(
        HIPS, ("A",), repeats=2, seed=5
    )
    assert (
        plan_readings(HIPS, ("A",), repeats=2, seed=5).entries
        != plan_readings(HIPS, ("A",), repeats=2, seed=6).entries
    )


def test_readers_get_different_orders():
    plan = plan_readings(HIPS, ("A", "B"), repeats=1, seed=1)
    orders = [[(e.case, e.side) for e in plan.entries if e.reader == r] for r in ("A", "B")]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_hip_does_not_come_back_before_a_quarter_of_the_others(seed):
    plan = plan_readings(HIPS, ("A",), repeats=3, seed=seed)
    places = {}
    for entry in plan.entries:
        places.setdefault((entry.case, entry.side), []).append(entry.position)
    gaps = [b - a for held in places.values() for a, b in itertools.pairwise(held)]
    assert min(gaps) >= 5


def test_the_list_of_a_reader_names_no_case_and_no_repeat(tmp_path):
    plan = plan_readings(HIPS, ("A", "B"), repeats=2, seed=1)
    write_plan(plan, tmp_path)
    with (tmp_path / "list_01.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert set(rows[0]) == {"position", "code", "side", "ifs_mm", "qfs_mm", "remark"}
    assert len({row["code"] for row in rows}) == 40
    assert not any("P" in row["code"] for row in rows)


def fill(folder, name, value_of):
    with (folder / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(value_of(row) for row in rows)


def test_filled_lists_and_their_key_become_the_readings(tmp_path):
    plan = plan_readings(HIPS, ("A", "B"), repeats=2, seed=1)
    write_plan(plan, tmp_path)
    truth = {one.code: 10.0 + int(one.case[1:]) for one in plan.entries}
    for name in ("list_01.csv", "list_02.csv"):
        fill(tmp_path, name, lambda row: {**row, "ifs_mm": truth[row["code"]]})
    found = readings_from_table(unblind(tmp_path, tmp_path / "key.csv"))
    assert not found.problems
    given = [item for item in found.readings if item.value_mm is not None]
    assert len(given) == 2 * 2 * len(HIPS)
    assert all(item.value_mm == 10.0 + int(item.hip.case[1:]) for item in given)
    assert {item.kind for item in given} == {Kind.IFS}


def test_a_list_of_another_plan_is_refused(tmp_path):
    for name, readers in (("one", ("A",)), ("two", ("C",))):
        write_plan(plan_readings(HIPS, readers, repeats=1, seed=1), tmp_path / name)
    with pytest.raises(UnreadableInputError, match="not in key"):
        unblind(tmp_path / "one", tmp_path / "two" / "key.csv")


def test_a_table_without_sides_means_both_hips(tmp_path):
    path = tmp_path / "hips.csv"
    path.write_text("case,side\nP1,\nP2,left\n")
    assert hips_from_table(read_table(path)) == (
        ("P1", "P1", "right"),
        ("P1", "P1", "left"),
        ("P2", "P2", "left"),
    )


def test_a_side_that_is_none_is_refused(tmp_path):
    path = tmp_path / "hips.csv"
    path.write_text("case,side\nP1,up\n")
    with pytest.raises(UnreadableInputError, match="row 2"):
        hips_from_table(read_table(path))


@pytest.mark.parametrize(("word", "side"), [("L", "left"), ("r", "right"), ("Right", "right")])
def test_sides_are_written_as_in_every_table(tmp_path, word, side):
    path = tmp_path / "hips.csv"
    path.write_text(f"case,side\nP1,{word}\n")
    assert hips_from_table(read_table(path)) == (("P1", "P1", side),)


def test_the_hash_is_that_of_the_readings_and_not_of_the_key(tmp_path):
    write_plan(plan_readings(HIPS, ("A", "B"), repeats=1, seed=1), tmp_path)
    hashes = []
    for value_mm in (12.0, 13.0):
        for name in ("list_01.csv", "list_02.csv"):
            fill(tmp_path, name, lambda row, mm=value_mm: {**row, "ifs_mm": mm})
        table = unblind(tmp_path, tmp_path / "key.csv")
        study = study_agreement(readings_from_table(table))
        write_agreement(study, tmp_path / "out", unblinded=table, overwrite=True)
        assert read_table(tmp_path / "out" / "readings.csv").sha256 == table.sha256
        hashes.append(table.sha256)
    assert hashes[0] != hashes[1]


def test_a_decimal_comma_in_a_list_is_refused_and_not_cut_off(tmp_path):
    write_plan(plan_readings(HIPS, ("A",), repeats=1, seed=1), tmp_path)
    path = tmp_path / "list_01.csv"
    path.write_text(path.read_text().replace(",,,", ",12,5,,", 1))
    with pytest.raises(UnreadableInputError, match="row 2: the row has 7 cells"):
        unblind(tmp_path, tmp_path / "key.csv")


def test_names_that_a_spreadsheet_would_run_are_marked_and_come_back_the_same(tmp_path):
    hips = tuple((f"=SUM(A{n})", f"@case{n}", "left") for n in range(5))
    plan = plan_readings(hips, ("+A", "-B"), repeats=1, seed=1)
    write_plan(plan, tmp_path)
    for path in (*tmp_path.glob("list_*.csv"), tmp_path / "key.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert not [cell for line in csv.reader(file) for cell in line if cell[:1] in {*"=+-@"}]
    for number in (1, 2):
        fill(tmp_path, f"list_{number:02d}.csv", lambda row: {**row, "ifs_mm": "15.5"})
    table = unblind(tmp_path, tmp_path / "key.csv")
    study = study_agreement(readings_from_table(table))
    write_agreement(study, tmp_path / "out", unblinded=table)
    kept = read_table(tmp_path / "out" / "readings.csv")
    assert kept.sha256 == table.sha256
    assert {row.cells["person"][:2] for row in kept.rows} == {"'="}
    for readings in (readings_from_table(table), readings_from_table(kept)):
        assert {item.reader for item in readings.readings} == {"+A", "-B"}
        assert {(item.hip.person, item.hip.case) for item in readings.readings} == {
            hip[:2] for hip in hips
        }


def test_a_length_below_zero_is_kept_as_it_was_written():
    assert csv_bytes(("value_mm", "remark"), [("-3.5", "-x")]) == b"value_mm,remark\r\n-3.5,'-x\r\n"
