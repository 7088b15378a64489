"""The OHIF viewer beside an Orthanc, in a headless browser: what a reader would see.

Study list, study, report, its lines drawn over the image, "continue tracking?", the panel of
measurements row by row, and one line dragged by its end. What is on the screen is compared with
``result.json``, which the viewer never saw.
"""

from __future__ import annotations

import http.client
import http.server
import json
import math
import mimetypes
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import LIMIT_S

from ifspace.export import export
from ifspace.io.session import read_session
from ifspace.workflow import Settings, assess_study, load_study

OHIF = Path(__file__).parents[2] / ".cache" / "interop" / "ohif-3.13.2"
SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "interop" / "screenshots"
LOOPBACK = "127.0.0.1"

MM_TOLERANCE = 0.1
PLACE_TOLERANCE_MM = 0.05
DRAWN_TOLERANCE_PX = 2.0

CONFIG = """window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 2, investigationalUseDialog: {option: 'never'},
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false,
  strictZSpacingForVolumeViewport: true, defaultDataSourceName: 'here',
  dataSources: [{namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'here', configuration: {friendlyName: 'here', name: 'here',
    qidoRoot: '/dicom-web', wadoRoot: '/dicom-web', wadoUriRoot: '/dicom-web',
    qidoSupportsIncludeField: false, supportsFuzzyMatching: false, supportsWildcard: false,
    enableStudyLazyLoad: true, imageRendering: 'wadors', thumbnailRendering: 'wadors',
    omitQuotationForMultipartRequest: true, bulkDataURI: {enabled: true}}}]};"""

# A first-time visitor is shown round; a reader has seen it.
NO_TOUR = "localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']))"

REPORT_STATE = """uid => { const found = services.displaySetService.getActiveDisplaySets()
  .find(d => d.Modality === 'SR' && d.SeriesInstanceUID === uid);
  return found ?
    {id: found.displaySetInstanceUID, lines: (found.measurements || []).length} : null }"""
MEASUREMENTS = """() => services.measurementService.getMeasurements().map(m => ({uid: m.uid,
  sop: m.SOPInstanceUID, frame: m.frameNumber || 1, points: m.points.map(p => Array.from(p))}))"""
ACTIVE = """const v = services.cornerstoneViewportService.getCornerstoneViewport(
  services.viewportGridService.getActiveViewportId());"""
IMAGE_ID = (
    "() => {" + ACTIVE + " try { return v.getCurrentImageId() || '' } catch (e) { return '' } }"
)
ON_CANVAS = (
    "points => {" + ACTIVE + " const r = v.element.getBoundingClientRect();"
    " return points.map(p => Array.from(v.worldToCanvas(p)))"
    ".map(([x, y]) => ({x, y, pageX: x + r.left, pageY: y + r.top,"
    " inside: x >= 0 && y >= 0 && x <= r.width && y <= r.height})) }"
)
DRAWN = """() => ({
  texts: [...document.querySelectorAll('[data-cy=viewport-pane] svg.svg-layer text')].map(t =>
    [...t.querySelectorAll('tspan')].map(s => s.textContent.trim()).filter(Boolean)),
  lines: [...document.querySelectorAll('[data-cy=viewport-pane] svg.svg-layer line')].map(l =>
    ['x1', 'y1', 'x2', 'y2'].map(k => Number(l.getAttribute(k))))})"""


