"""A ledger that somebody else wrote names nothing outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ifspace import __version__
from ifspace.batch import CaseOutcome, Status, merge_outputs
from ifspace.batch.ledger import Case, FileRow, open_ledger
from ifspace.batch.places import name_of
from ifspace.errors import OutputError, UnsafePathError


@pytest.mark.parametrize(
    ("case_id", "file"), [("../../../deep/evil", "result.json"), ("a", "../../../secret")]
)
def test_a_ledger_of_somebody_else_cannot_name_files_outside(
    case_id: str, file: str, tmp_path: Path
) -> None:
    part, merged = tmp_path / "part", tmp_path / "deep" / "merged"
    (tmp_path / "secret").write_text("secret")
    with open_ledger(part) as ledger:
        for key, value in (("settings", "x"), ("settings_sha256", "x"), ("version", __version__)):
            ledger.set_meta(key, value)
        case = Case(case_id, "a", "a", None, 1, None, None, "s")
        ledger.add_files("a", [FileRow("a", "", 1, 1, "image", "a")])
        ledger.add_case(case)
        ledger.record(case, CaseOutcome(case_id, Status.MEASURED, files=(file,)), "x")
    outside = {path for path in tmp_path.rglob("*") if part not in path.parents}
    with pytest.raises(UnsafePathError):
        merge_outputs([part], merged)
    new = {path for path in tmp_path.rglob("*") if part not in path.parents} - outside
    assert all(path.is_relative_to(merged) or path == merged.parent for path in new)
    assert not list(merged.rglob("secret"))


@pytest.mark.parametrize("place", ["../x", "/etc/passwd", "a/../../x", "%2E%2E/x"])
def test_a_place_in_a_ledger_stays_below_its_folder(place: str) -> None:
    with pytest.raises(UnsafePathError):
        name_of(place)


def test_a_key_that_an_earlier_version_left_in_the_output_leaves_it(tmp_path: Path) -> None:
    out, apart = tmp_path / "out", tmp_path / "out.ledger.sqlite"
    with open_ledger(out) as ledger:
        ledger.set_meta("key", "secret")
    assert (out / "ledger.sqlite").stat().st_mode & 0o777 == 0o600
    (out / "ledger.sqlite").chmod(0o644)
    (out / "studies").mkdir()
    with open_ledger(out, private=True) as ledger:
        assert ledger.meta("key") == "secret"
    assert apart.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in out.iterdir()] == ["studies"]
    # Without it the names of a new run would belong to no earlier result.
    apart.unlink()
    with pytest.raises(OutputError, match="not their ledger"), open_ledger(out, private=True):
        pass
