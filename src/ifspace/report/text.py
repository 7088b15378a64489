"""The report as plain text under the headings of a radiology report, for a dictation system."""

from __future__ import annotations

from collections.abc import Iterator

from ifspace.findings import PAINFUL_SIDES
from ifspace.model import SIDES_AS_SEEN, FlagCode, Kind, NotMeasured, Side, StudyResult
from ifspace.report import sheet, wording
from ifspace.report.conclusion import side_findings
from ifspace.report.references import References
from ifspace.report.texts import Texts, load_texts


def findings_paragraph(result: StudyResult) -> str:
    """Say the result in plain sentences: values, level, state, comparisons and findings."""
    texts = load_texts()
    given = result.session
    painful = PAINFUL_SIDES.get(given.painful_side or "", texts["not_given"])
    lines = [
        _under("indication", given.indication or texts["not_given"], texts),
        texts["text.painful_side"].format(side=painful),
        _under("comparison", given.comparison or texts["not_given"], texts),
        _under("technique", _technique(result, texts), texts),
    ]
    for side in SIDES_AS_SEEN:
        lines.append(_under(f"findings_{side.value}", "", texts).rstrip())
        lines += _side(result, side, texts)
    lines += [texts["text.caution"].format(detail=item) for item in _cautions(result, texts)]
    lines.append(_under("impression", given.impression or texts["text.no_impression"], texts))
    lines.append(wording.state_line(result, texts).rstrip(".") + ".")
    return "\n".join(lines)


def _under(heading: str, words: str, texts: Texts) -> str:
    return f"{texts[f'text.{heading}']}: {words}"


def _technique(result: StudyResult, texts: Texts) -> str:
    series = result.series
    return texts["text.technique.value"].format(
        contrast=series.contrast.value,
        plane=series.plane.value,
        step=_length(result.slice_step_mm, texts),
        position=sheet.position(result, texts),
    )


def _length(value_mm: float | None, texts: Texts) -> str:
    """Print a length of the images, or that it is unknown."""
    if value_mm is None:
        return texts["unknown"]
    return texts["mm"].format(value=wording.plain(round(value_mm, 2)))


def _side(result: StudyResult, side: Side, texts: Texts) -> Iterator[str]:
    for kind in Kind:
        space = wording.find_space(result, kind, side)
        short = texts[f"kind.short.{kind.value}"]
        if space is None:
            continue
        if isinstance(space.outcome, NotMeasured):
            reason = wording.not_measured(space.outcome, texts)
            yield texts["text.not_measured"].format(kind=short, reason=reason)
            continue
        yield texts["text.space"].format(
            kind=short,
            value=wording.value(space.outcome, texts),
            slice=wording.slice_of_stack(space.outcome.slice_index, result, texts),
            state=texts[f"mark_state.{space.outcome.state.value}"],
            relations=wording.relations(space, texts) or texts["cell.no_cutoffs"],
        )
    said = side_findings(result, side, texts)
    yield texts["text.findings"].format(findings=said or texts["findings.not_assessed"])


def _cautions(result: StudyResult, texts: Texts) -> list[str]:
    """List the caveats in words that need no list of references."""
    code = FlagCode.NARROW_WITHOUT_SYMPTOMS
    narrow = [flag.detail for flag in result.flags if flag.code == code]
    return [*narrow, *sheet.cautions(result, References(), texts)]
