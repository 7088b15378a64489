"""Write the results as a page: accuracy and acceptance side by side, targets met or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from benchmarks.accuracy.real import CLICK_SD_MM, CLICKS, WITHIN_MM
from benchmarks.accuracy.run import (
    NETWORK,
    PERFECT,
    LabelRoomRow,
    LabelRow,
    RealRow,
    SliceRow,
)
from scipy.stats import norm

from ifspace.landmarks import QualityGrade
from ifspace.model import Kind

INTRODUCTION = """# Accuracy of the automatic help

Produced by `python -m benchmarks.accuracy`; do not edit. {hips} analytic hips, drawn for the first
time when the code was frozen and used neither for developing nor for calibrating: random bones,
gap 8 to 32 mm, pixel 0.6 to 0.9 mm, slices 4 to 5 mm, tilt up to 10 degrees, fat rims, septa,
tendons, shading, texture, Rician noise. The truth comes from the analytic surfaces, cut by the
middle plane of each slice, with code that shares nothing with the product.

A person is simulated who clicks once into the marrow of each bone, on one slice of the range,
aiming at the middle of the bone and missing by 3 mm (standard deviation on each axis). Every
slice in which the lesser trochanter stands out by more than half of its peak counts, also those
in which only its edge is cut; there the truth is often invisible.

**Analytic hips flatter.** Their muscles, marrow and tendons are simpler than real ones. The last
table shows real hips, where fewer slices are accepted.
"""


TIMES = """Processor times are those of one core of the machine of this run. Such machines
differ by more than a factor of two: compare times within a run only.
"""
INTERVAL = """## The 95 % interval

Of the edges alone; slice spacing and tilt are added when a study is measured.
"""
LABELS = """## From label maps

A perfect map labels every voxel of the image grid by its centre. A map as of a network has cubic
voxels, a wavy border (0.8 to 0.9 mm, alike over 6 mm) and lies 0.4 mm too far inside, which gives
the overlap with the truth that networks publish (Dice 0.93 to 0.95). Every slice of the range
counts; none is hidden. "Corrected" is what is reported: the label moved to where the grey levels
show the bone. The interval was calibrated on other hips with the same kinds of label maps.
"""
LABEL_ROOMS = """## Quadratus femoris space from label maps, tendon on the path

Bones from the corrected label, tendons from the grey levels. A slice whose cortex is not clear
enough to look for tendons gives no number.
"""
REAL = """## Real hips, frozen seeds

Two readers, not radiologists; they differ by 1.0 mm (IFS) and 1.3 mm (QFS) on average.
**These hips served development**: what makes an outline believed was written with them in view, so
they are no independent test. The limits of the score come from analytic hips alone. STS_044 has a
tumour in the gap and must give no number.

For STS_048 there is a CT of the same patient in the same frame of reference. Its bones, above
200 HU, are the third opinion below: where it contradicts the readers, the readers' figure is no
truth either. In STS_046 the tip of the lesser trochanter is as bright as fat, with no dark line
towards the marrow: it is fatty marrow, as the readers took it, or a layer of fat on the bone, and
the two differ by 6 mm. The program does not decide and gives no number.

No limit on how clearly a hip is seen would show STS_046 alone: STS_048 is the clearer of the two,
and its number would lie 3.7 mm from the readers, although the CT supports it.
"""
WORST = """## Worst of the shown slices

Red femur, blue ischium, cyan measured, magenta true.

