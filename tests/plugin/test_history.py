from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.model import Side, Volume
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import changed, changes, flat, state_of
from napari_ifspace.journal import Journal, replay, retire, unfinished
from napari_ifspace.reading import empty_state
from napari_ifspace.steps import STEPS

At = Callable[[float, float, float], Spot]


def edit_at_random(desk: Desk, dice: random.Random) -> None:
    """One edit of any kind, on any slice."""
    k, j, i = dice.randrange(6), dice.uniform(0, 99), dice.uniform(0, 139)
    kind = dice.randrange(9)
    if kind < 3:
        desk.hand.choose(dice.choice(STEPS))
        desk.hand.keep_levels = dice.random() < 0.5
        desk.place(Spot(k, pixel_lps_mm(PLAIN, (k, j, i))))
    elif kind == 3:
        desk.nudge(dice.uniform(-3, 3), dice.uniform(-3, 3))
    elif kind == 4:
        desk.confirm(everything=dice.random() < 0.3)
    elif kind == 5:
        desk.unconfirm(everything=dice.random() < 0.5)
    elif kind == 6:
        desk.remove_selected()
    elif kind == 7:
        desk.notes.note_finding(
            dice.choice(list(Side)), "qf_oedema", dice.choice(["none", "mild", None])
        )
    else:
        desk.notes.set_level_end(dice.choice(list(Side)), k, first=dice.random() < 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_random_edits_are_all_undone_and_all_redone(volume: Volume, seed: int) -> None:
    desk, dice = Desk(volume, reader="A"), random.Random(seed)
    start = flat(desk.state)
    for _ in range(200):
        edit_at_random(desk, dice)
    end = flat(desk.state)
    while desk.history.can_undo:
        desk.undo()
    assert flat(desk.state) == start
    while desk.history.can_redo:
        desk.redo()
    assert flat(desk.state) == end


@pytest.mark.parametrize("seed", range(3))
def test_the_log_gives_back_the_last_state_with_its_undo(volume: Volume, seed: int) -> None:
    desk, dice = Desk(volume, reader="A"), random.Random(seed)
    for _ in range(80):
        edit_at_random(desk, dice)
        if dice.random() < 0.2:
            desk.undo()
        if dice.random() < 0.1:
            desk.redo()
    end = flat(desk.state)
    desk.journal.release()
    found = unfinished(volume.series)
    assert found is not None
    assert flat(found.history.state) == end
    while desk.history.undo() is not None:
        assert found.history.undo() is not None
        assert flat(found.history.state) == flat(desk.state)
    assert found.history.undo() is None


def test_a_new_edit_after_undo_forgets_the_undone(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.undo()
    desk.place(spot(2, 41, 80))
    assert not desk.history.can_redo
    assert len(desk.session.marks) == 1


def test_the_log_says_when_which_mark_from_to_and_by_whom(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.nudge(0.0, 1.0)
    desk.journal.release()
    _, _, moved = [json.loads(line) for line in desk.journal.path.read_text().splitlines()]
    assert moved["by"] == "A"
    assert moved["action"] == "move right ischium"
    assert moved["at"].endswith("+00:00")
    before, after = moved["changes"]["reading/0/mark/right/ischium_lateral/0"]
    # One column of 0.6 mm to the patient's left.
    assert after["position_lps_mm"][0] - before["position_lps_mm"][0] == pytest.approx(0.6)


def test_a_state_survives_its_flat_spelling(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.notes.note_finding(Side.LEFT, "qf_fat", "2")
    desk.notes.note_acquisition("hip_rotation", "neutral")
    desk.begin_second_reading("B")
    assert flat(state_of(flat(desk.state))) == flat(desk.state)


def test_a_file_without_uids_has_a_state_too() -> None:
    volume = make_volume(
        PLAIN, study_instance_uid=None, series_instance_uid=None, frame_of_reference_uid=None
    )
    state = empty_state(volume, None)
    assert flat(state_of(flat(state))) == flat(state)


def test_changes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="not what the log says"):
        changed({"a": 1}, {"a": [2, 3]})
    assert changed({"a": 1}, changes({"a": 1}, {"b": 2})) == {"b": 2}


KILLED = """
import os, random, signal, sys
sys.path.insert(0, sys.argv[1])
from napari_ifspace.desk import Desk
from napari_ifspace.history import flat
from tests.conftest import PLAIN, make_volume
from tests.plugin.test_history import edit_at_random
import json
desk, dice = Desk(make_volume(PLAIN), reader="A"), random.Random(7)
for number in range(200):
    edit_at_random(desk, dice)
    if number == 120:
        print(json.dumps(flat(desk.state)), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_exactly_its_last_state(volume: Volume) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = unfinished(volume.series)
    assert found is not None
    assert flat(found.history.state) == json.loads(done.stdout)
    # Going on writes into the same log, and the next crash recovers both parts.
    desk = Desk(volume, recovered=found)
    desk.notes.set_reader("B")
    end = flat(desk.state)
    desk.journal.release()
    again = unfinished(volume.series)
    assert again is not None
    assert again.path == found.path
    assert flat(again.history.state) == end


def test_a_torn_last_line_costs_only_itself(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    kept = flat(desk.state)
    desk.place(spot(2, 40, 50))
    desk.journal.release()
    whole = desk.journal.path.read_bytes()
    desk.journal.path.write_bytes(whole[:-25])
    found = replay(desk.journal.path)
    assert found is not None
    assert flat(found.history.state) == kept


def test_a_closed_log_is_not_offered_again(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.journal.close("saved")
    assert unfinished(desk.volume.series) is None


def test_a_declined_recovery_is_not_offered_again(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.journal.release()
    found = unfinished(desk.volume.series)
    assert found is not None
    retire(found, "started afresh")
    assert unfinished(desk.volume.series) is None


def test_the_log_of_another_series_is_not_offered(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.journal.release()
    assert unfinished(replace(desk.volume.series, series_instance_uid="1.9")) is None


def test_the_log_of_a_running_process_is_left_alone(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.journal.release()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        import psutil

        lines = desk.journal.path.read_text().splitlines()
        head = json.loads(lines[0])
        head |= {"process": other.pid, "process_started": psutil.Process(other.pid).create_time()}
        desk.journal.path.write_text("\n".join([json.dumps(head), *lines[1:]]) + "\n")
        assert unfinished(desk.volume.series) is None
        other.kill()
    assert unfinished(desk.volume.series) is not None


def test_the_log_of_another_window_of_this_process_is_left_alone(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    assert unfinished(desk.volume.series) is None
    desk.journal.release()
    assert unfinished(desk.volume.series) is not None


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.history import flat
from napari_ifspace.journal import replay
from tests.conftest import PLAIN, make_volume, pixel_lps_mm
desk = Desk(make_volume(PLAIN), reader="A")
said = []
desk.said.connect(lambda words, warning: said.append(words))
desk.place(Spot(2, pixel_lps_mm(PLAIN, (2, 40, 80))))
size = desk.journal.path.stat().st_size
# The kernel refuses to let any file grow beyond this: what a full disk does.
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
desk.place(Spot(2, pixel_lps_mm(PLAIN, (2, 40, 50))))
assert desk.journal.problem and "could not be saved" in desk.journal.problem, said
assert any("could not be saved" in words for words in said)
assert len(desk.session.marks) == 2
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
desk.notes.set_reader("B")
assert desk.journal.problem is None
resource.setrlimit(resource.RLIMIT_FSIZE, (desk.journal.path.stat().st_size, -1))
desk.notes.set_reader("C")
assert desk.journal.problem
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
# No further edit: who leaves now has lost nothing.
desk.journal.sync()
assert desk.journal.problem is None
desk.journal.release()
assert flat(replay(desk.journal.path).history.state) == flat(desk.state)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit to set")
def test_a_full_disk_loses_no_mark_and_is_made_up_for() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL_DISK, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_made_is_told(volume: Volume, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    state = empty_state(volume, "A")
    journal = Journal(volume.series, state, blocked / "below")
    journal.record("edit", "nothing", state, state)
    assert journal.problem is not None
    assert "save the session to another place" in journal.problem


def test_the_log_holds_nothing_but_what_was_decided(desk: Desk, spot: At) -> None:
    desk.place(spot(2, 40, 80))
    desk.journal.release()
    head = json.loads(desk.journal.path.read_text().splitlines()[0])
    assert set(head) == {"schema", "software", "at", "process", "process_started", "state"}
    assert "1.2.2" not in desk.journal.path.name
