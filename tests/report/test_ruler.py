"""No word of a ruler touches another word or a line, however close the published values lie."""

import itertools

import pytest

from ifspace.report.references import number_references
from ifspace.report.ruler import GUTTER_MM, LENGTH_MM, lay_out, rulers, spread, width_mm
from ifspace.report.texts import load_texts

MEANS = [(13.0, "13.0 cases [1]"), (14.9, "14.9 cases [3]"), (23.0, "23.0 controls [1]")]
ON_TICKS = [(mm, f"{mm} cases [2]") for mm in (15.0, 20.0, 25.0)]
CLOSE = {
    3: [15.0, 17.0, 18.0],
    5: [15.0, 15.4, 17.0, 17.8, 18.0],
    8: [14.9, 15.0, 15.1, 15.2, 15.3, 15.4, 15.5, 15.6],
    12: [7.0 + 0.1 * number for number in range(12)],
}


def touches(word, stroke):
    """Tell whether a line comes closer than a hair to the box of a word (Liang and Barsky)."""
    reach = 0.1
    left, right = word.x_mm - reach, word.x_mm + word.width_mm + reach
    top, bottom = word.y_mm - reach, word.y_mm + word.height_mm + reach
    across, down = stroke.x2_mm - stroke.x1_mm, stroke.y2_mm - stroke.y1_mm
    enters, leaves = 0.0, 1.0
    for step, room in (
        (-across, stroke.x1_mm - left),
        (across, right - stroke.x1_mm),
        (-down, stroke.y1_mm - top),
        (down, bottom - stroke.y1_mm),
    ):
        if step == 0.0 and room < 0.0:
            return False
        if step < 0.0:
            enters = max(enters, room / step)
        elif step > 0.0:
            leaves = min(leaves, room / step)
    return enters <= leaves


def overlap(one, two):
    return (
        one.x_mm < two.x_mm + two.width_mm
        and two.x_mm < one.x_mm + one.width_mm
        and one.y_mm < two.y_mm + two.height_mm
        and two.y_mm < one.y_mm + one.height_mm
    )


@pytest.mark.parametrize("values_mm", [(11.0, 24.0), (15.0, 15.0), (7.1, 13.0), (2.0, 61.0)])
@pytest.mark.parametrize("count", CLOSE)
@pytest.mark.parametrize(
    "means", [[], MEANS, [(mm, f"{mm} cases [2]") for mm in (15.0, 20.0, 25.0)]]
)
def test_nothing_touches(values_mm, count, means):
    cutoffs = [(mm, f"{mm:g} [{number}]") for number, mm in enumerate(CLOSE[count], start=1)]
    sides = [(letter, value_mm, 2.0) for letter, value_mm in zip("RL", values_mm, strict=True)]
    drawn = lay_out(sides, cutoffs, means)
    for one, two in itertools.combinations(drawn.words, 2):
        assert not overlap(one, two), (one.words, two.words)
    for word, stroke in itertools.product(drawn.words, drawn.strokes):
        assert not touches(word, stroke), (word.words, stroke)
    lanes_mm = [(lane["low_mm"], lane["high_mm"]) for lane in drawn.lanes]
    beside = [word for word in drawn.words if word.bold]
    assert all(word.x_mm + word.width_mm < GUTTER_MM for word in beside)
    assert all(GUTTER_MM <= low <= high <= GUTTER_MM + LENGTH_MM for low, high in lanes_mm)
    for word in drawn.words:
        assert word.x_mm >= 0.0
        assert word.x_mm + word.width_mm <= GUTTER_MM + LENGTH_MM + 4.0
        assert word.y_mm + word.height_mm <= drawn.height_mm + 0.01


def test_boxes_that_have_room_stay_where_they_belong():
    assert spread([30.0, 60.0], [10.0, 10.0]) == [30.0, 60.0]


def test_boxes_that_want_the_same_place_share_it_evenly():
    left, right = spread([50.0, 50.0], [10.0, 10.0])
    assert (left + right) / 2.0 == pytest.approx(50.0)
    assert right - left > 10.0


def test_a_wider_word_is_measured_wider():
    assert width_mm("15.4 [2,3]") > width_mm("15.4 [2]") > 5.0


def test_a_ruler_cites_every_cutoff_and_names_a_group_mean(make_result):
    result = make_result()
    drawn = rulers(result, number_references(result), load_texts())
    words = {word["words"] for word in drawn[0]["words"]}
    assert {"15 [2]", "18 [6]", "13.0 cases [1]", "23.0 controls [1]", "R  13.0"} <= words
