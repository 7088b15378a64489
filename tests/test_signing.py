"""A signature stands as long as nothing that was signed is changed, and no longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume, pixel_lps_mm

from ifspace.errors import SessionError
from ifspace.io.session import session_from_json, session_to_json
from ifspace.model import (
    FlagCode,
    Mark,
    MarkName,
    MarkState,
    Session,
    Side,
    Signature,
    StudyResult,
    Volume,
)
from ifspace.signing import broken_entry, problems_of_session, with_act
from ifspace.workflow import Settings, assess, sign

AT = "2026-03-01T10:00:00+00:00"


@pytest.fixture(scope="module")
def volume() -> Volume:
    return make_volume(PLAIN)


@pytest.fixture(scope="module")
def unsigned() -> Session:
    def mark(name: MarkName, row: int, column: int) -> Mark:
        place = pixel_lps_mm(PLAIN, (2, row, column))
        return Mark(name, Side.LEFT, place, MarkState.CONFIRMED)

    ischium, trochanter = (
        mark(MarkName.ISCHIUM_LATERAL, 50, 90), mark(MarkName.LESSER_TROCHANTER_MEDIAL, 50, 115),
    )  # fmt: skip
    return Session("1.2.1", "1.2.2", "1.2.4", reader="A", marks=(ischium, trochanter))


@pytest.fixture(scope="module")
def signed(unsigned: Session, volume: Volume) -> Session:
    return sign(unsigned, volume, "A", AT, role="radiologist")


def left_out(result: StudyResult) -> str:
    return " ".join(
        flag.detail for flag in result.flags if flag.code == FlagCode.SIGNATURE_LEFT_OUT
    )


def through_its_file(session: Session) -> Session:
    return session_from_json(json.loads(json.dumps(session_to_json(session))))


def test_a_signature_stands_after_writing_and_reading(signed: Session, volume: Volume) -> None:
    result = assess(volume, through_its_file(signed))
    assert result.is_final
    assert left_out(result) == ""
    written = session_to_json(result.session)["signature"]
    assert list(written) == ["reader", "role", "signed_at", "sha256"]
    assert (written["reader"], written["role"], written["signed_at"]) == ("A", "radiologist", AT)
    assert written["sha256"].startswith("sha256:")


def _moved(data: dict[str, Any]) -> None:
    data["marks"][0]["position_lps_mm"][0] += 0.001


def _fewer(data: dict[str, Any]) -> None:
    del data["signature"]["role"]


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "a mark moved": _moved,
    "a finding": lambda data: data["findings"]["left"].update(qf_oedema="mild"),
    "the impression": lambda data: data.update(impression="other words"),
    "the position": lambda data: data["acquisition"].update(hip_rotation="neutral"),
    "the reader": lambda data: data["signature"].update(reader="B"),
    "the time": lambda data: data["signature"].update(signed_at="2026-03-02T10:00:00+00:00"),
    "the role": _fewer,
    "the published values": lambda data: data["signed_with"].update(evidence="sha256:0"),
    "the version": lambda data: data["signed_with"].update(software_version="9.9"),
    "the history": lambda data: data["history"][0].update(reader="B"),
    "no history": lambda data: data.pop("history"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_is_changed_after_signing_makes_a_draft(
    change: Callable[[dict[str, Any]], None], signed: Session, volume: Volume
) -> None:
    data = json.loads(json.dumps(session_to_json(signed)))
    change(data)
    changed = session_from_json(data)
    result = assess(volume, changed)
    assert not result.is_final
    assert result.session.signature is None
    assert "was left out: " in left_out(result)
    assert problems_of_session(changed)


def test_help_for_the_program_and_the_eye_is_not_signed(signed: Session, volume: Volume) -> None:
    assert assess(volume, replace(signed, outlines=())).is_final


def test_a_signature_of_version_1_is_left_out_with_a_sentence(
    unsigned: Session, volume: Volume
) -> None:
    earlier = replace(unsigned, signature=Signature("A", AT))
    result = assess(volume, earlier)
    assert not result.is_final
    assert "a file of version 1" in left_out(result)


def test_other_published_values_than_the_signed_ones_make_a_draft(
    signed: Session, volume: Volume
) -> None:
    ids = (assess(volume, signed).panel[0].evidence_id,)
    result = assess(volume, signed, Settings(evidence_ids=ids))
    assert not result.is_final
    assert "other published values" in left_out(result)
    again = sign(signed, volume, "A", AT, settings=Settings(evidence_ids=ids))
    assert assess(volume, again, Settings(evidence_ids=ids)).is_final


def test_what_is_not_confirmed_cannot_be_signed(unsigned: Session, volume: Volume) -> None:
    marks = (replace(unsigned.marks[0], state=MarkState.PLACED), unsigned.marks[1])
    with pytest.raises(SessionError, match="1 of 2 marks are not confirmed"):
        sign(replace(unsigned, marks=marks), volume, "A", AT)


def test_a_history_is_a_chain(signed: Session) -> None:
    longer = with_act(with_act(signed, "loaded", at=AT), "measured", at=AT)
    assert [entry.act for entry in longer.history] == ["signed", "loaded", "measured"]
    assert broken_entry(longer.history) is None
    assert problems_of_session(longer) == []
    first, second, third = longer.history
    assert second.previous == first.hash
    assert broken_entry((first, third)) == 2
    assert broken_entry((second, third)) == 1
    assert broken_entry((first, replace(second, what="nothing"), third)) == 2
    broken = replace(longer, history=(first, third))
    assert "entry 2" in problems_of_session(broken)[0]


def test_marks_of_a_session_keep_every_digit_that_was_signed(
    unsigned: Session, volume: Volume
) -> None:
    place = unsigned.marks[0].position_lps_mm + np.array([1 / 3, 1e-9, 0.0])
    marks = (replace(unsigned.marks[0], position_lps_mm=place), unsigned.marks[1])
    session = sign(replace(unsigned, marks=marks), volume, "A", AT)
    assert assess(volume, through_its_file(session)).is_final
