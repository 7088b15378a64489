"""Soft tissue for drawn bones: the muscles of labelled CT patients, bent onto the draw.

The shape model is fitted once to each CT patient. A draw and a fit share their vertices, so the
displacement from the draw to the patient is known on every bone surface; between the bones it is
interpolated, and the patient's muscle labels are looked up there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from raster import stretched
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from shapes import ShapeModel, rigid_fit

# Below this height (mm from the heads) the CT shows no femur.
FEMUR_FLOOR_MM = -150.0
CLOSING_MM = 9.0
HIP, FEMUR, SACRUM_LABEL, SPINE = 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class Patient:
    """One CT patient: labels and nearest labels (k, j, i), body, spacing, origin, fitted vertices.

    ``nearest`` also fills the gaps between muscles (the labels leave up to 2 cm unlabelled there).
    """

    labels: np.ndarray
    nearest: np.ndarray
    body: np.ndarray
    spacing_mm: np.ndarray
    origin_mm: np.ndarray
    fitted_mm: np.ndarray

    def at(self, points_mm: np.ndarray, filled: bool) -> tuple[np.ndarray, np.ndarray]:
        """Look up muscle label and body mask at points (..., 3) in the patient's frame."""
        index = np.rint((points_mm - self.origin_mm) / self.spacing_mm).astype(np.int32)
        i, j, k = (np.clip(index[..., n], 0, self.labels.shape[2 - n] - 1) for n in range(3))
        return (self.nearest if filled else self.labels)[k, j, i], self.body[k, j, i]


def load_patient(folder: Path, number: str, model: ShapeModel) -> Patient:
    """Read ``pelvic_ref_NUMBER`` and fit the model to its bones (cached beside the work files)."""
    image = sitk.ReadImage(str(folder / f"pelvic_ref_{number}_label.nii.gz"))
    labels = sitk.GetArrayFromImage(image)
    body = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"pelvic_ref_{number}_mask.nii.gz")))
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    clouds = _clouds(labels, spacing, origin)
    return Patient(labels, _filled(labels, spacing), body > 0, spacing, origin, _fit(model, clouds))


