from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ifspace.errors import OutputError, SessionError
from ifspace.io.session import (
    read_session,
    session_from_json,
    session_schema,
    session_to_json,
    validate_session,
    write_session,
)
from ifspace.model import Mark, MarkName, MarkState, SeedName, Side, Signature, Source

EXAMPLE = {
    "schema": "ifspace-session/2",
    "study_instance_uid": "1.2.1",
    "series_instance_uid": "1.2.2",
    "frame_of_reference_uid": "1.2.3",
    "reader": "A",
    "marks": [
        {
            "mark": "ischium_lateral",
            "side": "left",
            "position_lps_mm": [44.4, 81.1, -190.94],
            "sop_instance_uid": "1.2.4",
            "state": "confirmed",
            "source": "human",
            "confidence": None,
        }
    ],
    "acquisition": {"hip_rotation": "unknown", "knee_bolster": "unknown"},
    "findings": {"left": {"qf_oedema": "none"}, "right": {}},
}
IMAGE = {"fingerprint": "sha256:" + 64 * "a"}


def changed(*path: object, value: object) -> dict[str, object]:
    """The example with one place changed."""
    data = deepcopy(EXAMPLE)
    place: object = data
    for key in path[:-1]:
        place = place[key]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    return data


def test_the_documented_example_is_read() -> None:
    session = session_from_json(EXAMPLE)
    mark = session.marks[0]
    assert (mark.name, mark.side) == (MarkName.ISCHIUM_LATERAL, Side.LEFT)
    assert mark.position_lps_mm.tolist() == [44.4, 81.1, -190.94]
    assert (mark.state, mark.source) == (MarkState.CONFIRMED, Source.HUMAN)
    assert session.findings[Side.LEFT] == {"qf_oedema": "none"}
    assert session.reader == "A"


def test_the_example_follows_the_published_schema() -> None:
    jsonschema.Draft202012Validator(session_schema()).validate(EXAMPLE)


def test_what_may_be_absent_may_be_absent() -> None:
    data = {key: EXAMPLE[key] for key in list(EXAMPLE)[:6]}
    data["marks"] = [
        {key: EXAMPLE["marks"][0][key] for key in ("mark", "side", "position_lps_mm", "state")}
    ]
    session = session_from_json(data)
    assert session.marks[0].sop_instance_uid is None
    assert session.seeds == ()
    assert session.signature is None


def test_a_session_survives_writing_and_reading(tmp_path: Path) -> None:
    data = {
        **EXAMPLE,
        "seeds": [{"mark": "femur_marrow", "side": "right", "position_lps_mm": [1.0, 2.5, 3.125]}],
        "level_range": {"left": ["1.2.4", "1.2.5"]},
        "signature": {"reader": "A", "signed_at": "2026-01-02T03:04:05Z"},
    }
    session = session_from_json(data)
    write_session(session, tmp_path / "deep" / "session.json")
    again = read_session(tmp_path / "deep" / "session.json")
    assert session_to_json(again) == session_to_json(session)
    assert again.seeds[0].name is SeedName.FEMUR_MARROW
    assert again.level_range == {Side.LEFT: ("1.2.4", "1.2.5")}
    assert again.signature == Signature("A", "2026-01-02T03:04:05Z")
    jsonschema.Draft202012Validator(session_schema()).validate(session_to_json(again))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["session.json"]


def test_a_session_of_version_1_is_read_and_written_as_version_2() -> None:
    session = session_from_json({**EXAMPLE, "schema": "ifspace-session/1"})
    assert session_to_json(session) == session_to_json(session_from_json(EXAMPLE))
    assert session_to_json(session)["schema"] == "ifspace-session/2"


def test_the_fingerprint_of_the_images_survives_writing_and_reading() -> None:
    image = {**IMAGE, "geometry": "sha256:" + 64 * "b", "shape_kji": [30, 141, 100]}
    for given_image in (IMAGE, image):
        session = session_from_json({**EXAMPLE, "image": given_image})
        assert session_to_json(session)["image"] == given_image
    assert session.image is not None
    assert session.image.shape_kji == (30, 141, 100)


def test_a_seed_may_be_named_by_seed() -> None:
    seed = {"seed": "ischium_marrow", "side": "left", "position_lps_mm": [1, 2, 3]}
    session = session_from_json({**EXAMPLE, "seeds": [seed]})
    assert session.seeds[0].name is SeedName.ISCHIUM_MARROW


