"""Write a phantom study: DICOM files, the session with the true marks, and the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ifspace.errors import OutputError
from ifspace.model import MARKS_OF_KIND, Kind, Side
from ifspace.phantom.bones import Hip
from ifspace.phantom.dicom import PROTOCOLS, SeriesPixels, classic_objects, series_uid, uid_of
from ifspace.phantom.render import render
from ifspace.phantom.spec import PhantomSpec
from ifspace.phantom.stack import Stack, build_stack
from ifspace.phantom.tissues import paints
from ifspace.phantom.truth import SideTruth, SliceTruth, place_hips, side_truth


@dataclass(frozen=True, eq=False)
class PhantomTruth:
    """What was written where, and what is true of it.

    Attributes
    ----------
    image_path
        What a reader is pointed at: the DICOM folder or the ZIP.
    sop_instance_uids
        Of the slices of the main series in stored order; ``UID#frame`` for enhanced objects.
    """

    spec: PhantomSpec
    image_path: Path
    session_path: Path
    truth_path: Path
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    sop_instance_uids: tuple[str, ...]
    sides: dict[Side, SideTruth]

    def value_mm(self, kind: Kind, side: Side) -> float:
        """Give the true space: the smallest over the slices of the lesser trochanter."""
        return self.sides[side].smallest(kind).value_mm


@dataclass(frozen=True, eq=False)
class Study:
    """A phantom in memory, before it is written."""

    spec: PhantomSpec
    stack: Stack
    hips: dict[Side, Hip]


def build_study(spec: PhantomSpec) -> Study:
    """Place slices and hips."""
    stack = build_stack(spec)
    return Study(spec, stack, place_hips(spec, stack))


def write_phantom(out: Path, spec: PhantomSpec) -> PhantomTruth:
    """Write a synthetic study with known distances.

    Parameters
    ----------
    out
        A folder, made if need be: gets ``dicom/``, ``session.json`` and ``truth.json``.
    spec
        What to write.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    ValueError
        If no anatomy has the spaces asked for.
    """
    study = build_study(spec)
    contrasts = (spec.contrast, *spec.extra_contrasts)
    images = render(paints(study.hips), study.stack, contrasts, snr=spec.snr, seed=spec.seed)
    protocol = PROTOCOLS[spec.contrast]
    main = SeriesPixels(
        study.stack,
        images[spec.contrast],
        spec.contrast,
        1,
        protocol.description,
        protocol.echo_ms,
        "main",
    )
    objects = classic_objects(spec, main)
    uids = tuple(str(ds.SOPInstanceUID) for ds in objects)
    folder = out / "dicom"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index, ds in enumerate(objects):
            ds.save_as(folder / f"IM{index:04d}.dcm", enforce_file_format=True)
    except OSError as error:
        message = f"{out}: cannot be written ({error.strerror}); choose another folder"
        raise OutputError(message) from error
    truth = PhantomTruth(
        spec=spec,
        image_path=folder,
        session_path=out / "session.json",
        truth_path=out / "truth.json",
        study_uid=uid_of(spec, "study"),
        series_uid=series_uid(spec, main),
        frame_of_reference_uid=uid_of(spec, "frame of reference"),
        sop_instance_uids=uids,
        sides={side: side_truth(study.hips[side], study.stack) for side in spec.sides},
    )
    _write_json(truth.session_path, session_json(truth))
    _write_json(truth.truth_path, truth_json(truth))
    return truth


def session_json(truth: PhantomTruth) -> dict[str, Any]:
    """Give the session with the true marks (``ifspace-session/1``)."""
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
        "schema": "ifspace-session/1",
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
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