def _filled(labels: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Give the gaps between muscles and bones (a closing of 9 mm) to the nearest muscle."""
    sampling = spacing[::-1]
    coarse = labels > 0
    grown = distance_transform_edt(~coarse, sampling) < CLOSING_MM
    closed = distance_transform_edt(grown, sampling) > CLOSING_MM
    index = distance_transform_edt(labels <= SPINE, sampling, False, True)
    return np.where(closed & (labels == 0), labels[tuple(index)], labels).astype(np.uint8)


def _clouds(labels: np.ndarray, spacing: np.ndarray, origin: np.ndarray) -> list[np.ndarray]:
    """Surface points of right hip, left hip, sacrum, right femur, left femur."""
    middle = np.argwhere(labels == SACRUM_LABEL)[:, 2].mean()
    clouds = []
    for value, side in ((HIP, -1), (HIP, 1), (SACRUM_LABEL, 0), (FEMUR, -1), (FEMUR, 1)):
        mask = labels == value
        padded = np.pad(mask, 1)
        inner = mask.copy()
        for axis in range(3):
            for step in (-1, 1):
                inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
        points = np.argwhere(mask & ~inner)
        if side:
            points = points[(points[:, 2] - middle) * side > 0]
        clouds.append(points[:, ::-1] * spacing + origin)
    return clouds


def _matches(
    x: np.ndarray, cloud: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pair vertices and surface points both ways: (vertex indices, surface points).

    One way alone lets an affine fit shrink the model into a corner of the bone.
    """
    some = cloud[rng.integers(0, len(cloud), len(x))]
    there, back = cKDTree(cloud).query(x)[1], cKDTree(x).query(some)[1]
    return np.concatenate([np.arange(len(x)), back]), np.concatenate([cloud[there], some])


def _fit(model: ShapeModel, clouds: list[np.ndarray]) -> np.ndarray:
    """Fit the pelvis (affine, then locally) and each femur (rigid, then locally) to the points."""
    rng = np.random.default_rng(0)
    mean = model.mean()
    pelvis, affine = fit_parts([*mean.hips, mean.sacrum], clouds[:3], rng)
    femora = [_fit_femur(mean.femora[side], clouds[3 + side], affine, rng) for side in (0, 1)]
    return np.concatenate([pelvis, *femora])


def fit_parts(
    parts: list[np.ndarray], clouds: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Fit surfaces together to as many point clouds: all vertices (n, 3), and the affine map."""
    rest = np.concatenate(parts)
    start = np.cumsum([0, *(len(p) for p in parts)])
    system = np.column_stack([rest, np.ones(len(rest))])
    # The first two of three are the hip bones, whose box does not depend on a cut sacrum.
    cloud, own = np.concatenate(clouds[:2]), np.concatenate(parts[:2])
    x = (rest - own.min(0)) * (np.ptp(cloud, axis=0) / np.ptp(own, axis=0)) + cloud.min(0)
    for step in range(48):
        pairs = [
            _matches(x[start[n] : start[n + 1]], points, rng) for n, points in enumerate(clouds)
        ]
        index = np.concatenate([p[0] + start[n] for n, p in enumerate(pairs)])
        near = np.concatenate([p[1] for p in pairs])
        if step < 40:
            affine = np.linalg.lstsq(system[index], near, rcond=None)[0]
            x = system @ affine
        else:
            x = x + _smoothed(rest, x, index, near)
    return x, affine


def _smoothed(rest: np.ndarray, x: np.ndarray, index: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Average the way to the matched points over neighbouring vertices."""
    total = np.zeros_like(x)
    count = np.bincount(index, minlength=len(x))
    np.add.at(total, index, near - x[index])
    move = total / np.maximum(count, 1)[:, None]
    return move[cKDTree(rest).query(rest, 10)[1]].mean(1)


def _fit_femur(
    femur: np.ndarray, cloud: np.ndarray, affine: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Fit one femur, starting where the pelvis puts it."""
    x = np.column_stack([femur, np.ones(len(femur))]) @ affine
    shown = np.flatnonzero(x[:, 2] > cloud[:, 2].min() + 10)
    for step in range(60):
        index, near = _matches(x[shown], cloud[cloud[:, 2] > cloud[:, 2].min() + 10], rng)
        if step < 45:
            rotation, shift = rigid_fit(x[shown[index]], near)
            x = x @ rotation.T + shift
        else:
            x[shown] += _smoothed(femur[shown], x[shown], index, near)
    return x


class Bend:
    """Smooth map that takes source vertices to target vertices, for any point in space.

    An affine map, plus what it leaves, averaged over the 24 nearest vertices; far from every bone
    the affine map alone holds.

    Parameters
    ----------
    source, target
        Matching vertices (n, 3) in mm.
    """

    def __init__(self, source: np.ndarray, target: np.ndarray) -> None:
        system = np.column_stack([source, np.ones(len(source))])
        self.affine = np.linalg.lstsq(system, target, rcond=None)[0]
        self.rest = target - system @ self.affine
        self.tree = cKDTree(source)

    def residual(self, points: np.ndarray) -> np.ndarray:
        """Give what comes on top of the affine map at points (n, 3)."""
        distance, index = self.tree.query(points, 24)
        weight = 1 / (distance**2 + 25) ** 1.5
        fade = np.exp(-((distance[:, :1] / 80) ** 2))
        return fade * (weight[..., None] * self.rest[index]).sum(1) / weight.sum(1, keepdims=True)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 3)."""
        return points @ self.affine[:3] + self.affine[3] + self.residual(points)

    def grid(self, axes: list[np.ndarray]) -> np.ndarray:
        """Map all points of a grid, (z, y, x, 3); between nodes 8 mm apart it is interpolated."""
        coarse = [np.linspace(a[0], a[-1], max(2, int(np.ptp(a) / 8) + 1)) for a in axes]
        nodes = np.stack(np.meshgrid(*coarse[::-1], indexing="ij")[::-1], -1)
        bend = self.residual(nodes.reshape(-1, 3)).reshape(nodes.shape)
        size = tuple(len(a) for a in axes[::-1])
        fine = np.stack([stretched(bend[..., c], size) for c in range(3)], -1)
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij", sparse=True)
        affine = self.affine.astype(np.float32)
        for n, axis in enumerate((x, y, z)):
            fine += axis.astype(np.float32)[..., None] * affine[n]
        return fine + affine[3]
