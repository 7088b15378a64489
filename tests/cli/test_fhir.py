"""A result as FHIR: what a kept library of the standard accepts, with the numbers of the result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from ifspace.notice import NOTICE
from ifspace.phantom import PhantomSpec, Size, write_phantom


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory):
    spec = PhantomSpec(size=Size.TINY, patient_name="Findme^Person")
    return write_phantom(tmp_path_factory.mktemp("fhir") / "study", spec)


def measured(ifspace, study, out: Path, *more: str) -> tuple[dict, dict]:
    """Measure as a user does; gives the bundle and the result beside it."""
    ran = ifspace(
        "measure", study.image_path, "--session", study.session_path, "-o", out,
        "--format", "json,fhir,manifest", "--reader", "ReaderName", *more,
    )  # fmt: skip
    assert ran.code in (0, 3), ran.err
    bundle = json.loads((out / "fhir.json").read_text())
    Bundle.model_validate(bundle)
    named = {item["name"] for item in json.loads((out / "manifest.json").read_text())["outputs"]}
    assert "fhir.json" in named
    return bundle, json.loads((out / "result.json").read_text())


def test_every_space_is_an_observation_with_its_number(ifspace, study, tmp_path: Path) -> None:
    bundle, result = measured(ifspace, study, tmp_path)
    found = [entry["resource"] for entry in bundle["entry"]]
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(found) == 4
    for item, outcome in zip(found, result["outcomes"], strict=True):
        length = item["valueQuantity"]
        assert length["value"] == outcome["value_mm"]
        assert (length["code"], length["system"]) == ("mm", "http://unitsofmeasure.org")
        assert item["status"] == ("final" if result["final"] else "preliminary")
        assert item["code"]["coding"][0]["code"] == outcome["kind"].upper()
        assert item["bodySite"]["text"].endswith(outcome["side"])
        parts = {part["code"]["text"]: part for part in item["component"]}
        side = parts["Laterality"]["valueCodeableConcept"]["text"]
        assert side.lower() == outcome["side"]
        half_width = parts["Half-width of the 95 % interval"]["valueQuantity"]
        assert half_width["value"] == outcome["u95_mm"]
        (link,) = item["derivedFrom"]
        assert link["identifier"]["value"] == f"urn:oid:{study.study_uid}"
        assert item["note"] == [{"text": NOTICE}]
        assert "interpretation" not in item


def test_only_a_signed_reading_is_final(ifspace, study, tmp_path: Path) -> None:
    draft, _ = measured(ifspace, study, tmp_path / "draft")
    signed, result = measured(ifspace, study, tmp_path / "signed", "--sign")
    assert {entry["resource"]["status"] for entry in draft["entry"]} == {"preliminary"}
    expected = "final" if result["final"] else "preliminary"
    assert {entry["resource"]["status"] for entry in signed["entry"]} == {expected}
    assert result["final"]
    assert all("issued" in entry["resource"] for entry in signed["entry"])


def test_what_was_not_measured_says_why(ifspace, study, tmp_path: Path) -> None:
    data = json.loads(study.session_path.read_text())
    data["marks"] = [mark for mark in data["marks"] if mark["mark"] != "hamstring_superolateral"]
    (tmp_path / "s.json").write_text(json.dumps(data))
    ran = ifspace(
        "measure", study.image_path, "--session", tmp_path / "s.json", "-o", tmp_path / "o",
        "--format", "fhir",
    )  # fmt: skip
    assert ran.code == 3
    bundle = json.loads((tmp_path / "o" / "fhir.json").read_text())
    Bundle.model_validate(bundle)
    missing = [
        item["resource"] for item in bundle["entry"] if "valueQuantity" not in item["resource"]
    ]
    assert len(missing) == 2
    for item in missing:
        codes = [coding["code"] for coding in item["dataAbsentReason"]["coding"]]
        assert codes == ["not-performed", "mark_missing"]


def test_deidentified_observations_name_nobody(ifspace, study, tmp_path: Path) -> None:
    plain, _ = measured(ifspace, study, tmp_path / "plain")
    measured(ifspace, study, tmp_path / "hidden", "--deidentify")
    assert "ReaderName" in str(plain)
    text = (tmp_path / "hidden" / "fhir.json").read_text()
    for word in ("Findme", "ReaderName", study.study_uid, study.series_uid):
        assert word not in text
    assert "Findme" not in str(plain)


def test_the_library_refuses_what_is_none(ifspace, study, tmp_path: Path) -> None:
    bundle, _ = measured(ifspace, study, tmp_path)
    bundle["entry"][0]["resource"]["status"] = "perhaps"
    bundle["entry"][0]["resource"]["valueQuantity"]["value"] = "much"
    with pytest.raises(ValidationError):
        Bundle.model_validate(bundle)
