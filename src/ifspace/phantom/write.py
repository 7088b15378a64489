"""Write a phantom study: DICOM files, the session with the true marks, and the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset

from ifspace.atomic import write_file
from ifspace.model import MARKS_OF_KIND, Kind, Side
from ifspace.phantom.dicom import SeriesPixels, classic_objects, series_uid, uid_of
from ifspace.phantom.enhanced import enhanced_object
from ifspace.phantom.pack import pack
from ifspace.phantom.spec import PhantomSpec
from ifspace.phantom.study import Study, build_study
from ifspace.phantom.syntax import encode
from ifspace.phantom.truth import SideTruth, SliceTruth


@dataclass(frozen=True, eq=False)
class PhantomTruth:
    """What was written where, and what is true of it.

    Attributes
    ----------
    image_path
        What a reader is pointed at: the DICOM folder or the ZIP.
    sop_instance_uids
        Of the slices of the main stack; ``UID#frame`` for enhanced objects, None for a slice
        that was left out.
    """

    spec: PhantomSpec
    image_path: Path
    session_path: Path
    truth_path: Path
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    sop_instance_uids: tuple[str | None, ...]
    sides: Mapping[Side, SideTruth]

    def value_mm(self, kind: Kind, side: Side) -> float:
        """Give the true space: the smallest over the slices of the lesser trochanter."""
        return self.sides[side].smallest(kind).value_mm


def write_phantom(out: Path, spec: PhantomSpec) -> PhantomTruth:
    """Write a synthetic study with known distances.

    Parameters
    ----------
    out
        A folder, made if need be: gets ``dicom/`` or ``study.zip``, ``session.json`` and
        ``truth.json``.
    spec
        What to write.

    Raises
    ------
    OutputError
        If the folder cannot be written, holds a study already, or a program that the transfer
        syntax needs is not installed.
    ValueError
        If no anatomy has the spaces asked for.
    """
    study = build_study(spec)
    series = study.series()
    objects = [(item, _objects(spec, item)) for item in series]
    main_objects = objects[0][1]
    uids = _slice_uids(study, main_objects)
    files = [encode(ds, spec.transfer_syntax) for _, group in objects for ds in group]
    image_path = pack(out, files, spec.layout, uid_of(spec, "file set"))
    truth = PhantomTruth(
        spec=spec,
        image_path=image_path,
        session_path=out / "session.json",
        truth_path=out / "truth.json",
        study_uid=uid_of(spec, "study"),
        series_uid=series_uid(spec, series[0]),
        frame_of_reference_uid=uid_of(spec, "frame of reference"),
        sop_instance_uids=uids,
        sides=study.sides,
    )
    _write_json(truth.session_path, session_json(truth))
    _write_json(truth.truth_path, truth_json(truth))
    return truth


def _objects(spec: PhantomSpec, series: SeriesPixels) -> list[FileDataset]:
    if spec.enhanced:
        return [enhanced_object(spec, series)]
    return classic_objects(spec, series)


def _slice_uids(study: Study, objects: list[FileDataset]) -> tuple[str | None, ...]:
    """Give the SOP Instance UID of every slice of the stack, None where it was left out."""
    found: list[str | None] = [None] * len(study.stack.origins_lps_mm)
    for place, k in reversed(list(enumerate(study.order))):
        if study.spec.enhanced:
            found[k] = f"{objects[0].SOPInstanceUID}#{place + 1}"
        else:
            found[k] = str(objects[place].SOPInstanceUID)
    return tuple(found)


def session_json(truth: PhantomTruth) -> dict[str, Any]:
    """Give the session with the true marks (``ifspace-session/2``)."""
    marks, seeds = [], []
    for side, of_side in truth.sides.items():
        for kind in Kind:
            rows: tuple[SliceTruth, ...] = (of_side.smallest(kind),)
            if truth.spec.every_level_marked:
                rows = tuple(row for row in of_side.spaces[kind] if row.shows_trochanter)
            marks += [mark for row in rows for mark in _marks(truth, kind, side, row)]
        for name, point in of_side.seeds_lps_mm.items():
            uid = truth.sop_instance_uids[of_side.seed_slice]
            seeds.append(
                {"mark": name.value, "side": side.value, "position_lps_mm": point.tolist(),
                 "sop_instance_uid": uid}
            )  # fmt: skip
    ends = {
        side.value: [truth.sop_instance_uids[of_side.level_slices[end]] for end in (0, -1)]
        for side, of_side in truth.sides.items()
    }
    return {
        "schema": "ifspace-session/2",
        "study_instance_uid": truth.study_uid,
        "series_instance_uid": truth.series_uid,
        "frame_of_reference_uid": truth.frame_of_reference_uid,
        "reader": "phantom",
        "marks": marks,
        "seeds": seeds,
        "level_range": ends,
    }


def _marks(truth: PhantomTruth, kind: Kind, side: Side, row: SliceTruth) -> list[dict[str, Any]]:
    points = (row.start_lps_mm, row.end_lps_mm)
    return [
        {
            "mark": name.value,
            "side": side.value,
            "position_lps_mm": point.tolist(),
            "sop_instance_uid": truth.sop_instance_uids[row.slice_index],
            "state": "confirmed",
            "source": "human",
            "confidence": None,
        }
        for name, point in zip(MARKS_OF_KIND[kind], points, strict=True)
    ]


def truth_json(truth: PhantomTruth) -> dict[str, Any]:
    """Give everything that is true, slice by slice."""
    return {
        "study_instance_uid": truth.study_uid,
        "series_instance_uid": truth.series_uid,
        "slices": list(truth.sop_instance_uids),
        "sides": {
            side.value: {
                "level_slices": list(of_side.level_slices),
                "seeds_lps_mm": {n.value: p.tolist() for n, p in of_side.seeds_lps_mm.items()},
                **{kind.value: _space_json(of_side, kind) for kind in Kind},
            }
            for side, of_side in truth.sides.items()
        },
    }


def _space_json(of_side: SideTruth, kind: Kind) -> dict[str, Any]:
    smallest = of_side.smallest(kind)
    return {
        "value_mm": smallest.value_mm,
        "slice_index": smallest.slice_index,
        "slices": [
            {
                "slice_index": row.slice_index,
                "value_mm": row.value_mm,
                "start_lps_mm": np.asarray(row.start_lps_mm).tolist(),
                "end_lps_mm": np.asarray(row.end_lps_mm).tolist(),
                "shows_lesser_trochanter": row.shows_trochanter,
            }
            for row in of_side.spaces[kind]
        ],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_file(path, (json.dumps(content, indent=1) + "\n").encode())
