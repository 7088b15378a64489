"""Compare what two checkouts make of the same studies: millimetres, sides, refusals and pictures.

Phantom variants with marks, with seeds and for proposals, an analytic hip with a label map, real
scans with the marks of both readers and with frozen seeds. A checkout runs under its own ``.venv``.

    python benchmarks/compare_checkouts.py OLD NEW [--work FOLDER] [--only PATTERN]

Prints the differences, equal ones once; ends with 1 where there is any. What a commit made is kept
in the work folder and used again while its checkout is clean.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

DATA = Path(os.environ.get("IFSPACE_REAL_DATA", ROOT.parent / "shared" / "data"))
WORK = Path(tempfile.gettempdir()) / "ifspace-compare"
FORMATS = "json,csv,png,session"
# The other variants differ in how the same voxels are stored; reading the marks tells them apart.
OTHER_IMAGES = (
    "plain t2 asymmetric enhanced-oblique oblique-20 transposed feet-first prone anisotropic "
    "left-only child missing-slice above-level"
)
ANALYTIC_HIP = 1000
MARKS = {
    "ifs": ("ischium_lateral", "lesser_trochanter_medial"),
    "qfs": ("hamstring_superolateral", "iliopsoas_posteromedial"),
}
# Loaded before the first case, so that every case starts from the same warm state.
HEAVY = ("numpy", "scipy.ndimage", "scipy.optimize", "skimage.measure", "SimpleITK", "pydicom")
SHOWN = 3
FIXED = {"SOURCE_DATE_EPOCH": "1700000000", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Case:
    """One call of the program; ``OUT`` among the arguments stands for its output."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Checkout:
    """A working tree and the interpreter that runs it."""

    root: Path

    @property
    def python(self) -> Path:
        """The interpreter of its own environment, or this one."""
        own = self.root / ".venv" / "bin" / "python"
        return own if own.exists() else Path(sys.executable)

    @property
    def commit(self) -> str:
        """The commit with what was changed since."""
        changed = self._git("diff", "HEAD", "--", "src")
        mark = f"-{hashlib.sha256(changed.encode()).hexdigest()[:8]}" if changed else ""
        return self._git("rev-parse", "HEAD")[:12] + mark

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", self.root, *arguments], check=True, capture_output=True, text=True
        ).stdout

    def start(self, cases: list[Case], out: Path) -> subprocess.Popen[bytes]:
        """Run the cases that `out` does not hold yet, in a process of this checkout."""
        out.mkdir(parents=True, exist_ok=True)
        missing = [case for case in cases if not (out / case.name / "exit").exists()]
        listed = out / "cases.json"
        listed.write_text(json.dumps([[case.name, case.arguments] for case in missing]))
        environment = os.environ | {"PYTHONPATH": str(self.root / "src")} | FIXED
        command = [self.python, Path(__file__).resolve(), "--run", listed, out]
        return subprocess.Popen(command, env=environment)


def run_cases(listed: Path, out: Path) -> None:
    """Run each case in a fork of this process, as a fresh start of the program would."""
    for name in (*HEAVY, "ifspace.cli", "ifspace.workflow"):
        importlib.import_module(name)
    for name, arguments in json.loads(listed.read_text()):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        child = os.fork()
        if child == 0:
            _run_one(folder, arguments)
        _, status = os.waitpid(child, 0)
        (folder / "exit").write_text(str(os.waitstatus_to_exitcode(status)))


def _run_one(folder: Path, arguments: list[str]) -> None:
    """Run one call to its end in this process; it never comes back."""
    code = 70
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, number)
        sys.argv = [
            "ifspace",
            *(
                a.replace("OUT", str(folder / "out"), 1) if a.startswith("OUT") else a
                for a in arguments
            ),
        ]
        importlib.import_module("ifspace.cli").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def variants_of(checkout: Checkout) -> list[str]:
    """Ask a checkout for the names of its phantoms."""
    command = [checkout.python, "-m", "ifspace", "phantom", "none", "--variant", "list"]
    environment = os.environ | {"PYTHONPATH": str(checkout.root / "src")}
    lines = subprocess.check_output(command, text=True, env=environment).splitlines()
    return [line.partition(":")[0] for line in lines]


def phantom_cases(variants: list[str], size: str) -> list[Case]:
    """Write every phantom."""
    return [
        Case(f"phantom/{name}", ("phantom", "OUT", "--variant", name, "--size", size))
        for name in variants
    ]


