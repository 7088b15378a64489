"""cohort.html: in words, and in a browser that is offline."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.batch.conftest import Told, Undisturbed, study
from tests.waiting import LIMIT_S

from ifspace.batch import BatchPlan, Request, Status, run_batch
from ifspace.batch.charts import Line, distributions, scatter
from ifspace.batch.cohort import Cohort, Summary, Value
from ifspace.batch.page import cohort_page, published_lines
from ifspace.model import Kind, Side
from ifspace.notice import NOTICE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def value(value_mm: float, side: Side = Side.LEFT, age: float | None = 50.0) -> Value:
    return Value(f"s-{value_mm}", Kind.IFS, side, value_mm, 1.0, age, "F")


class Tags(html.parser.HTMLParser):
    """Which addresses a page asks for, and whether its tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.scripts += tag == "script"
        self.addresses += [found for name, found in attrs if name in ("src", "href")]


def test_the_page_asks_for_nothing_but_the_reports(undisturbed: Undisturbed) -> None:
    tags = Tags((undisturbed.out / "cohort.html").read_text())
    assert tags.scripts == 0
    assert all(address.startswith(("data:", "studies/")) for address in tags.addresses)


def test_the_page_says_what_it_is_and_what_is_missing(undisturbed: Undisturbed) -> None:
    text = (undisturbed.out / "cohort.html").read_text()
    assert NOTICE in text
    assert "geometry_untrusted" in text
    assert "ischium_not_confirmed" in text
    assert "under 18" in text


def test_published_figures_are_labelled_as_such() -> None:
    lines = published_lines(Kind.IFS)
    assert all(line.says.startswith("published ") for line in lines)
    assert [line.letter for line in lines] == sorted(line.letter for line in lines)
    assert 15.0 in [line.value_mm for line in lines if line.is_cutoff]
    drawn = distributions([("Side", [("left", [value(12.0)])])], lines, "title")
    assert drawn.count('<path class="cutoff"') == sum(line.is_cutoff for line in lines)


def test_quartiles_are_those_of_numpy() -> None:
    # numpy.quantile([1, 2, 4, 8, 16], [.25, .5, .75]) = 2, 4, 8
    found = Summary.of([16.0, 1.0, 4.0, 2.0, 8.0])
    assert (found.first_quartile_mm, found.median_mm, found.third_quartile_mm) == (2.0, 4.0, 8.0)
    assert found.mean_mm == pytest.approx(6.2)


def test_many_hips_become_bars_and_few_stay_dots() -> None:
    few = distributions([("Side", [("left", [value(12.0)] * 5)])], [], "few")
    many = distributions([("Side", [("left", [value(12.0)] * 500)])], [], "many")
    assert (few.count("<circle"), few.count('class="bar"')) == (5, 0)
    assert (many.count("<circle"), many.count('class="bar"')) == (0, 1)


def test_a_dot_lies_on_its_own_side_of_a_cutoff() -> None:
    cutoff = Line("A", 15.4, is_cutoff=True, says="published cut-off")
    hips = [value(15.3), value(15.5)]
    drawn = distributions([("Side", [("left", hips)])], [cutoff], "few")
    line = float(re.search(r'class="cutoff" d="M([\d.]+)', drawn)[1])
    below, above = (float(x) for x in re.findall(r'class="dot" r="3.2" cx="([\d.]+)', drawn))
    assert below < line < above


def test_a_child_is_drawn_apart_from_adults() -> None:
    pair = (value(12.0, Side.RIGHT, age=9.0), value(14.0, age=9.0))
    assert 'class="dot child"' in scatter([pair], "title")


def test_children_stay_apart_where_many_hips_become_bars() -> None:
    hips = [value(12.0)] * 300 + [value(12.0, age=9.0)] * 100
    drawn = distributions([("Side", [("left", hips)])], [], "many")
    assert "12 to 13 mm: 300 hips</title>" in drawn
    assert "12 to 13 mm: 100 hips under 18</title>" in drawn
    assert drawn.count('class="bar child"') == 1


def test_cases_to_look_at_first_have_something_to_look_at(undisturbed: Undisturbed) -> None:
    text = (undisturbed.out / "cohort.html").read_text()
    # Three measured, one in part; of the two others there is nothing to see.
    assert text.count('<article class="case">') == 4


def test_the_table_of_every_case_has_its_head_on_every_printed_page(
    undisturbed: Undisturbed,
) -> None:
    text = (undisturbed.out / "cohort.html").read_text()
    _, _, table = text.partition("<h2>Every case</h2>")
    assert table.index("<thead>") < table.index("IFS right") < table.index("</thead>")


def test_an_empty_cohort_has_a_page_too(tmp_path: Path) -> None:
    text = cohort_page(Cohort(()), tmp_path)
    assert "No ischiofemoral space was measured" in text
    assert "No study was found" in text


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the page was looked at by nobody")
def test_the_page_opens_offline_without_a_word_on_the_console(tmp_path: Path) -> None:
    study(tmp_path / "root" / "a", "asymmetric")
    plan = BatchPlan(formats=("json", "png"))
    report = run_batch(Request(tmp_path / "root", tmp_path / "out", plan), Told())
    assert report.counts[Status.MEASURED] == 1
    assert "data:image/jpeg;base64," in (tmp_path / "out" / "cohort.html").read_text()
    log = tmp_path / "chromium.log"
    shot = tmp_path / "page.png"
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr", "--v=0", "--window-size=1100,1600",
        f"--screenshot={shot}", (tmp_path / "out" / "cohort.html").as_uri(),
    ]  # fmt: skip
    with log.open("wb") as stream:
        subprocess.run(command, stdout=stream, stderr=stream, timeout=LIMIT_S, check=True)
    assert shot.stat().st_size > 20_000
    assert not re.findall(r".*CONSOLE.*", log.read_text(errors="replace"))