def test_positions_keep_every_digit() -> None:
    place = [0.1 + 0.2, -1e-9, 123456.789012345]
    session = session_from_json(changed("marks", 0, "position_lps_mm", value=place))
    assert session_to_json(session)["marks"][0]["position_lps_mm"] == place


def test_a_proposed_mark_is_a_programs_unless_told() -> None:
    data = changed("marks", 0, "state", value="proposed")
    del data["marks"][0]["source"]
    assert session_from_json(data).marks[0].source is Source.PROGRAM


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (changed("schema", value="ifspace-session/3"), "this version reads"),
        (changed("marks", 0, "mark", value="tuberosity"), "marks.0.mark"),
        (changed("marks", 0, "side", value="L"), "marks.0.side"),
        (changed("marks", 0, "state", value="done"), "marks.0.state"),
        (changed("marks", 0, "position_lps_mm", value=[1.0, 2.0]), "marks.0.position_lps_mm"),
        (changed("marks", 0, "position_lps_mm", value=[1, 2, float("nan")]), "position_lps_mm.2"),
        (changed("marks", 0, "position_lps_mm", value=[1, 2, 1e400]), "position_lps_mm.2"),
        (changed("marks", 0, "position_lps_mm", value="here"), "marks.0.position_lps_mm"),
        (changed("marks", 0, "confidence", value=1.5), "marks.0.confidence"),
        (changed("marks", 0, "positon", value=[1, 2, 3]), "marks.0.positon"),
        (changed("reader", value=7), "reader"),
        ({**EXAMPLE, "image": {"fingerprint": "sha256:12"}}, "image.fingerprint"),
        ({**EXAMPLE, "schema": "ifspace-session/1", "image": IMAGE}, "image"),
        (changed("marks", value=None), "marks"),
        (changed("acquisition", "hip_rotation", value="sideways"), "hip_rotation"),
        (changed("acquisition", "shoe_size", value="42"), "shoe_size"),
        (changed("findings", "left", "qf_oedema", value="a lot"), "qf_oedema"),
        (changed("findings", "middle", value={}), "findings.middle"),
        (changed("level_range", value={"left": ["1.2"]}), "level_range.left"),
        (changed("seeds", value=[{"side": "left", "position_lps_mm": [1, 2, 3]}]), "seeds.0"),
        (
            {**EXAMPLE, "marks": [{**EXAMPLE["marks"][0], "state": "placed", "source": "program"}]},
            "program",
        ),
        ([], "the file"),
        ("text", "the file"),
        (None, "the file"),
    ],
)
def test_a_malformed_session_is_refused_and_the_place_named(data: object, place: str) -> None:
    assert any(place in sentence for sentence in validate_session(data)), validate_session(data)
    with pytest.raises(SessionError, match="not a valid session"):
        session_from_json(data)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"schema": NaN}',
        b"[" * 100_000,
        json.dumps(changed("marks", 0, "position_lps_mm", value=[1, 2, float("inf")])).encode(),
    ],
)
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "session.json"
    path.write_bytes(content)
    with pytest.raises(SessionError, match="not valid JSON"):
        read_session(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="cannot be read"):
        read_session(tmp_path / "absent.json")


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_session(session_from_json(EXAMPLE), blocked / "session.json")
    (tmp_path / "session.json").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_session(session_from_json(EXAMPLE), tmp_path / "session.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "session.json"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(EXAMPLE)) | st.just("seeds") | st.just("level_range"),
    JSON_VALUES,
)
def test_whatever_stands_in_a_session_it_is_read_or_refused(key: str, value: object) -> None:
    try:
        session = session_from_json({**EXAMPLE, key: value})
    except SessionError:
        return
    assert all(isinstance(mark, Mark) for mark in session.marks)
    assert all(np.isfinite(mark.position_lps_mm).all() for mark in session.marks)


def test_the_request_and_the_impression_are_kept() -> None:
    request = {
        "indication": "Deep gluteal pain",
        "painful_side": "left",
        "comparison": "MRI of 2024",
        "impression": "Narrow left space.",
    }
    session = session_from_json({**EXAMPLE, **request})
    assert session.impression == "Narrow left space."
    written = session_to_json(session)
    assert {key: written[key] for key in request} == request
    jsonschema.validate(written, session_schema())
    assert not set(request) & set(session_to_json(session_from_json(EXAMPLE)))
    assert validate_session({**EXAMPLE, "painful_side": "the left one"})
