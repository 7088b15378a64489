"""Headers that lie about anything end in a typed error or a result, never in anything else."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifspace.errors import IfspaceError
from ifspace.io import inventory_to_json, load_volume, open_study
from ifspace.quality import check

# A header as bytes, so that values no writer would accept get in: tag, VR, value.
_WORD = st.text(st.characters(codec="latin-1"), max_size=12).map(lambda t: t.encode("latin-1"))
_NUMBER = st.one_of(
    st.sampled_from(
        [b"", b"0", b"-1", b"NaN", b"inf", b"-inf", b"1e9", b"1e400", b"0.5", b"1", b"abc", b"1\\2",
         b"1\\0\\0\\0\\1\\0", b"0.5\\0.5", b"10\\20\\30", b"\\\\", b"\xff"]
    ),
    st.lists(st.floats(), max_size=7).map(lambda v: "\\".join(map(str, v)).encode()),
)  # fmt: skip
_COUNT = st.one_of(
    st.sampled_from([0, 1, 4, 8, 12, 16, 32, 255, 65535]).map(lambda v: v.to_bytes(2, "little")),
    st.binary(max_size=9),
)
_GOOD = {
    (0x0008, 0x0016): (b"UI", b"1.2.840.10008.5.1.4.1.1.4"),
    (0x0008, 0x0018): (b"UI", b"1.2.3.4"),
    (0x0020, 0x000D): (b"UI", b"1.2"),
    (0x0020, 0x000E): (b"UI", b"1.2.3"),
    (0x0020, 0x0032): (b"DS", b"1\\2\\3"),
    (0x0020, 0x0037): (b"DS", b"1\\0\\0\\0\\1\\0"),
    (0x0028, 0x0002): (b"US", b"\x01\x00"),
    (0x0028, 0x0004): (b"CS", b"MONOCHROME2"),
    (0x0028, 0x0010): (b"US", b"\x04\x00"),
    (0x0028, 0x0011): (b"US", b"\x04\x00"),
    (0x0028, 0x0030): (b"DS", b"0.5\\0.5"),
    (0x0028, 0x0100): (b"US", b"\x10\x00"),
    (0x0028, 0x0101): (b"US", b"\x10\x00"),
    (0x0028, 0x0102): (b"US", b"\x0f\x00"),
    (0x0028, 0x0103): (b"US", b"\x00\x00"),
}
_STRATEGY = {
    **dict.fromkeys((b"UI", b"CS", b"AS", b"DA", b"LO", b"SH"), _WORD),
    **dict.fromkeys((b"DS", b"IS"), _NUMBER),
    b"US": _COUNT,
    b"FD": st.binary(max_size=9),
}
_MORE = {
    (0x0008, 0x0005): b"CS", (0x0008, 0x0008): b"CS", (0x0008, 0x0020): b"DA",
    (0x0008, 0x0060): b"CS", (0x0008, 0x103E): b"LO", (0x0010, 0x0030): b"DA",
    (0x0010, 0x1010): b"AS", (0x0018, 0x0050): b"DS", (0x0018, 0x0080): b"DS",
    (0x0018, 0x0081): b"DS", (0x0018, 0x1310): b"US", (0x0018, 0x9087): b"FD",
    (0x0020, 0x0011): b"IS", (0x0020, 0x0013): b"IS", (0x0020, 0x0100): b"IS",
    (0x0028, 0x0008): b"IS", (0x0028, 0x1052): b"DS", (0x0028, 0x1053): b"DS",
}  # fmt: skip


def _file(
    values: dict[tuple[int, int], tuple[bytes, bytes]], pixels: bytes, syntax: bytes
) -> bytes:
    def element(tag: tuple[int, int], vr: bytes, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        head = tag[0].to_bytes(2, "little") + tag[1].to_bytes(2, "little") + vr
        return head + len(value).to_bytes(2, "little") + value

    meta = element((2, 0x10), b"UI", syntax)
    body = b"".join(element(tag, *values[tag]) for tag in sorted(values))
    data = b"\xe0\x7f\x10\x00OW\0\0" + len(pixels).to_bytes(4, "little") + pixels
    length = element((2, 0), b"UL", len(meta).to_bytes(4, "little"))
    return bytes(128) + b"DICM" + length + meta + body + data


@st.composite
def _hostile_file(draw: st.DrawFn) -> bytes:
    values = dict(_GOOD)
    for tag in draw(st.lists(st.sampled_from([*_GOOD, *_MORE]), min_size=1, max_size=4)):
        vr = _GOOD[tag][0] if tag in _GOOD else _MORE[tag]
        if draw(st.booleans()) or tag not in _GOOD:
            values[tag] = (vr, draw(_STRATEGY[vr]))
        else:
            values.pop(tag, None)
    syntax = draw(
        st.sampled_from(
            [b"1.2.840.10008.1.2.1"] * 6
            + [b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2",
               b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.4.80", b"9"]
        )
    )  # fmt: skip
    data = bytearray(_file(values, draw(st.sampled_from([bytes(32), b"", bytes(7)])), syntax))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(132, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.sampled_from([len(data)] * 5 + [len(data) // 2]))])


def _run(path: Path) -> None:
    """Do all that is done with an input; only our own errors may end it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open_study(path) as inventory:
                inventory_to_json(inventory)
                for item in inventory.ranked:
                    try:
                        volume = load_volume(item.series)
                    except IfspaceError:
                        continue
                    assert np.isfinite(volume.voxels).all()
                    check(volume)
        except IfspaceError:
            return


# The same examples on every run, so that a build does not fail by luck; a longer search with
# fresh ones: IFSPACE_FUZZ_EXAMPLES=20000 pytest tests/io/test_fuzz.py
_SEARCH = int(os.environ.get("IFSPACE_FUZZ_EXAMPLES", "0"))
_SETTINGS = settings(
    max_examples=_SEARCH or 200,
    derandomize=not _SEARCH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@_SETTINGS
@given(files=st.lists(_hostile_file(), min_size=1, max_size=3))
def test_any_header_ends_in_a_typed_error_or_a_result(files):
    with TemporaryDirectory() as room:
        for number, data in enumerate(files):
            (Path(room) / str(number)).write_bytes(data)
        _run(Path(room))


@_SETTINGS
@given(data=st.data())
def test_any_damage_to_an_enhanced_file_ends_in_a_typed_error_or_a_result(data, enhanced_bytes):
    spoiled = bytearray(enhanced_bytes)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(132, len(spoiled) - 1))
        spoiled[at] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as room:
        path = Path(room) / "a"
        path.write_bytes(spoiled[: data.draw(st.sampled_from([None, len(spoiled) // 2]))])
        _run(path)


@pytest.fixture(scope="module")
def enhanced_bytes(tmp_path_factory, module_writer) -> bytes:
    path = tmp_path_factory.mktemp("enhanced") / "a"
    module_writer.save(module_writer.enhanced(module_writer.Scan(rows=4, columns=4)), path)
    return path.read_bytes()


@_SETTINGS
@given(
    start=st.sampled_from([b"NRRD0004\n", b"ObjectType = Image\n", b"PK\x03\x04", b"\x1f\x8b"]),
    rest=st.binary(max_size=400),
    ending=st.sampled_from(["nrrd", "mha", "zip", "nii.gz", "nii"]),
)
def test_any_bytes_under_any_name_end_in_a_typed_error_or_a_result(start, rest, ending):
    with TemporaryDirectory() as room:
        path = Path(room) / f"a.{ending}"
        path.write_bytes(start + rest)
        _run(path)
