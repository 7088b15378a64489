"""Write the images of a volume as NIfTI, for programs that read nothing else.

SimpleITK turns LPS into the RAS of NIfTI. The file holds voxels and their place, no patient.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ifspace.errors import GeometryError
from ifspace.model import GRID_TOLERANCE_MM, Volume

# Cosine between axes that NIfTI can still call perpendicular: 0.1 mm over a stack of 100 mm.
SQUARE_TOLERANCE = 1e-3


def write_nifti(volume: Volume, path: Path) -> None:
    """Write voxels and grid to a file whose name ends in ``.nii`` or ``.nii.gz``.

    Raises
    ------
    GeometryError
        If the slices form no regular grid, which is all that NIfTI can describe.
    """
    grid = volume.grid
    indices = np.array([[k, 0, 0] for k in range(len(volume.slices))])
    apart_mm = [
        float(np.linalg.norm(expected - item.plane.origin_lps_mm))
        for expected, item in zip(grid.to_lps_mm(indices), volume.slices, strict=True)
    ]
    step_mm = np.asarray(grid.spacing_kji_mm)
    axes = grid.affine_lps_mm[:3, :3] / step_mm
    askew = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if max(apart_mm) > GRID_TOLERANCE_MM or askew > SQUARE_TOLERANCE:
        message = (
            "the slices form no even, straight stack, and a NIfTI file can describe nothing else;"
            " segment the series elsewhere and give the label map with --masks"
        )
        raise GeometryError(message)
    image = sitk.GetImageFromArray(volume.voxels)
    image.SetSpacing([float(mm) for mm in step_mm[::-1]])
    image.SetDirection(axes[:, ::-1].ravel().tolist())
    image.SetOrigin(grid.affine_lps_mm[:3, 3].tolist())
    sitk.WriteImage(image, str(path), True)
