"""De-identified cohorts: keyed names, the same for every run and shard with one key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.batch.conftest import PLAIN, Told, Undisturbed, files_below

from ifspace.batch import Request, Shard, merge_outputs, run_batch
from ifspace.batch.ledger import open_ledger
from ifspace.batch.pseudonyms import read_key
from ifspace.errors import OutputError, UnreadableInputError
from ifspace.io import open_study
from ifspace.phantom import PhantomSpec, Size, write_phantom

KEY = "11" * 32
WITH_KEY = replace(PLAIN, deidentify=True, key=KEY)


@pytest.fixture(scope="module")
def hidden(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a de-identified run over the cohort wrote."""
    out = tmp_path_factory.mktemp("hidden") / "out"
    run_batch(Request(undisturbed.root, out, WITH_KEY), Told())
    return out


def uids_of(root: Path) -> set[str]:
    """Give the UIDs of every study and series below a folder."""
    with open_study(root) as inventory:
        series = [item.series for item in inventory.ranked]
    return {
        str(uid)
        for item in series
        for uid in (item.study_instance_uid, item.series_instance_uid, item.frame_of_reference_uid)
        if uid
    }


def test_no_uid_of_the_images_and_no_plain_name_is_left(
    undisturbed: Undisturbed, hidden: Path
) -> None:
    uids = uids_of(undisturbed.root)
    plain_names = {path.name for path in (undisturbed.out / "studies").iterdir()}
    assert len(uids) > 6
    for name, content in files_below(hidden).items():
        for text in uids | plain_names:
            assert text.encode() not in content, name
            assert text not in name


def test_the_numbers_stay_the_same(undisturbed: Undisturbed, hidden: Path) -> None:
    def values(out: Path) -> list[str]:
        lines = (out / "measurements.csv").read_text().splitlines()
        column = lines[0].split(",").index("value_mm")
        return sorted(line.split(",")[column] for line in lines[1:])

    assert values(hidden) == values(undisturbed.out)


@pytest.mark.slow
def test_shards_with_one_key_give_the_bytes_of_one_run(
    undisturbed: Undisturbed, hidden: Path, tmp_path: Path
) -> None:
    for number in (1, 2):
        request = Request(
            undisturbed.root, tmp_path / str(number), WITH_KEY, shard=Shard(number, 2)
        )
        run_batch(request, Told())
    merge_outputs([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert files_below(tmp_path / "merged") == files_below(hidden)


@pytest.mark.slow
def test_a_key_that_the_run_drew_is_used_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    root = undisturbed.root / "d"
    request = Request(root, tmp_path / "out", replace(PLAIN, deidentify=True))
    run_batch(request, Told())
    before = files_below(tmp_path / "out")
    assert run_batch(request, Told()).measured_now == 0
    assert files_below(tmp_path / "out") == before


def test_key_reader_and_names_of_folders_stay_out_of_the_output(tmp_path: Path) -> None:
    write_phantom(tmp_path / "raw" / "Doe_Jane", PhantomSpec(size=Size.TINY))
    marks = tmp_path / "raw" / "Doe_Jane" / "session.json"
    data = json.loads(marks.read_text())
    marks.write_text(json.dumps(data | {"reader": "RealReader"}))
    out, safe = tmp_path / "out", tmp_path / "safe"
    plan = replace(PLAIN, deidentify=True, formats=("json", "session", "manifest", "pdf", "sr"))
    request = Request(tmp_path / "raw", out, plan, ledger_folder=safe)
    run_batch(request, Told())
    assert (safe / "out.ledger.sqlite").stat().st_mode & 0o777 == 0o600
    with open_ledger(out, safe, create=False) as ledger:
        key = ledger.meta("key")
        places = {file.place for file in ledger.files_of_kind("image")}
    assert key
    assert places
    merge_outputs([out], tmp_path / "merged", safe)
    assert (safe / "merged.ledger.sqlite").stat().st_mode & 0o777 == 0o600
    for folder in (out, tmp_path / "merged"):
        written = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.stat().st_mode & 0o077 for path in written} == {0}
        for path in written:
            for word in (key, "Doe_Jane", "RealReader", *places):
                assert word.encode() not in path.read_bytes(), path
    assert files_below(tmp_path / "merged") == files_below(out)
    assert run_batch(request, Told()).measured_now == 0
    for wrong in (replace(request, ledger_folder=None), replace(request, plan=PLAIN)):
        with pytest.raises(OutputError, match=r"not their ledger|another key, or not at all"):
            run_batch(wrong, Told())


def test_another_key_or_none_needs_another_folder(undisturbed: Undisturbed, hidden: Path) -> None:
    for plan in (PLAIN, replace(WITH_KEY, key="22" * 32)):
        with pytest.raises(OutputError, match="another key, or not at all"):
            run_batch(Request(undisturbed.root, hidden, plan), Told())


def test_a_key_is_long_random_text(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("secret")
    with pytest.raises(UnreadableInputError, match="at least 32"):
        read_key(tmp_path / "short")
    (tmp_path / "long").write_text("a1" * 32 + "\n")
    assert read_key(tmp_path / "long") == read_key(tmp_path / "long")
    assert len(bytes.fromhex(read_key(tmp_path / "long"))) == 32


def test_shards_without_a_common_key_are_refused(ifspace, tmp_path: Path) -> None:
    ran = ifspace("batch", tmp_path, "-o", tmp_path / "o", "--shard", "1/2", "--deidentify")
    assert ran.code == 2
    assert "needs --key-file" in ran.err