class Site:
    """The viewer's files and the archive's DICOMweb from one origin."""

    def __init__(self, orthanc: Any) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                try:
                    self.answer(*self.content())
                except OSError:
                    self.close_connection = True

            def content(self) -> tuple[int, str, bytes]:
                if self.path.startswith("/dicom-web/"):
                    archive = http.client.HTTPConnection(
                        LOOPBACK, orthanc.web_port, timeout=LIMIT_S
                    )
                    archive.request(
                        "GET",
                        self.path,
                        headers={
                            "Authorization": orthanc.authorization,
                            "Accept": self.headers.get("Accept", "*/*"),
                            "Host": self.headers["Host"],
                        },
                    )
                    found = archive.getresponse()
                    content = found.read()
                    archive.close()
                    return found.status, found.getheader("Content-Type", ""), content
                name = self.path.split("?")[0].lstrip("/")
                if name == "app-config.js":
                    return 200, "text/javascript", CONFIG.encode()
                file = OHIF / name
                if not (name and ".." not in name and file.is_file()):
                    file = OHIF / "index.html"
                kind = {".wasm": "application/wasm", ".js": "text/javascript"}.get(file.suffix)
                guessed = mimetypes.guess_type(file.name)[0]
                return 200, kind or guessed or "application/octet-stream", file.read_bytes()

            def answer(self, status: int, kind: str, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cross-Origin-Opener-Policy", "same-origin")
                self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
                self.end_headers()
                self.wfile.write(content)

        self.server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://{LOOPBACK}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def browser(find_program, tmp_path_factory) -> Iterator[Any]:
    """Start a browser without a window that knows no other machine."""
    chromium = find_program("chromium", "/usr/bin/chromium")
    if not (OHIF / "index.html").is_file():
        pytest.skip("NOT PROVEN HERE: the OHIF viewer is missing; run tests/interop/setup.sh")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("NOT PROVEN HERE: playwright is missing; run tests/interop/setup.sh")
    home = str(tmp_path_factory.mktemp("home"))
    with sync_playwright() as player:
        opened = player.chromium.launch(
            executable_path=chromium,
            env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home},
            args=[
                "--no-sandbox",
                "--use-gl=angle",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                "--disable-dev-shm-usage",
                f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {LOOPBACK}",
            ],
        )
        yield opened
        opened.close()


class Reader:
    """Somebody in front of the viewer."""

    def __init__(self, browser: Any, address: str, name: str) -> None:
        self.context = browser.new_context(
            viewport={"width": 1600, "height": 900}, service_workers="block"
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * LIMIT_S)
        self.page.add_init_script(NO_TOUR)
        self.address = address
        self.folder = SCREENSHOTS / re.sub(r"\W+", "_", name)
        self.folder.mkdir(parents=True, exist_ok=True)

    def wait(self, ready: Callable[[], Any]) -> Any:
        """Look again and again until there is something."""
        end = time.monotonic() + LIMIT_S
        while not (found := ready()) and time.monotonic() < end:
            self.page.wait_for_timeout(150)
        return found

    def photograph(self, name: str) -> None:
        self.page.screenshot(path=str(self.folder / f"{name}.png"))

    def by_name(self, name: str) -> Any:
        return self.page.locator(f'[data-cy="{name}"]')

    def sees_in_list(self, text: str) -> bool:
        self.page.goto(self.address + "/")
        body = self.page.locator("body")
        return bool(self.wait(lambda: text in body.inner_text()))

    def open_study(self, study_uid: str) -> None:
        self.page.goto(f"{self.address}/viewer?StudyInstanceUIDs={study_uid}")
        self.by_name("viewport-overlay-bottom-right").first.wait_for()
        ready = "() => Boolean(window.services && services.displaySetService)"
        assert self.wait(lambda: self.page.evaluate(ready))

    def open_report(self, study_uid: str, series_uid: str) -> int:
        """Open the study, then the report in it; gives the number of lines it announces."""
        self.open_study(study_uid)
        if self.by_name("trackedMeasurements-btn").count():
            self.by_name("trackedMeasurements-btn").first.click()
        state = self.wait(lambda: self.page.evaluate(REPORT_STATE, series_uid))
        assert state, "the report is not in the study"
        picture = self.page.locator(f'[id="thumbnail-{state["id"]}"]')
        assert self.wait(lambda: picture.count())
        picture.first.dblclick()
        self.wait(lambda: self.by_name("yes-hydrate-btn").count())
        self.page.wait_for_timeout(400)
        return int(self.page.evaluate(REPORT_STATE, series_uid)["lines"])

    def accept(self, expected: int) -> list[dict[str, Any]]:
        """Answer "continue tracking measurements?" with yes; gives what was loaded."""
        self.by_name("yes-hydrate-btn").first.click()
        rows = self.page.locator('[data-cy^="measurement-table-row-"]')
        self.wait(lambda: rows.count() >= expected)
        self.page.wait_for_timeout(500)
        return list(self.page.evaluate(MEASUREMENTS))

    def go_to(self, row: int) -> list[str]:
        """Click a row of the panel; gives its texts once its image is shown."""
        place = self.by_name(f"measurement-table-row-{row}")
        place.locator('[data-cy="data-row"]').first.click()
        self.wait(lambda: self.page.evaluate(DRAWN)["texts"])
        self.page.wait_for_timeout(500)
        return [text.strip() for text in place.first.inner_text().splitlines() if text.strip()]

    def drag_end(self, points: list[list[float]]) -> None:
        """Take the second end of a line and pull it along the line."""
        start, end = self.page.evaluate(ON_CANVAS, points)
        self.page.mouse.move(end["pageX"], end["pageY"])
        self.page.wait_for_timeout(250)
        self.page.mouse.down()
        for step in range(1, 9):
            self.page.mouse.move(
                end["pageX"] + (end["x"] - start["x"]) * step / 10,
                end["pageY"] + (end["y"] - start["y"]) * step / 10,
            )
            self.page.wait_for_timeout(40)
        self.page.mouse.up()
        self.page.wait_for_timeout(600)


