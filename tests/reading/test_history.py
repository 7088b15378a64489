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
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.edits import empty_state
from ifspace.reading.history import changed, changes, flat, state_of
from ifspace.reading.journal import Journal, replay, retire, unfinished
from ifspace.reading.steps import STEPS

At = Callable[[float, float, float], SlicePoint]


def edit_at_random(controller: ReadingController, dice: random.Random) -> None:
    """One edit of any kind, on any slice."""
    k, j, i = dice.randrange(6), dice.uniform(0, 99), dice.uniform(0, 139)
    kind = dice.randrange(9)
    if kind < 3:
        controller.active_step.choose(dice.choice(STEPS))
        controller.active_step.keep_levels = dice.random() < 0.5
        controller.place(SlicePoint(k, pixel_lps_mm(PLAIN, (k, j, i))))
    elif kind == 3:
        controller.nudge(dice.uniform(-3, 3), dice.uniform(-3, 3))
    elif kind == 4:
        controller.confirm(everything=dice.random() < 0.3)
    elif kind == 5:
        controller.unconfirm(everything=dice.random() < 0.5)
    elif kind == 6:
        controller.remove_selected()
    elif kind == 7:
        controller.notes.note_finding(
            dice.choice(list(Side)), "qf_oedema", dice.choice(["none", "mild", None])
        )
    else:
        controller.notes.set_level_end(dice.choice(list(Side)), k, first=dice.random() < 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_random_edits_are_all_undone_and_all_redone(volume: Volume, seed: int) -> None:
    controller, dice = ReadingController(volume, reader="A"), random.Random(seed)
    start = flat(controller.state)
    for _ in range(200):
        edit_at_random(controller, dice)
    end = flat(controller.state)
    while controller.history.can_undo:
        controller.undo()
    assert flat(controller.state) == start
    while controller.history.can_redo:
        controller.redo()
    assert flat(controller.state) == end


@pytest.mark.parametrize("seed", range(3))
def test_the_log_gives_back_the_last_state_with_its_undo(volume: Volume, seed: int) -> None:
    controller, dice = ReadingController(volume, reader="A"), random.Random(seed)
    for _ in range(80):
        edit_at_random(controller, dice)
        if dice.random() < 0.2:
            controller.undo()
        if dice.random() < 0.1:
            controller.redo()
    end = flat(controller.state)
    controller.journal.release()
    found = unfinished(volume)
    assert found is not None
    assert flat(found.history.state) == end
    while controller.history.undo() is not None:
        assert found.history.undo() is not None
        assert flat(found.history.state) == flat(controller.state)
    assert found.history.undo() is None


def test_a_new_edit_after_undo_forgets_the_undone(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.undo()
    controller.place(spot(2, 41, 80))
    assert not controller.history.can_redo
    assert len(controller.session.marks) == 1


def test_the_log_says_when_which_mark_from_to_and_by_whom(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    controller.nudge(0.0, 1.0)
    controller.journal.release()
    _, _, moved = [json.loads(line) for line in controller.journal.path.read_text().splitlines()]
    assert moved["by"] == "A"
    assert moved["action"] == "move right ischium"
    assert moved["at"].endswith("+00:00")
    before, after = moved["changes"]["reading/0/mark/right/ischium_lateral/0"]
    # One column of 0.6 mm to the patient's left.
    assert after["position_lps_mm"][0] - before["position_lps_mm"][0] == pytest.approx(0.6)


def test_a_state_survives_its_flat_spelling(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.notes.note_finding(Side.LEFT, "qf_fat", "2")
    controller.notes.note_acquisition("hip_rotation", "neutral")
    controller.readings.begin_second("B")
    assert flat(state_of(flat(controller.state))) == flat(controller.state)


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
from ifspace.reading.controller import ReadingController
from ifspace.reading.history import flat
from tests.conftest import PLAIN, make_volume
from tests.reading.test_history import edit_at_random
import json
controller, dice = ReadingController(make_volume(PLAIN), reader="A"), random.Random(7)
for number in range(200):
    edit_at_random(controller, dice)
    if number == 120:
        print(json.dumps(flat(controller.state)), flush=True)
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
    found = unfinished(volume)
    assert found is not None
    assert flat(found.history.state) == json.loads(done.stdout)
    # Going on writes into the same log, and the next crash recovers both parts.
    controller = ReadingController(volume, recovered=found)
    controller.notes.set_reader("B")
    end = flat(controller.state)
    controller.journal.release()
    again = unfinished(volume)
    assert again is not None
    assert again.path == found.path
    assert flat(again.history.state) == end


def test_a_torn_last_line_costs_only_itself(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    kept = flat(controller.state)
    controller.place(spot(2, 40, 50))
    controller.journal.release()
    whole = controller.journal.path.read_bytes()
    controller.journal.path.write_bytes(whole[:-25])
    found = replay(controller.journal.path)
    assert found is not None
    assert flat(found.history.state) == kept


def test_a_closed_log_is_not_offered_again(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.journal.close("saved")
    assert unfinished(controller.volume) is None


def test_a_declined_recovery_is_not_offered_again(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.journal.release()
    found = unfinished(controller.volume)
    assert found is not None
    retire(found, "started afresh")
    assert unfinished(controller.volume) is None


def test_the_log_of_another_series_is_not_offered(controller: ReadingController, spot: At) -> None:
    controller.place(spot(2, 40, 80))
    controller.journal.release()
    series = replace(controller.volume.series, series_instance_uid="1.9")
    assert unfinished(replace(controller.volume, series=series)) is None


def test_the_log_of_a_running_process_is_left_alone(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    controller.journal.release()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        import psutil

        lines = controller.journal.path.read_text().splitlines()
        head = json.loads(lines[0])
        head |= {"process": other.pid, "process_started": psutil.Process(other.pid).create_time()}
        controller.journal.path.write_text("\n".join([json.dumps(head), *lines[1:]]) + "\n")
        assert unfinished(controller.volume) is None
        other.kill()
    assert unfinished(controller.volume) is not None


def test_the_log_of_another_window_of_this_process_is_left_alone(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    assert unfinished(controller.volume) is None
    controller.journal.release()
    assert unfinished(controller.volume) is not None


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.history import flat
from ifspace.reading.journal import replay
from tests.conftest import PLAIN, make_volume, pixel_lps_mm
controller = ReadingController(make_volume(PLAIN), reader="A")
said = []
controller.said.connect(lambda words, warning: said.append(words))
controller.place(SlicePoint(2, pixel_lps_mm(PLAIN, (2, 40, 80))))
size = controller.journal.path.stat().st_size
# The kernel refuses to let any file grow beyond this: what a full disk does.
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
controller.place(SlicePoint(2, pixel_lps_mm(PLAIN, (2, 40, 50))))
assert controller.journal.problem and "could not be saved" in controller.journal.problem, said
assert any("could not be saved" in words for words in said)
assert len(controller.session.marks) == 2
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
controller.notes.set_reader("B")
assert controller.journal.problem is None
resource.setrlimit(resource.RLIMIT_FSIZE, (controller.journal.path.stat().st_size, -1))
controller.notes.set_reader("C")
assert controller.journal.problem
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
# No further edit: who leaves now has lost nothing.
controller.journal.sync()
assert controller.journal.problem is None
controller.journal.release()
assert flat(replay(controller.journal.path).history.state) == flat(controller.state)
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
    journal = Journal(volume, state, blocked / "below")
    journal.record("edit", "nothing", state, state)
    assert journal.problem is not None
    assert "save the session to another place" in journal.problem


def test_the_log_holds_nothing_but_what_was_decided(
    controller: ReadingController, spot: At
) -> None:
    controller.place(spot(2, 40, 80))
    controller.journal.release()
    head = json.loads(controller.journal.path.read_text().splitlines()[0])
    assert set(head) == {"schema", "software", "at", "process", "process_started", "state"}
    assert "1.2.2" not in controller.journal.path.name
