"""How a study comes onto the screen: the image first, then what belongs on it, then the level."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugin.hands import Window
from tests.waiting import LIMIT_S

from ifspace.io.session import read_session
from ifspace.landmarks import Proposal, propose
from ifspace.model import Mark, Reason, Refusal, Series, Side, Volume
from ifspace.phantom import PhantomSpec, PhantomTruth, write_phantom
from ifspace.reading import opening_level
from ifspace.reading.steps import STEPS, Step
from ifspace.reading.study import OpenStudy, open_path
from napari_ifspace import opening

pytestmark = pytest.mark.usefixtures("display")


@pytest.fixture(scope="module")
def study(phantom: PhantomTruth) -> OpenStudy:
    return open_path(phantom.image_path)


@pytest.fixture
def seeking() -> Iterator[Window]:
    """A window as the reader has it: it looks for the level of the lesser trochanter."""
    opened = Window(seeks_level=True)
    yield opened
    opened.answer = "Leave, recover later"
    opened.viewer.close()
    opened.hands.qWait(20)


@pytest.fixture(scope="module")
def proposal(study: OpenStudy) -> Proposal:
    """What the library finds in the phantom; found once, because it takes seconds."""
    return propose(study.volume)


class Gate:
    """Holds the answer of the search for the level back until it is let through."""

    def __init__(self, proposal: Proposal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer = opening_level.level_of(proposal)
        self.entered, self.open = threading.Event(), threading.Event()
        monkeypatch.setattr(opening, "opening_level", self.search)

    def search(self, _volume: Volume) -> opening_level.OpeningLevel:
        self.entered.set()
        assert self.open.wait(LIMIT_S)
        return self.answer


@pytest.fixture
def gate(proposal: Proposal, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(proposal, monkeypatch)


def idle(window: Window) -> bool:
    return window.dock.header.busy.isHidden()


def letters(window: Window) -> str:
    overlays = window.viewer.canvas.overlays
    names = [f"ifspace_{edge}" for edge in ("left", "right")]
    return "".join(overlays[name].text for name in names if name in overlays)


def test_the_image_comes_first_and_the_letters_at_once_after_it(
    window: Window, study: OpenStudy
) -> None:
    window.dock.opening.show_study(study)
    assert letters(window) == ""
    assert window.dock.viewer_layers.image in window.viewer.layers
    window.wait(lambda: letters(window) == "RL")
    assert set(window.dock.viewer_layers.drawing.layers) <= set(window.viewer.layers)


def test_a_click_before_the_letters_are_there_finds_them_there(
    window: Window, study: OpenStudy, true_marks: dict[Step, Mark]
) -> None:
    window.dock.opening.show_study(study)
    window.dock.opening._drawing_timer.stop()
    window.click(window.look_at(true_marks[STEPS[0]]))
    assert letters(window) == "RL"
    assert (
        len(window.dock.controller.session.marks)
        == len(window.dock.viewer_layers.drawing.marks.data)
        == 1
    )


def test_a_study_put_away_before_its_letters_leaves_nothing_behind(
    window: Window, study: OpenStudy
) -> None:
    window.dock.opening.show_study(study)
    window.dock.clear()
    window.hands.qWait(3 * opening.DRAWING_MS)
    assert letters(window) == ""
    assert not list(window.viewer.layers)


def test_a_new_study_opens_at_the_estimated_level_and_says_so(
    seeking: Window, study: OpenStudy, proposal: Proposal, gate: Gate
) -> None:
    seeking.dock.opening.show_study(study)
    middle = seeking.dock.viewer_layers.slice_index
    # Held back: on a busy machine it might be found before anybody reads that it is looked for.
    seeking.wait(gate.entered.is_set)
    assert "Looking for the level" in seeking.dock.message.text()
    assert not idle(seeking)
    gate.open.set()
    seeking.wait(lambda: idle(seeking))
    apexes = [proposal.sides[side].level.apex for side in (Side.RIGHT, Side.LEFT)]
    assert (
        seeking.dock.viewer_layers.slice_index == pytest.approx(sum(apexes) / 2, abs=0.5) != middle
    )
    assert f"slice {seeking.dock.viewer_layers.slice_index + 1}" in seeking.dock.message.text()
    assert f"right apex {apexes[0] + 1}, left apex {apexes[1] + 1}" in seeking.dock.message.text()
    assert seeking.dock.controller.session.marks == ()
    assert not seeking.dock.controller.session.level_range
    assert not seeking.dock.controller.unsaved


@pytest.mark.parametrize("begins", ["turns", "places"])
def test_a_reader_who_has_begun_is_left_alone(
    seeking: Window,
    phantom: PhantomTruth,
    true_marks: dict[Step, Mark],
    gate: Gate,
    begins: str,
) -> None:
    seeking.open(phantom.image_path)
    seeking.wait(gate.entered.is_set)
    dock = seeking.dock
    if begins == "turns":
        dock.viewer_layers.show_slice(2)
    else:
        seeking.click(seeking.look_at(true_marks[STEPS[0]]))
    here = dock.viewer_layers.slice_index
    gate.open.set()
    seeking.wait(lambda: idle(seeking))
    assert dock.viewer_layers.slice_index == here
    assert "esser trochanter …" not in dock.message.text()
    assert "Opened at" not in dock.message.text()


def test_on_images_of_one_hip_the_guide_begins_with_that_hip(
    seeking: Window, study: OpenStudy, proposal: Proposal, gate: Gate
) -> None:
    absent = Refusal(Reason.SIDE_NOT_SHOWN, "the images show the left hip only")
    gate.answer = opening_level.level_of(
        Proposal({Side.RIGHT: absent, Side.LEFT: proposal.sides[Side.LEFT]})
    )
    seeking.dock.opening.show_study(study)
    gate.open.set()
    seeking.wait(lambda: "Opened at" in seeking.dock.message.text())
    active_step, rows = seeking.dock.controller.active_step, seeking.dock.step_list.list
    assert active_step.step.side is Side.LEFT
    assert "the images show the left hip only" in seeking.dock.message.text()
    assert "Click the left ischium" in seeking.dock.message.text()
    skipped = [rows.item(row).text().endswith("(skipped)") for row in range(len(STEPS))]
    assert skipped == [step.side is Side.RIGHT for step in STEPS]
    active_step.choose(STEPS[0])
    assert active_step.step == STEPS[0]
    active_step.start_over()
    assert active_step.step.side is Side.LEFT


def test_the_level_of_a_study_put_away_turns_nothing(
    seeking: Window, phantom: PhantomTruth, tmp_path: Path, gate: Gate
) -> None:
    seeking.open(phantom.image_path)
    seeking.wait(gate.entered.is_set)
    other = write_phantom(tmp_path / "other", PhantomSpec(ifs_mm=14.0))
    seeking.dock.opening.seeks_level = False
    seeking.open(other.image_path)
    here = seeking.dock.viewer_layers.slice_index
    gate.open.set()
    seeking.wait(lambda: idle(seeking))
    assert seeking.dock.viewer_layers.slice_index == here
    assert "Opened at" not in seeking.dock.message.text()


def test_the_window_closes_while_the_level_is_looked_for(phantom: PhantomTruth, gate: Gate) -> None:
    window = Window(seeks_level=True)
    window.open(phantom.image_path)
    window.wait(gate.entered.is_set)
    assert window.window.close()
    assert window.asked == []
    gate.open.set()
    window.hands.qWait(300)


def test_of_two_studies_opened_at_once_the_last_one_stays(
    window: Window, phantom: PhantomTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_phantom(tmp_path / "other", PhantomSpec(ifs_mm=14.0))
    shown = threading.Event()

    def slow_first(path: Path, series: Series | None = None) -> OpenStudy:
        if path == phantom.image_path:
            assert shown.wait(LIMIT_S)
        return open_path(path, series)

    monkeypatch.setattr(opening, "open_path", slow_first)
    window.dock.open_path(phantom.image_path)
    window.dock.open_path(other.image_path)
    window.wait(lambda: window.dock.viewer_layers is not None)
    shown.set()
    window.wait(lambda: idle(window))
    assert window.dock.study.path == other.image_path


def test_a_session_with_marks_opens_where_they_are(
    seeking: Window, study: OpenStudy, phantom: PhantomTruth, gate: Gate
) -> None:
    seeking.dock.opening.show_study(study, read_session(phantom.session_path))
    seeking.wait(lambda: seeking.dock.viewer_layers.has_drawing)
    seeking.hands.qWait(2 * opening.DRAWING_MS)
    assert not gate.entered.is_set()


def test_where_no_level_is_found_the_reason_is_given() -> None:
    refusal = Refusal(Reason.FAT_SUPPRESSED, "the images look fat-suppressed")
    found = opening_level.level_of(Proposal(dict.fromkeys(Side, refusal)))
    assert found.slice_index is None
    assert found.words == (
        "The level of the lesser trochanter could not be estimated: the images look fat-suppressed."
    )


# The slices on which the readers of these series saw the lesser trochanter, counted from 0.
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ("sts_hip_t1/STS_048/MR_T1", range(44, 49)),
        ("sts_hip_t1/STS_046/MR_T1", range(61, 67)),
        ("ucec_pelvis_t2/C3N-01871.mha", range(4, 9)),
    ],
)
def test_a_real_study_opens_where_readers_saw_the_lesser_trochanter(
    place: str, seen: range, real_data: Path
) -> None:
    found = opening_level.opening_level(open_path(real_data / place).volume)
    assert found.slice_index in seen