def millimetres(texts: list[str]) -> float | None:
    """Find "12.3 mm" among texts, alone or behind a colon."""
    for text in texts:
        found = re.fullmatch(r"(?:.*:)?\s*(\d+(?:\.\d+)?) mm", text)
        if found:
            return float(found[1])
    return None


def same_line(one: list[list[float]], other: list[list[float]]) -> float:
    """Give how far the ends of two lines lie apart, whichever end comes first."""
    forward = max(math.dist(one[0], other[0]), math.dist(one[1], other[1]))
    backward = max(math.dist(one[0], other[1]), math.dist(one[1], other[0]))
    return min(forward, backward)


NAMES = {"ifs": "Ischiofemoral space", "qfs": "Quadratus femoris space"}


def expected_lines(result_json: Path) -> dict[str, dict[str, Any]]:
    """Read from the result what has to be seen, by the title of its row."""
    outcomes = json.loads(result_json.read_text())["outcomes"]
    return {
        f"{NAMES[item['kind']]}, {item['side']}": item
        for item in outcomes
        if item["status"] == "measured"
    }


CASES = [
    "classic, one not measured",
    "enhanced",
    "oblique",
    "not square",
    "left only",
    "right only",
    "final, Korean name",
]


@pytest.mark.parametrize("name", CASES)
def test_a_reader_sees_every_line_and_can_edit_it(name, written, orthanc, browser) -> None:
    import pydicom

    study = written(name)
    for path in [*study.files(), study.out / "sr.dcm"]:
        orthanc.store(path)
    report = pydicom.dcmread(study.out / "sr.dcm")
    expected = expected_lines(study.out / "result.json")
    site = Site(orthanc)
    reader = Reader(browser, site.address, name)
    try:
        assert reader.sees_in_list(str(report.PatientID))
        lines = reader.open_report(str(report.StudyInstanceUID), str(report.SeriesInstanceUID))
        reader.photograph("1_report_opened")
        assert lines == len(expected)
        if name != "not square":
            check_first_preview(reader, expected)
        loaded = reader.accept(len(expected))
        reader.photograph("2_measurements_loaded")
        assert len(loaded) == len(expected)
        seen = {}
        for row in range(len(expected)):
            texts = reader.go_to(row)
            title = next(text for text in texts if text in expected)
            seen[title] = loaded[row]
            check_row(reader, expected[title], loaded[row], texts)
            reader.photograph(f"3_{title.replace(', ', '_').replace(' ', '_')}")
        assert set(seen) == set(expected)
        check_sides(seen)
        check_edit(reader, loaded[-1])
        reader.photograph("4_dragged")
    finally:
        reader.photograph("9_last")
        reader.context.close()
        site.close()


