"""What the manifest names: reader, sample and menu entries."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_ifspace import PLACEHOLDER

if TYPE_CHECKING:
    import napari

# A DICOM file says DICM after its preamble (PS3.10 section 7.1).
_PREAMBLE = 128
_ARCHIVE = b"PK\x03\x04"
# Research formats that hold a volume with its place in the patient.
_VOLUMES = (".mha", ".nii", ".nii.gz")

Layers = list[tuple[Any, ...]]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], Layers] | None:
    """Offer to read DICOM (folder, ZIP, DICOMDIR, file), MHA and NIfTI; nothing else."""
    first = Path(path if isinstance(path, str) else path[0])
    return _read if _is_ours(first) else None


def _is_ours(path: Path) -> bool:
    """Look at a few bytes; a folder counts by the first files in it, two levels deep."""
    if path.is_dir():
        return any(_is_dicom(file) for file in _first_files(path))
    is_volume = path.is_file() and path.name.lower().endswith(_VOLUMES)
    return is_volume or _is_dicom(path) or _holds_dicom(path)


def _first_files(folder: Path, depth: int = 2, limit: int = 8) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())[:64]
    except OSError:
        return []
    files = [entry for entry in entries if entry.is_file()][:limit]
    if depth:
        for entry in entries[:limit]:
            if entry.is_dir() and not entry.is_symlink():
                files += _first_files(entry, depth - 1, limit)
    return files


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
    except OSError:
        return False


def _holds_dicom(path: Path) -> bool:
    """Tell whether a ZIP holds DICOM, by looking into its first files."""
    import zipfile

    try:
        with path.open("rb") as file:
            if file.read(4) != _ARCHIVE:
                return False
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()][:8]
            for member in members:
                if member.flag_bits & 1:
                    continue
                with archive.open(member) as file:
                    if file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM":
                        return True
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False
    return False


def _read(path: str | Sequence[str]) -> Layers:
    """Open the study on the controller of the current window, or else as a plain image layer."""
    import napari

    paths = [Path(item) for item in ([path] if isinstance(path, str) else path)]
    # Several files of one series: the folder that holds them is the study.
    place = paths[0] if len(paths) == 1 else paths[0].parent
    viewer = napari.current_viewer()
    if viewer is None:
        return _plain_layer(place)
    _show(viewer, place)
    # napari's way of saying: read, but no layer of it.
    return [(None,)]


def _plain_layer(place: Path) -> Layers:
    from ifspace.reading import screen
    from ifspace.reading.study import open_path

    study = open_path(place)
    display = screen.display_of(study.volume)
    data = display.array(study.volume.voxels)
    return [(data, {"scale": display.scale_mm, "units": "mm", "name": "Images"}, "image")]


def _show(viewer: Any, place: Path) -> None:
    from napari_ifspace.app import open_dock

    open_dock(viewer).open_path(place)


def phantom_sample() -> Layers:
    """Write the built-in phantom into a folder that goes with the process, and open it."""
    import napari
    import numpy as np

    from ifspace.phantom import PhantomSpec, write_phantom

    folder = Path(tempfile.mkdtemp(prefix="ifspace-phantom-"))
    # Not before: the study on the screen reads its files again for reports and other series.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    truth = write_phantom(folder, PhantomSpec())
    viewer = napari.current_viewer()
    if viewer is None:
        return _plain_layer(truth.image_path)
    _show(viewer, truth.image_path)
    # A sample has to give a layer; the controller takes this one away when the study is there.
    options = {
        "name": "IFSpace phantom",
        "metadata": {PLACEHOLDER: True},
        "visible": False,
        # As the study's own images: napari warns about layers of several units.
        "units": "mm",
    }
    return [(np.zeros((1, 1)), options, "image")]


def measure_here(viewer: napari.Viewer) -> None:
    """Open the dock from napari's measure menu."""
    from napari_ifspace.app import open_dock

    open_dock(viewer)
