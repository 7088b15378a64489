"""The weighting of a series from its header: careful, and `unknown` when in doubt.

Physics and name must agree. Repetition and echo time give the weightings that are possible, words
in the description choose among them; where they contradict each other nothing is claimed.
"""

from __future__ import annotations

import re

from ifspace.io.header import ImageHeader
from ifspace.model import Contrast

# Usual ranges of spin echo imaging of muscle and bone at 1.5 and 3 T; they overlap on purpose,
# and in the overlap the description decides.
T1_MAX_TR_MS = 1500.0
LONG_TR_MIN_MS = 900.0
T1_MAX_TE_MS = 35.0
PD_MAX_TE_MS = 70.0
T2_MIN_TE_MS = 45.0
# Fat is nulled at inversion times of 0.69 times its T1: 140 to 230 ms between 1.5 and 3 T.
STIR_TI_MS = (100.0, 280.0)

_NAMES = (
    (Contrast.T1, re.compile(r"(?<![a-z0-9])t1(?![0-9*])")),
    (Contrast.T2, re.compile(r"(?<![a-z0-9])t2(?![0-9*])")),
    (Contrast.PD, re.compile(r"(?<![a-z0-9])(pd(?!t)|dp(?![a-z])|proton|intermediate)")),
)
_STIR = re.compile(r"stir|tirm(?![a-z])|(?<![a-z])ir[ _-]?fs(?![a-z])")
_NOT_SUPPRESSED = re.compile(
    r"(non?|without|w/o|ohne)[ _-]*(fs|fat[ _-]*(sat|supp\w*)?)(?![a-z])|(?<![a-z])nfs(?![a-z])"
)
_SUPPRESSED = re.compile(
    r"(?<![a-z])(t1|t2|pd|dp)?w?[ _-]*"
    r"(fs|fsat|sat[ _-]?fat|fat[ _-]?sat|fat[ _-]?supp\w*)(?![a-z])"
    r"|spair|(?<![a-z])spir(?![a-z])|(?<![a-z])chess|(?<![a-z])water(?![a-z])"
)
_SUPPRESSING_OPTIONS = {"FS", "FATSAT", "FAT_SAT", "FAT_SUPPRESSED"}
_WATER_IMAGE = {"W", "WATER", "FAT_SUPPRESSED"}
# Images of fat alone, and of water against fat, have no weighting a reader would call by name.
_OTHER_DIXON = {"F", "FAT", "OP", "OPP_PHASE", "OUT_PHASE", "OUT_OF_PHASE"}
_WITH_FS = {
    Contrast.T1: Contrast.T1_FS,
    Contrast.PD: Contrast.PD_FS,
    Contrast.T2: Contrast.T2_FS,
}


def contrast_of(header: ImageHeader) -> Contrast:
    """Tell the weighting of an image."""
    words = f"{header.file.description} {header.file.protocol}".lower()
    image_type = {word.upper() for word in header.image_type[2:]}
    if image_type & _OTHER_DIXON:
        return Contrast.UNKNOWN
    if _STIR.search(words) or _nulls_fat_by_inversion(header):
        return Contrast.STIR
    weighting = _weighting(header, words)
    if weighting is Contrast.UNKNOWN or not _is_suppressed(header, words, image_type):
        return weighting
    return _WITH_FS[weighting]


def _nulls_fat_by_inversion(header: ImageHeader) -> bool:
    low_ms, high_ms = STIR_TI_MS
    return (
        "IR" in header.file.scanning_sequence
        and header.inversion_time_ms is not None
        and low_ms <= header.inversion_time_ms <= high_ms
    )


def _weighting(header: ImageHeader, words: str) -> Contrast:
    """Let physics say what is possible and the description choose."""
    named = {name for name, pattern in _NAMES if pattern.search(words)}
    possible = _possible(header)
    if possible is not None:
        named = possible & named if named else possible
    return named.pop() if len(named) == 1 else Contrast.UNKNOWN


def _possible(header: ImageHeader) -> set[Contrast] | None:
    """List the weightings that repetition and echo time allow; None where they say nothing."""
    tr_ms, te_ms = header.repetition_time_ms, header.echo_time_ms
    if not tr_ms or not te_ms or "GR" in header.file.scanning_sequence:
        return None
    possible: set[Contrast] = set()
    if tr_ms <= T1_MAX_TR_MS and te_ms <= T1_MAX_TE_MS:
        possible.add(Contrast.T1)
    if tr_ms >= LONG_TR_MIN_MS and te_ms <= PD_MAX_TE_MS:
        possible.add(Contrast.PD)
    if tr_ms >= LONG_TR_MIN_MS and te_ms >= T2_MIN_TE_MS:
        possible.add(Contrast.T2)
    return possible


def _is_suppressed(header: ImageHeader, words: str, image_type: set[str]) -> bool:
    if image_type & _WATER_IMAGE:
        return True
    if {option.upper() for option in header.file.scan_options} & _SUPPRESSING_OPTIONS:
        return True
    return bool(_SUPPRESSED.search(_NOT_SUPPRESSED.sub(" ", words)))