def test_a_study_with_large_series_numbers_opens_on_its_images(
    written, orthanc, browser, tmp_path
) -> None:
    """All objects that are written by default lie beside the images, as in a hospital's archive."""
    import pydicom

    images = tmp_path / "images"
    images.mkdir()
    for path in written("classic, one not measured").files():
        image = pydicom.dcmread(path)
        image.SeriesNumber = 542409
        image.save_as(images / path.name)
    out = tmp_path / "out"
    session = read_session(written("classic, one not measured").out / "session.json")
    with load_study(images, hint=session.series_instance_uid) as study:
        export(study, assess_study(study, session, Settings()), out)
    objects = sorted(out.glob("*.dcm"))
    assert len(objects) >= 4
    for path in [*sorted(images.iterdir()), *objects]:
        orthanc.store(path)
    site = Site(orthanc)
    reader = Reader(browser, site.address, "large series numbers")
    try:
        reader.open_study(str(session.study_instance_uid))
        shown = reader.wait(lambda: reader.page.evaluate(IMAGE_ID))
        reader.photograph("opened")
        assert f"/series/{session.series_instance_uid}/" in shown
    finally:
        reader.context.close()
        site.close()


def check_first_preview(reader: Reader, expected: dict[str, Any]) -> None:
    """The first line is drawn at once where it was measured, with its name and its mm."""

    def titles_drawn() -> list[str]:
        texts = [text for found in reader.page.evaluate(DRAWN)["texts"] for text in found]
        return [text for text in texts if text.rstrip(":") in expected]

    titles = reader.wait(titles_drawn)
    drawn = reader.page.evaluate(DRAWN)
    assert titles, drawn["texts"]
    line = expected[titles[0].rstrip(":")]
    texts = next(texts for texts in drawn["texts"] if titles[0] in texts)
    assert millimetres(texts) == pytest.approx(line["value_mm"], abs=MM_TOLERANCE)
    ends = reader.page.evaluate(ON_CANVAS, [line["start_lps_mm"], line["end_lps_mm"]])
    wanted = [[end["x"], end["y"]] for end in ends]
    gaps = [same_line(wanted, [found[:2], found[2:]]) for found in drawn["lines"]]
    assert min(gaps, default=math.inf) <= DRAWN_TOLERANCE_PX
    image = reader.page.evaluate(IMAGE_ID)
    assert f"/instances/{line['sop_instance_uid']}/" in image


def check_row(
    reader: Reader, line: dict[str, Any], loaded: dict[str, Any], texts: list[str]
) -> None:
    """The row and the image say the right mm, and the line lies where it was measured."""
    assert millimetres(texts) == pytest.approx(line["value_mm"], abs=MM_TOLERANCE)
    on_image = [millimetres(found) for found in reader.page.evaluate(DRAWN)["texts"]]
    assert any(value == pytest.approx(line["value_mm"], abs=MM_TOLERANCE) for value in on_image)
    wanted = [line["start_lps_mm"], line["end_lps_mm"]]
    assert same_line(loaded["points"], wanted) <= PLACE_TOLERANCE_MM
    assert all(end["inside"] for end in reader.page.evaluate(ON_CANVAS, wanted))


def check_sides(seen: dict[str, Any]) -> None:
    """In patient coordinates the right lies at smaller x than the left."""
    x_mm = {
        side: [m["points"][0][0] for title, m in seen.items() if title.endswith(side)]
        for side in ("left", "right")
    }
    if x_mm["left"] and x_mm["right"]:
        assert max(x_mm["right"]) < min(x_mm["left"])


def check_edit(reader: Reader, last: dict[str, Any]) -> None:
    """A line can be edited: its end follows the mouse and it gets longer."""
    reader.drag_end(last["points"])

    def is_longer() -> bool:
        after = next(m for m in reader.page.evaluate(MEASUREMENTS) if m["uid"] == last["uid"])
        return math.dist(*after["points"]) > math.dist(*last["points"]) + 0.5

    assert reader.wait(is_longer)
