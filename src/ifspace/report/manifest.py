"""manifest.json: what went in, what came out, and which versions did it.

Input files are told apart by their SOP Instance UID or their place in the stack, never by name: a
file name may hold a patient's.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ifspace.model import SIDES_AS_SEEN, Side, StudyResult
from ifspace.report.files import MANIFEST_NAME, RESULT_NAME, picture_name

MANIFEST_SCHEMA = "ifspace-manifest/1"

# What the numbers and the files depend on.
LIBRARIES = (
    "highdicom",
    "numpy",
    "pillow",
    "pydantic",
    "pydicom",
    "scikit-image",
    "scipy",
    "SimpleITK",
    "typst",
)
READ_AT_ONCE = 1 << 20


def manifest(result: StudyResult, outputs: Mapping[str, bytes | Path]) -> dict[str, Any]:
    """List versions, settings, inputs and outputs.

    Parameters
    ----------
    result
        What was measured; its source files are read once more for their SHA-256.
    outputs
        Content, or the file that holds it, by file name.
    """
    return {
        "schema": MANIFEST_SCHEMA,
        "software": {"name": "ifspace", "version": result.software_version},
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "settings": dict(result.settings),
        "evidence_sha256": result.evidence_sha256,
        "inputs": _inputs(result),
        "outputs": [{"name": name, "sha256": _digest(outputs[name])} for name in sorted(outputs)],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _inputs(result: StudyResult) -> list[dict[str, Any]]:
    """List each source file once; without a hash where the file is no longer there."""
    rows: dict[Path | int, dict[str, Any]] = {}
    for index, source in enumerate(result.series.sources):
        key = source.path if source.path.name else index
        if key in rows:
            rows[key]["slices"] += 1
            continue
        row: dict[str, Any] = {"first_slice_index": index, "slices": 1}
        if source.sop_instance_uid is not None:
            row["sop_instance_uid"] = source.sop_instance_uid
        digest = _digest_if_there(source.path)
        if digest is not None:
            row["sha256"] = digest
        rows[key] = row
    return list(rows.values())


def _digest_if_there(path: Path) -> str | None:
    """Hash a source file; a result that was read back from its file no longer knows them."""
    try:
        return _digest(path) if path.is_file() else None
    except OSError:
        return None


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    with content.open("rb") as file:
        while block := file.read(READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def pictures_beside(result_path: Path) -> dict[Side, bytes]:
    """Find the key images that were written together with a result file.

    Only those whose SHA-256 the manifest beside them lists, and only if it lists this very result
    file: an older image beside a newer number would be worse than none.
    """
    try:
        listed = _listed(json.loads((result_path.parent / MANIFEST_NAME).read_bytes()))
        if listed.get(RESULT_NAME) != _digest(result_path):
            return {}
        found = {}
        for side in SIDES_AS_SEEN:
            path = result_path.parent / picture_name(side)
            content = path.read_bytes() if path.is_file() else b""
            if listed.get(path.name) == _digest(content):
                found[side] = content
    except (OSError, ValueError):
        return {}
    return found


def _listed(data: object) -> dict[str, str]:
    outputs = data.get("outputs") if isinstance(data, dict) else None
    return {
        str(item.get("name")): str(item.get("sha256"))
        for item in outputs or ()
        if isinstance(item, dict)
    }
