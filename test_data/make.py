"""Make the studies of this folder again: `python test_data/make.py [FOLDER]`.

They are phantoms: no patient, free to share. `tests/phantom/test_test_data.py` shows that they
equal what this makes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ifspace.phantom import Layout, PhantomSpec, Size, write_phantom

STUDIES: Mapping[str, PhantomSpec] = {
    "plain": PhantomSpec(ifs_mm=20.0, qfs_mm=12.0, size=Size.TINY, layout=Layout.ZIPPED),
    "narrow": PhantomSpec(
        ifs_left_mm=11.0,
        qfs_left_mm=6.5,
        ifs_right_mm=24.0,
        qfs_right_mm=17.0,
        size=Size.TINY,
        transfer_syntax="rle",
        every_level_marked=True,
    ),
    "enhanced": PhantomSpec(
        ifs_mm=13.0, qfs_mm=7.0, size=Size.TINY, enhanced=True, transfer_syntax="jpeg-ls"
    ),
    "oblique": PhantomSpec(
        ifs_mm=16.0,
        qfs_mm=9.0,
        size=Size.TINY,
        tilt_deg=15.0,
        in_plane_deg=3.0,
        flips=("rows",),
        contrast="T2",
        transfer_syntax="jpeg-2000",
    ),
}


def main(folder: Path) -> None:
    """Write every study under `folder`."""
    for name, spec in STUDIES.items():
        write_phantom(folder / name, spec)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