def measured_phantoms(variants: list[str], written: Path) -> Iterator[Case]:
    """Measure every phantom by its marks, some by their seeds, and propose on these."""
    for name in variants:
        folder = written / "phantom" / name / "out"
        session = folder / "session.json"
        images = next(path for path in sorted(folder.iterdir()) if path.suffix != ".json")
        yield measure(f"marks/{name}", images, "--session", str(session))
        if name not in OTHER_IMAGES.split():
            continue
        yield Case(f"propose/{name}", ("propose", str(images), "-o", "OUT/session.json"))
        seeded = written / f"seeds-{name}.json"
        seeded.write_text(json.dumps(json.loads(session.read_text()) | {"marks": []}))
        yield measure(f"seeds/{name}", images, "--session", str(seeded))


def measure(name: str, path: Path, *options: str) -> Case:
    """Measure one study."""
    return Case(name, ("measure", str(path), "-o", "OUT", "--format", FORMATS, *options))


def analytic_cases(inputs: Path) -> Iterator[Case]:
    """Measure a hip of known shape by a perfect label map."""
    from benchmarks.accuracy.labels import perfect_labels, tall_case

    image, labels, names = (inputs / name for name in ("hip.nii.gz", "bones.nii.gz", "names.txt"))
    if not names.exists():
        case = tall_case(ANALYTIC_HIP, "T1", tendon=True)
        bones = perfect_labels(case.hip, case.scan)
        write_image(image, case.volume.grid.affine_lps_mm, case.volume.voxels)
        write_image(labels, bones.grid.affine_lps_mm, bones.voxels.astype("uint8"))
        names.write_text(",".join(f"{name}={number}" for name, number in bones.values.items()))
    yield measure("masks/analytic", image, "--masks", str(labels), "--labels", names.read_text())


def write_image(path: Path, affine_lps_mm, voxels) -> None:
    """Write voxels (k, j, i) on an affine of (k, j, i) into LPS mm."""
    import numpy as np
    import SimpleITK as sitk

    axes = np.asarray(affine_lps_mm)[:3, [2, 1, 0]]
    steps = np.linalg.norm(axes, axis=0)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(steps.tolist())
    image.SetDirection((axes / steps).ravel().tolist())
    image.SetOrigin(np.asarray(affine_lps_mm)[:3, 3].tolist())
    sitk.WriteImage(image, str(path))


def real_cases(inputs: Path) -> Iterator[Case]:
    """Measure the real scans by both readers' marks and by seeds; propose on all of them."""
    from benchmarks.accuracy.real import HIPS, OUTSIDE, PATHS

    readings = json.loads((DATA / "readings.json").read_text())
    hips = {(name, side.value): hip[:2] for (name, side), hip in (HIPS | OUTSIDE).items()}
    for name, relative in PATHS.items():
        path = DATA / relative
        yield Case(f"propose/{name}", ("propose", str(path), "-o", "OUT/session.json"))
        slices = slices_of(path)
        head = header(slices)
        for reader in ("A", "B"):
            read = [r for r in readings if (r["reader"], r["case"]) == (reader, name)]
            if read:
                session = inputs / f"{name}-{reader}.json"
                session.write_text(json.dumps(head | {"reader": reader, "marks": marks_of(read)}))
                yield measure(f"reader-{reader}/{name}", path, "--session", str(session))
        session = inputs / f"{name}-seeds.json"
        level_range = {
            side.value: [slices[k].SOPInstanceUID for k in hip[3]]
            for (case, side), hip in HIPS.items()
            if case == name and slices
        }
        seeded = {"reader": "C", "marks": [], "level_range": level_range}
        session.write_text(json.dumps(head | seeded | {"seeds": seeds_of(name, hips)}))
        yield measure(f"seeds/{name}", path, "--session", str(session))


def slices_of(path: Path) -> list:
    """Read the headers of a DICOM series, the most inferior slice first; none of other files."""
    import pydicom

    found = path.rglob("*.dcm") if path.is_dir() else []
    images = [pydicom.dcmread(file, stop_before_pixels=True) for file in found]
    return sorted(images, key=lambda image: float(image.ImagePositionPatient[2]))


def header(slices: list) -> dict[str, object]:
    """Give the head of a session of this series."""
    head = {"schema": "ifspace-session/1"}
    for name in ("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"):
        keyword = name.title().replace("_", "").replace("Uid", "UID")
        head[name] = str(slices[0][keyword].value) if slices else None
    return head


def marks_of(readings: list[dict]) -> list[dict]:
    """Give the marks of one reader in one study."""
    return [
        {
            "mark": mark,
            "side": reading["side"],
            "position_lps_mm": reading[kind][f"{mark}_lps_mm"],
            "state": "confirmed",
            "source": "human",
        }
        for reading in readings
        for kind, marks in MARKS.items()
        for mark in marks
    ]


def seeds_of(name: str, hips: dict) -> list[dict]:
    """Give the frozen seeds of one study."""
    return [
        {"mark": mark, "side": side, "position_lps_mm": list(position)}
        for (case, side), seeds in hips.items()
        if case == name
        for mark, position in zip(("femur_marrow", "ischium_marrow"), seeds, strict=True)
    ]