![Worst slices](accuracy-worst.jpg)
"""


def _stats(errors: Iterable[float]) -> str:
    """Bias, mean absolute error, 95th percentile, share beyond 2 and 3 mm as table cells."""
    e = np.asarray(list(errors), float)
    if e.size == 0:
        return "0 | - | - | - | - | -"
    a = np.abs(e)
    return (
        f"{e.size} | {e.mean():+.2f} | {a.mean():.2f} | {np.percentile(a, 95):.2f} | "
        f"{100 * (a > 2).mean():.1f} % | {100 * (a > 3).mean():.1f} %"
    )


HEAD = "n | bias | mean abs. error | 95th percentile | > 2 mm | > 3 mm |\n"


def _series(rows: Sequence[SliceRow]) -> list[tuple[str, float]]:
    return list(dict.fromkeys((row.sequence, row.snr) for row in rows))


def _assisted(rows: Sequence[SliceRow], *, room: bool) -> str:
    """Table of one space: all, shown, green, and the smallest per hip."""
    out = "| images | slices | share | " + HEAD + "|---|---|---|---|---|---|---|---|---|\n"
    for name, snr in _series(rows):
        part = [row for row in rows if (row.sequence, row.snr) == (name, snr)]
        if room:
            data = [
                (row.room_mm - row.room_true_mm, row.room_grade)
                for row in part
                if row.room_true_mm is not None
            ]
        else:
            data = [(row.error_mm, row.grade) for row in part]
        groups = {
            "all, also hidden ones": [e for e, _ in data],
            "shown (green or amber)": [e for e, grade in data if grade],
            "accepted (green)": [e for e, grade in data if grade is QualityGrade.GREEN],
        }
        for label, errors in groups.items():
            share = 100 * len(errors) / max(len(data), 1)
            out += f"| {name}, SNR {snr:.0f} | {label} | {share:.0f} % | {_stats(errors)} |\n"
    return out


def _smallest(rows: Sequence[SliceRow]) -> str:
    """Table of the headline: the smallest distance within the range, over shown slices."""
    out = "| images | hips with a number | " + HEAD + "|---|---|---|---|---|---|---|---|\n"
    for name, snr in _series(rows):
        part = [row for row in rows if (row.sequence, row.snr) == (name, snr)]
        hips = sorted({row.hip for row in part})
        errors = []
        for hip in hips:
            mine = [row for row in part if row.hip == hip]
            shown = [row.found_mm for row in mine if row.grade]
            if shown:
                errors.append(min(shown) - min(row.true_mm for row in mine))
        share = 100 * len(errors) / len(hips)
        out += f"| {name}, SNR {snr:.0f} | {share:.0f} % | {_stats(errors)} |\n"
    return out


def _interval(rows: Sequence[SliceRow]) -> str:
    """Coverage and width of the interval, and Brier scores at three cut-offs."""
    out = (
        "| images | covered, all | covered, shown | median half-width, shown | "
        "Brier at 15 / 17 / 20 mm | hard call |\n|---|---|---|---|---|---|\n"
    )
    for name, snr in _series(rows):
        part = [row for row in rows if (row.sequence, row.snr) == (name, snr)]
        shown = [row for row in part if row.grade]
        cover = [
            _within([(r.error_mm, r.u95_mm) for r in group]) if group else np.nan
            for group in (part, shown)
        ]
        width = np.median([r.u95_mm for r in shown]) if shown else np.nan
        soft, hard = [], []
        for cut in (15.0, 17.0, 20.0):
            true = np.array([r.true_mm <= cut for r in shown], float)
            p = np.array([norm.cdf((cut - r.found_mm) / (r.u95_mm / 1.96)) for r in shown])
            call = np.array([r.found_mm <= cut for r in shown], float)
            soft.append(f"{np.mean((p - true) ** 2):.3f}")
            hard.append(f"{np.mean((call - true) ** 2):.3f}")
        out += (
            f"| {name}, SNR {snr:.0f} | {cover[0]:.1f} % | {cover[1]:.1f} % | {width:.2f} mm | "
            f"{' / '.join(soft)} | {' / '.join(hard)} |\n"
        )
    return out


def _within(errors: Sequence[tuple[float, float]]) -> float:
    """Share of errors within their half-width, in percent."""
    return 100 * float(np.mean([abs(error) <= u95 for error, u95 in errors]))


def _room_errors(rows: Sequence[SliceRow]) -> list[tuple[float, float]]:
    """Errors of the quadratus femoris space with their half-widths."""
    return [(r.room_mm - r.room_true_mm, r.room_u95_mm) for r in rows if r.room_true_mm is not None]


def _room_interval(rows: Sequence[SliceRow]) -> str:
    """Coverage of the interval of the quadratus femoris space."""
    out = (
        "| images | covered, all | covered, shown | median half-width, shown |\n|---|---|---|---|\n"
    )
    for name, snr in _series(rows):
        part = [row for row in rows if (row.sequence, row.snr) == (name, snr)]
        every, shown = _room_errors(part), _room_errors([r for r in part if r.room_grade])
        width = np.median([u95 for _, u95 in shown])
        out += (
            f"| {name}, SNR {snr:.0f} | {_within(every):.1f} % | {_within(shown):.1f} % | "
            f"{width:.2f} mm |\n"
        )
    return out


def _labels(rows: Sequence[LabelRow]) -> str:
    """Tables of the label-map figures: distances, intervals, level."""
    out = "| images | labels | value | " + HEAD + "|---|---|---|---|---|---|---|---|---|\n"
    groups = list(dict.fromkeys((row.sequence, row.kind) for row in rows))
    for sequence, kind in groups:
        part = [row for row in rows if (row.sequence, row.kind) == (sequence, kind)]
        for value, field in (("label alone", "label_mm"), ("corrected", "found_mm")):
            errors = [e for row in part for e in getattr(row, field)]
            out += f"| {sequence} | {kind} | {value} | {_stats(errors)} |\n"
    out += "\n| images | labels | interval covers | median half-width | time per hip |\n"
    out += "|---|---|---|---|---|\n"
    for sequence, kind in groups:
        part = [row for row in rows if (row.sequence, row.kind) == (sequence, kind)]
        widths = [u for row in part for u in row.u95_mm]
        seconds = np.mean([row.seconds for row in part])
        out += (
            f"| {sequence} | {kind} | {_covered(part):.1f} % | {np.median(widths):.2f} mm "
            f"| {seconds:.2f} s |\n"
        )
    out += f"| all | all | {_covered(rows):.1f} % | | |\n"
    out += "\n| level of the apex | found | mean abs. error |\n|---|---|---|\n"
    for kind in dict.fromkeys(row.kind for row in rows):
        values = [row.level_mm for row in rows if row.kind == kind]
        found = [abs(v) for v in values if v is not None]
        out += f"| {kind} | {len(found)} of {len(values)} | {np.mean(found):.2f} mm |\n"
    return out


def _label_rooms(rows: Sequence[LabelRoomRow]) -> str:
    """Table of the quadratus femoris space from label maps: distances and intervals."""
    out = "| images | labels | with a number | " + HEAD.replace("|\n", "| interval covers |\n")
    out += "|---|---|---|---|---|---|---|---|---|---|\n"
    for sequence, kind in dict.fromkeys((row.sequence, row.kind) for row in rows):
        part = [row for row in rows if (row.sequence, row.kind) == (sequence, kind)]
        errors = [error for row in part for error in row.found_mm]
        share = 100 * len(errors) / max(len(errors) + sum(row.hidden for row in part), 1)
        out += (
            f"| {sequence} | {kind} | {share:.0f} % | {_stats(errors)} | {_covered(part):.1f} % |\n"
        )
    return out


def _covered(rows: Sequence[LabelRow | LabelRoomRow]) -> float:
    """Share of the values from label maps that lie within their interval, in percent."""
    inside = [
        abs(error) <= width
        for row in rows
        for error, width in zip(row.found_mm, row.u95_mm, strict=True)
    ]
    return 100 * float(np.mean(inside))


def _real(rows: Sequence[RealRow]) -> str:
    """Table of the real hips."""
    if not rows:
        return "The real cases were not at hand for this run.\n"
    out = "| case | space | readers | CT | found | ± | difference | without a number |\n"
    out += "|---|---|---|---|---|---|---|---|\n"
    for row in rows:
        for kind in Kind:
            found = row.found_mm.get(kind)
            value = "no number" if found is None else f"{found:.1f}"
            half = "" if found is None else f"{row.u95_mm[kind]:.1f}"
            diff = "" if found is None else f"{found - row.readers_mm[kind]:+.1f}"
            ct = f"{row.ct_mm:.1f}" if kind is Kind.IFS and row.ct_mm is not None else ""
            out += (
                f"| {row.name} {row.side} | {kind.upper()} | {row.readers_mm[kind]:.1f} | {ct} "
                f"| {value} | {half} | {diff} | {row.reason} |\n"
            )
    return out


def _real_again(rows: Sequence[RealRow]) -> str:
    """Table of the real hips when other clicks are made."""
    out = f"{CLICKS} times again, with both seeds {CLICK_SD_MM:.0f} mm off on each axis (standard\n"
    out += "deviation):\n\n| case | space | with a number | median | standard deviation | range |\n"
    out += "|---|---|---|---|---|---|\n"
    for row in rows:
        for kind in Kind:
            values = np.array(row.again_mm[kind])
            spread = (
                f"{np.median(values):.1f} | {np.std(values):.2f} | "
                f"{values.min():.1f} to {values.max():.1f}"
                if len(values)
                else "| | "
            )
            given = f"{len(values)} of {CLICKS}"
            out += f"| {row.name} {row.side} | {kind.upper()} | {given} | {spread} |\n"
    return out


def _targets(
    bones: Sequence[SliceRow],
    rooms: Sequence[SliceRow],
    labels: Sequence[LabelRow],
    label_rooms: Sequence[LabelRoomRow],
    refused: dict[str, tuple[int, int]],
    real: Sequence[RealRow],
) -> str:
    """Say of every target whether it is met."""
    lines = []

    def say(name: str, value: float, limit: float, *, at_most: bool = True, unit="mm") -> None:
        ok = value <= limit if at_most else value >= limit
        sign = "at most" if at_most else "at least"
        verdict = "met" if ok else "**not met**"
        lines.append(f"| {name} | {sign} {limit:.4g} {unit} | {value:.2f} {unit} | {verdict} |")

    for name, limit in (("T1", 0.55), ("PD", 0.5), ("T2", 0.6)):
        part = [r for r in bones if (r.sequence, r.snr) == (name, 20.0)]
        green = [r for r in part if r.grade is QualityGrade.GREEN]
        error = np.array([r.error_mm for r in part])
        say(f"{name}: mean abs. error, all slices", float(np.abs(error).mean()), limit)
        if name == "T1":
            accepted = np.abs([r.error_mm for r in green])
            say("T1: abs. bias, all slices", abs(float(error.mean())), 0.2)
            say("T1: mean abs. error, accepted", float(accepted.mean()), 0.35)
            share = 100 * len(green) / len(part)
            say("T1: accepted", share, 65, at_most=False, unit="%")
            say("T1: accepted beyond 3 mm", 100 * float((accepted > 3).mean()), 1, unit="%")
            cover = _within([(r.error_mm, r.u95_mm) for r in part])
            say("T1: interval covers", cover, 93, at_most=False, unit="%")
            say("T1: interval covers no more than needed", cover, 97, unit="%")
        if name == "T1":
            say(
                "T1: processor time per hip",
                float(np.mean([r.seconds for r in part])),
                0.5,
                unit="s",
            )
    by_kind = {kind: [r for r in labels if r.kind == kind] for kind in (PERFECT, NETWORK)}
    perfect = np.abs([e for r in by_kind[PERFECT] for e in r.label_mm])
    say("Perfect labels: mean abs. error", float(perfect.mean()), 0.15)
    alone = np.abs([e for r in by_kind[NETWORK] for e in r.label_mm])
    corrected = np.abs([e for r in by_kind[NETWORK] for e in r.found_mm])
    say("1.5 mm labels, corrected: mean abs. error", float(corrected.mean()), 0.5)
    say(
        "1.5 mm labels, corrected: 95th percentile, no worse than the label's",
        float(np.percentile(corrected, 95)),
        float(np.percentile(alone, 95)),
    )
    say("Label maps: interval covers", _covered(labels), 93, at_most=False, unit="%")
    say("Label maps: interval covers no more than needed", _covered(labels), 97, unit="%")
    seconds = float(np.mean([r.seconds for r in labels]))
    say("Label maps: processor time per hip", seconds, 1.0, unit="s")
    for kind, name, limit in ((PERFECT, "perfect", 1.0), (NETWORK, "1.5 mm", 2.0)):
        found = [abs(r.level_mm) for r in by_kind[kind] if r.level_mm is not None]
        say(f"Level, {name} labels: mean abs. error", float(np.mean(found)), limit)
    shown = np.array([r.room_mm - r.room_true_mm for r in rooms if r.room_grade and r.room_true_mm])
    say("QFS, shown: mean abs. error", float(np.abs(shown).mean()), 0.5)
    say("QFS, shown beyond 2 mm", 100 * float((np.abs(shown) > 2).mean()), 3, unit="%")
    cover = _within(_room_errors(rooms))
    say("QFS: interval covers", cover, 93, at_most=False, unit="%")
    say("QFS: interval covers no more than needed", cover, 97, unit="%")
    room = np.abs([error for row in label_rooms for error in row.found_mm])
    say("QFS from label maps: mean abs. error", float(room.mean()), 0.5)
    say("QFS from label maps, beyond 2 mm", 100 * float((room > 2).mean()), 3, unit="%")
    cover = _covered(label_rooms)
    say("QFS from label maps: interval covers", cover, 93, at_most=False, unit="%")
    say("QFS from label maps: interval covers no more than needed", cover, 97, unit="%")
    for name, (count, of) in refused.items():
        say(f"{name} refused", 100 * count / of, 100, at_most=False, unit="%")
    if real:
        four = [r for r in real if r.name != "STS_044"]
        given = sum(Kind.IFS in r.found_mm for r in four)
        say("Real hips with a number (of 4)", given, 3, at_most=False, unit="hips")
        far = sum(
            abs(r.found_mm[kind] - r.readers_mm[kind]) > WITHIN_MM[kind]
            for r in four
            for kind in r.found_mm
        )
        say("Real numbers farther from the readers than they differ", far, 0, unit="values")
    head = "| target | limit | result | |\n|---|---|---|---|\n"
    return head + "\n".join(lines) + "\n"


def write_page(
    out: Path,
    *,
    hips: int,
    bones: Sequence[SliceRow],
    rooms: Sequence[SliceRow],
    labels: Sequence[LabelRow],
    label_rooms: Sequence[LabelRoomRow],
    refused: dict[str, tuple[int, int]],
    real: Sequence[RealRow],
) -> None:
    """Write the page."""
    refused_lines = "".join(
        f"* {name}: {count} of {of} hips without any number\n"
        for name, (count, of) in refused.items()
    )
    parts = [
        INTRODUCTION.format(hips=hips),
        "## Targets\n\n" + _targets(bones, rooms, labels, label_rooms, refused, real),
        TIMES,
        f"## Ischiofemoral space from one rough seed per bone\n\n{_assisted(bones, room=False)}",
        f"Smallest distance of the range, over the shown slices:\n\n{_smallest(bones)}",
        f"{INTERVAL}\n{_interval(bones)}",
        f"## Quadratus femoris space, tendon on the path\n\n{_assisted(rooms, room=True)}",
        "Its 95 % interval:\n\n" + _room_interval(rooms),
        f"{LABELS}\n{_labels(labels)}",
        f"{LABEL_ROOMS}\n{_label_rooms(label_rooms)}",
        "## Must be refused\n\n" + refused_lines,
        f"{REAL}\n{_real(real)}",
        *([_real_again(real)] if real else []),
        WORST,
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(parts), encoding="utf-8")
