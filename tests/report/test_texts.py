import re
from pathlib import Path
from string import Formatter

import pytest

import ifspace.report
from ifspace.dicom_out.codes import METHOD_MEANINGS
from ifspace.landmarks.labels import maps
from ifspace.landmarks.outline import seeds
from ifspace.measurement import spaces
from ifspace.model import Kind, MarkState, Reason, Relation, Severity, Side, Source
from ifspace.report.details import CAVEATS
from ifspace.report.texts import load_texts

ROOM = Path(ifspace.report.__file__).parent

TECHNIQUE = (
    *("series", "contrast", "plane", "slices", "pixel", "matrix", "times", "field"),
    *("position", "rotation", "bolster", "format"),
)
PROVENANCE = ("software", "study", "series", "evidence", "settings")
HEADINGS = ("indication", "comparison", "technique", "impression")

METHODS = tuple(name.partition("/")[0] for name in METHOD_MEANINGS)

# Ids that are put together from an enum, as the code writes them.
FAMILIES = {
    "side.{}": Side,
    "side.letter.{}": Side,
    "kind.short.{}": Kind,
    "kind.name.{}": Kind,
    "kind.definition.{}": Kind,
    "reason.{}": Reason,
    "relation.{}": Relation,
    "relation.cell.{}": Relation,
    "mark_state.{}": MarkState,
    "mark_state.short.{}": MarkState,
    "severity.{}": Severity,
    "source.{}": Source,
    "caveat.{}": CAVEATS,
    "conclusion.all.{}": Relation,
    "conclusion.some.{}": Relation,
    "ruler.group.{}": ("cases", "controls"),
    "patient.rotation.{}": ("unknown", "neutral"),
    "text.{}": (*HEADINGS, "findings_right", "findings_left"),
    "cutoffs.{}": ("sensitivity", "specificity", "auc"),
    "technique.{}": TECHNIQUE,
    "provenance.{}": PROVENANCE,
    "origin.method.{}": METHODS,
}


def code():
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in (*ROOM.glob("*.py"), *ROOM.glob("templates/*.typ"))
    )


def families():
    return {
        pattern.format(getattr(member, "value", member))
        for pattern, members in FAMILIES.items()
        for member in members
    }


def used():
    literal = set(re.findall(r"""texts\[\s*["']([A-Za-z0-9_.]+)["']""", code()))
    literal |= set(re.findall(r'\bt\("([a-z0-9_.]+)"\)', code()))
    literal |= set(re.findall(r'"([a-z]+(?:\.[a-z0-9_]+)+)"', code())) & set(load_texts())
    return literal


def test_every_text_that_is_asked_for_exists():
    assert used() | families() <= set(load_texts())


def test_no_text_is_left_that_nobody_asks_for():
    simple = set(
        re.findall(r'"(age|mm|none|dash|value|draft|final|agree|disagree|single)"', code())
    )
    assert set(load_texts()) - used() - families() - simple == set()


def test_every_family_in_the_code_is_listed_here():
    written = {
        re.sub(r"\{[^{}]*\}", "{}", pattern)
        for pattern in re.findall(r'texts\[\s*f[\'"]([^"]+?)[\'"]\s*\]', code())
    }
    assert written <= set(FAMILIES)


def test_every_text_has_sound_placeholders():
    for text in load_texts().values():
        assert all(name is None or name.isidentifier() for _, name, _, _ in Formatter().parse(text))


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="'xx'"):
        load_texts("xx")


def test_no_text_calls_a_distance_by_the_name_of_the_syndrome():
    assert not any(re.search(r"\bIFI\b", text) for text in load_texts().values())


def test_every_method_has_a_name_in_reports_and_in_dicom():
    used = {spaces.METHOD, seeds.METHOD, maps.METHOD, maps.METHOD_REFINED}
    assert used == set(METHOD_MEANINGS)
    # DICOM LO, the type of a code's meaning, holds 64 characters.
    assert all(len(meaning) <= 64 for meaning in METHOD_MEANINGS.values())
