"""Change sound files into hostile ones: by bytes, by DICOM elements, by lines, by JSON values."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

_VRS = (
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN"
    b" UR US UT UV"
).split()
_ELEMENT = re.compile(rb"(?s)[\x00-\xff]{4}(" + b"|".join(_VRS) + rb")[\x00-\xff]{2}")
_NUMBERS = (b"0", b"-1", b"1", b"nan", b"inf", b"-inf", b"1e308", b"1e-308", b"99999999999", b"")
_WORDS = (
    *_NUMBERS, b"abc", b"\\", b"\\\\", b"1\\2\\3", b"0\\0", b"1\\0\\0\\0\\1\\0", b"../../x",
    b"\xff", b"A" * 300, b"None", b"true", b"LOCAL", b"/etc/passwd",
    b"2 2 2", b"1 1 1000000000", b"100",
)  # fmt: skip
_INTEGERS = (0, 1, 2, 127, 128, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
_JSON: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e308, float("nan"), float("inf"), 2**70, "", "abc",
    "../../x", "\0", "A" * 5000, [], {}, [[]], [None], [1, 2, 3], [1e308] * 3, {"": None},
    "2020-13-45",
)  # fmt: skip
_MOST_CHANGES = 5


def mutate(seed: bytes, rng: random.Random) -> bytes:
    """Change a file in one to five places."""
    data = seed
    is_json = seed.lstrip()[:1] == b"{"
    ways = (_json,) if is_json and rng.random() < 0.8 else _WAYS
    for _ in range(rng.randint(1, _MOST_CHANGES)):
        if not data:
            break
        data = rng.choice(ways)(data, rng)
    return data


def _flip(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))] if rng.random() < 0.2 else data


def _repeat(data: bytes, rng: random.Random) -> bytes:
    at, length = rng.randrange(len(data)), rng.randint(1, 200)
    return data[:at] + data[at : at + length] * rng.randint(0, 3) + data[at + length :]


def _integer(data: bytes, rng: random.Random) -> bytes:
    at, width = rng.randrange(len(data)), rng.choice((1, 2, 4, 8))
    value = rng.choice(_INTEGERS) & (2 ** (8 * width) - 1)
    return data[:at] + value.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]


def _element(data: bytes, rng: random.Random) -> bytes:
    """Change the representation, the length or the value of a DICOM element, or take it away."""
    starts = [found.start() for found in _ELEMENT.finditer(data)]
    if not starts:
        return _flip(data, rng)
    at = rng.choice(starts)
    long = data[at + 4 : at + 6] in (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN")
    head = 12 if long else 8
    length = int.from_bytes(data[at + 8 : at + 12] if long else data[at + 6 : at + 8], "little")
    end = at + head + (length if length < len(data) else 0)
    way = rng.randrange(4)
    if way == 0:
        return data[: at + 4] + rng.choice(_VRS) + data[at + 6 :]
    if way == 1:
        return data[:at] + data[end:]
    if way == 2:
        width = 4 if long else 2
        size = (rng.choice(_INTEGERS) & (2 ** (8 * width) - 1)).to_bytes(width, "little")
        return data[: at + head - width] + size + data[at + head :]
    value = rng.choice(_WORDS)
    value += b" " * (len(value) % 2)
    size = len(value).to_bytes(4 if long else 2, "little")
    return data[: at + head - len(size)] + size + value + data[end:]


def _line(data: bytes, rng: random.Random) -> bytes:
    """Change a value, repeat or take away a line of a text header."""
    lines = data.split(b"\n")
    at = rng.randrange(min(len(lines), 40))
    way = rng.randrange(3)
    if way == 0:
        lines.insert(at, lines[at])
    elif way == 1:
        del lines[at]
    else:
        name, mark, _ = lines[at].partition(b"=" if b"=" in lines[at] else b":")
        lines[at] = name + mark + b" " + rng.choice(_WORDS)
    return b"\n".join(lines)


def _json(data: bytes, rng: random.Random) -> bytes:
    """Replace one value of a JSON document, or take it away."""
    try:
        document = json.loads(data)
    except ValueError:
        return _flip(data, rng)
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        waiting += [node[key] for key in keys if isinstance(node[key], dict | list)]
    if places:
        node, key = rng.choice(places)
        if rng.random() < 0.2:
            del node[key]
        else:
            node[key] = rng.choice(_JSON)
    return json.dumps(document).encode()


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _cut, _repeat, _integer, _element, _element, _element, _line,
)  # fmt: skip