def differences(old: Path, new: Path) -> Iterator[tuple[str, str]]:
    """Give what differs between two outputs of one case: the file and how."""
    codes = [(folder / "exit").read_text() for folder in (old, new)]
    if codes[0] != codes[1]:
        yield "exit code", f"{codes[0]} became {codes[1]}"
    names = [files_below(folder / "out") for folder in (old, new)]
    for name in sorted(names[0] ^ names[1]):
        yield name, "gone" if name in names[0] else "added"
    for name in sorted(names[0] & names[1]):
        before, after = old / "out" / name, new / "out" / name
        if before.read_bytes() != after.read_bytes():
            compare = {".json": of_json, ".csv": of_csv, ".png": of_picture}.get(before.suffix)
            for text in compare(before, after) if compare else ["other bytes"]:
                yield name, text


def files_below(folder: Path) -> set[str]:
    """Name the files of a folder; manifests hold versions and are left out."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def of_json(before: Path, after: Path) -> Iterator[str]:
    """Compare two documents, without versions."""
    yield from of_values(*(dict(leaves(json.loads(p.read_text()))) for p in (before, after)))


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Give every value of a document with the way to it; outcomes by what they measure."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("software", "sha256"):
                yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            name = number
            if isinstance(inner, dict) and "side" in inner:
                name = "-".join(str(inner.get(key, "")) for key in ("kind", "mark", "side"))
            yield from leaves(inner, f"{path}/{name}")
    else:
        yield path, value


def of_csv(before: Path, after: Path) -> Iterator[str]:
    """Compare two tables, without the version."""
    flat = []
    for path in (before, after):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        flat.append(
            {
                f"{row.get('side', '')} {row.get('kind', '')} {name}".strip(): value
                for row in rows
                for name, value in row.items()
                if name != "software_version"
            }
        )
    yield from of_values(*flat)


def of_values(before: dict[str, object], after: dict[str, object]) -> Iterator[str]:
    """Name what is gone, added and changed."""
    for name in before:
        if name not in after:
            yield f"{name} gone"
        elif before[name] != after[name]:
            yield f"{name}: {before[name]} became {after[name]}"
    yield from (f"{name} added" for name in after if name not in before)


def of_picture(before: Path, after: Path) -> Iterator[str]:
    """Compare two pictures by their pixels."""
    import numpy as np
    from PIL import Image

    old, new = (np.asarray(Image.open(path).convert("RGB")) for path in (before, after))
    if old.shape != new.shape:
        yield f"{old.shape} became {new.shape}"
    else:
        yield f"{int((old != new).any(-1).sum())} pixels differ"


def print_differences(found: dict[tuple[str, str], list[str]]) -> None:
    """Print each difference once, with the cases that show it."""
    for (file, text), cases in sorted(found.items(), key=lambda item: -len(item[1])):
        more = f" and {len(cases) - SHOWN} more" if len(cases) > SHOWN else ""
        print(f"{len(cases):4d}  {file:20s} {text}   [{', '.join(cases[:SHOWN])}{more}]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--work", type=Path, default=WORK, help="what was made is kept here")
    parser.add_argument("--only", default="*", help="runs by name, such as 'seeds/*'")
    parser.add_argument("--size", default="small", help="of the phantoms")
    given = parser.parse_args()
    old, new = Checkout(given.old.resolve()), Checkout(given.new.resolve())
    outs = [given.work / given.size / checkout.commit for checkout in (old, new)]
    variants = variants_of(old)
    phantoms = phantom_cases(variants, given.size)
    wait_for([old.start(phantoms, outs[0])])
    (inputs := given.work / "inputs").mkdir(exist_ok=True)
    cases = [*measured_phantoms(variants, outs[0]), *analytic_cases(inputs)]
    if DATA.is_dir():
        cases[:0] = real_cases(inputs)
    cases = [case for case in (*cases, *phantoms) if fnmatch.fnmatch(case.name, given.only)]
    wait_for([checkout.start(cases, out) for checkout, out in zip((old, new), outs, strict=True)])
    found: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        for difference in differences(*(out / case.name for out in outs)):
            found.setdefault(difference, []).append(case.name)
    print_differences(found)
    codes = sorted(Counter((outs[0] / c.name / "exit").read_text() for c in cases).items())
    ended = ", ".join(f"{count} with code {code}" for code, count in codes)
    print(f"{old.commit} and {new.commit}: {len(cases)} runs ({ended}), {len(found)} differences")
    return int(bool(found))


def wait_for(running: list[subprocess.Popen[bytes]]) -> None:
    """Wait for the runs of both checkouts, which go on at once."""
    if any([process.wait() for process in running]):  # noqa: C419 - wait for all of them
        raise SystemExit("a checkout could not run the cases")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run_cases(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())
