"""The findings paragraph, for pasting into a dictation system."""

from __future__ import annotations

from ifspace.model import SIDES_AS_SEEN, Kind, Measurement, Severity, StudyResult
from ifspace.report import sheet, wording
from ifspace.report.texts import load_texts


def findings_paragraph(result: StudyResult) -> str:
    """Say the result in plain sentences: values, level, state and comparisons, no impression."""
    texts = load_texts()
    sentences = [texts["text.heading"].format(contrast=result.series.contrast.value)]
    for side in SIDES_AS_SEEN:
        for kind in Kind:
            space = wording.find_space(result, kind, side)
            if space is None:
                continue
            sentences.append(sheet.space_sentence(space, texts))
            if isinstance(space.outcome, Measurement):
                sentences.append(_where(space.outcome, result))
    if not result.spaces:
        sentences.append(texts["summary.nothing"])
    if result.measurements:
        sentences.append(sheet.position_sentence(result, texts))
    sentences += [
        texts["text.caution"].format(detail=flag.detail)
        for flag in result.flags
        if flag.severity is not Severity.INFO and flag.code not in sheet.TOLD_ELSEWHERE
    ]
    sentences.append(wording.state_line(result, texts).rstrip(".") + ".")
    return "\n".join(sentences)


def _where(item: Measurement, result: StudyResult) -> str:
    texts = load_texts()
    return texts["text.where"].format(
        slice=wording.slice_of_stack(item.slice_index, result, texts),
        state=texts[f"mark_state.{item.state.value}"],
    )
