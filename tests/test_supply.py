"""What the risk table names exists, and what is installed may be installed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("lock-*.txt"))


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "licences", ROOT / "docs" / "scripts" / "licences.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _listed() -> dict[str, str]:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", page, re.M)[1:])


def test_every_hazard_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "risks.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(tests/[^`]+)`", row.split(" | ")[-1])
        assert named, row
        assert not [name for name in named if not (ROOT / name).is_file()]


def test_no_package_that_ifspace_needs_is_under_the_gpl(licences: ModuleType) -> None:
    here = tuple(extra for extra in licences.EXTRAS if extra != "napari")
    stated = {n: licences.licence_of(n) for n in licences.closure("ifspace", here)} | _listed()
    assert "numpy" in stated
    assert "pyside6-essentials" in stated
    assert not {n: text for n, text in stated.items() if not licences.is_permitted(text)}


@pytest.mark.parametrize(
    ("licence", "permitted"),
    [
        ("MIT", True),
        ("LGPL-3.0-only OR GPL-2.0-only", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND AGPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("GNU Affero General Public License v3", False),
        ("not stated", False),
    ],
)
def test_the_gpl_is_told_from_the_lgpl(licences: ModuleType, licence: str, permitted: bool) -> None:
    assert licences.is_permitted(licence) is permitted


def test_there_is_a_lock_for_every_python_with_and_without_the_window() -> None:
    wanted = [f"lock-{extra}3.{minor}.txt" for extra in ("", "napari-") for minor in (11, 12, 13)]
    assert [path.name for path in LOCKS] == sorted(wanted)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_every_package_with_hashes(lock: Path, licences: ModuleType) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "//" not in text
    packages = re.split(r"\n(?! )", text.strip())
    names = {entry.split("==")[0].split("[")[0] for entry in packages}
    assert all("==" in entry and "--hash=sha256:" in entry for entry in packages)
    assert names <= set(_listed())
    direct = licences.direct("ifspace", ("", "napari") if "napari" in lock.name else ("",))
    assert direct <= names
