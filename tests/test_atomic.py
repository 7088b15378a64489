"""Files are whole or not there, whatever goes wrong, and for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ifspace.atomic import copy_file, whole_file, whole_folder, write_file, write_folder
from ifspace.errors import OutputError


@pytest.fixture(params=[0o022, 0o077, 0o277])
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_are_for_their_owner_and_less_where_the_umask_says_so(
    umask: int, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    write_file(tmp_path / "one", b"1")
    write_folder(tmp_path / "out", {"two": b"2"}, overwrite=False)
    copy_file(tmp_path / "one", tmp_path / "three")
    made = [tmp_path / "one", tmp_path / "out" / "two", tmp_path / "three"]
    assert [mode(path) for path in made] == [0o600 & ~umask] * 3


def test_a_writer_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    write_file(tmp_path / "one", b"older")
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "one") as file:
        file.write(b"half" + bytes(1 // 0))
    assert (tmp_path / "one").read_bytes() == b"older"
    assert names(tmp_path) == ["one"]


def test_an_older_file_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    write_file(tmp_path / "one", b"older")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "one", b"newer", overwrite=False)
    assert (tmp_path / "one").read_bytes() == b"older"
    assert names(tmp_path) == ["one"]


def test_where_there_are_no_links_an_older_file_is_kept_too(tmp_path: Path, monkeypatch) -> None:
    def no_links(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    write_file(tmp_path / "one", b"first", overwrite=False)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "one", b"second", overwrite=False)
    write_folder(tmp_path, {"one": b"third", "two": b"2"}, overwrite=True)
    assert (tmp_path / "one").read_bytes() == b"third"
    assert names(tmp_path) == ["one", "two"]


def test_a_folder_that_fails_halfway_has_its_older_files_back(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": b"older a", "b": b"older b"}, overwrite=False)
    # A folder with content has the name of the last file.
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "inside").write_bytes(b"")
    with pytest.raises(OutputError, match="the reports cannot be written"):
        write_folder(tmp_path, {"a": b"new", "m": b"new", "z": b"new"}, overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"older a"
    assert names(tmp_path) == ["a", "b", "z"]


def test_a_name_that_was_not_written_again_is_gone(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": b"", "b": b""}, overwrite=False)
    with whole_folder(tmp_path, ["a", "b"], overwrite=True) as stage:
        write_file(stage / "a", b"new")
    assert names(tmp_path) == ["a"]


def test_a_folder_that_nothing_came_into_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out", ["a"], overwrite=False):
        raise RuntimeError
    assert names(tmp_path) == []


def test_a_copy_keeps_the_time_where_asked(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x")
    os.utime(tmp_path / "old", ns=(10**18, 10**18))
    copy_file(tmp_path / "old", tmp_path / "new", keep_time=True)
    assert (tmp_path / "new").stat().st_mtime_ns == 10**18
