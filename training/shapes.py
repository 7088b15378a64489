"""Draw pelves with both femora from the shape model, posed, in patient millimetres (LPS).

The model (``llp26.npz``) holds the whole pelvis and the left femur in one frame: +x is the
patient's left, +y posterior, +z superior. Its pelvis has three parts: right hip bone, sacrum, left
hip bone. The right femur of a draw is the mirrored left one, moved by the rigid fit of the mirrored
left hip bone onto the right one: an asymmetric pelvis keeps its own acetabulum on each side.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

MIRROR = np.array([-1.0, 1.0, 1.0])
# Modes above this one move the surface by less than 0.4 mm.
MODES = 25


@dataclass(frozen=True, eq=False)
class Bones:
    """One posed pelvis: vertices (n, 3) in mm of right/left hip bone, sacrum and femora."""

    hips: tuple[np.ndarray, np.ndarray]
    sacrum: np.ndarray
    femora: tuple[np.ndarray, np.ndarray]

    def moved(self, rotation: np.ndarray, shift_mm: np.ndarray) -> "Bones":
        """Rotate about the origin, then shift; works on every part alike."""
        parts = [p @ rotation.T + shift_mm for p in (*self.hips, self.sacrum, *self.femora)]
        return Bones((parts[0], parts[1]), parts[2], (parts[3], parts[4]))

    def vertices(self) -> np.ndarray:
        """Stack all vertices in a fixed order, (n, 3); the same order in every draw."""
        return np.concatenate([*self.hips, self.sacrum, *self.femora])


class ShapeModel:
    """The 26-subject model, with the landmarks that posing and labels need.

    Parameters
    ----------
    path
        ``llp26.npz``: mean vertices, faces and modes in mm per standard deviation.
    """

    def __init__(self, path: Path) -> None:
        data = np.load(path)
        self.pelvis_mean = data["pelvis_mean_mm"].astype(np.float64)
        self.femur_mean = data["femur_mean_mm"].astype(np.float64)
        self.pelvis_modes = data["pelvis_modes_mm_per_sd"][:MODES].astype(np.float64)
        self.femur_modes = data["femur_modes_mm_per_sd"][:MODES].astype(np.float64)
        self.parts = _connected(data["pelvis_faces"], self.pelvis_mean)
        self.hip_faces, self.sacrum_faces = self._faces_by_part(data["pelvis_faces"])
        self.femur_faces = data["femur_faces"]
        self.head = self._head_vertices()
        self.head_centre_mean = sphere_centre(self.femur_mean[self.head])
        self.apex = self._apex_vertex()
        self.right_of_left = self._mirror_pairs()

    def _faces_by_part(self, faces: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Faces of both hip bones and of the sacrum, numbered within the part."""
        within = np.zeros(len(self.pelvis_mean), int)
        result = []
        for part in self.parts:
            within[part] = np.arange(len(part))
            result.append(within[faces[np.isin(faces[:, 0], part)]])
        return (result[0], result[2]), result[1]

    def _head_vertices(self) -> np.ndarray:
        """Vertices of the femoral head: those on a 20-27 mm sphere at the medial top."""
        v = self.femur_mean
        near = np.flatnonzero(
            (v[:, 2] > v[:, 2].max() - 40) & (v[:, 0] < v[v[:, 2].argmax(), 0] + 12)
        )
        for _ in range(5):
            centre = sphere_centre(v[near])
            radius = np.median(np.linalg.norm(v[near] - centre, axis=1))
            distance = np.linalg.norm(v - centre, axis=1)
            near = np.flatnonzero(np.abs(distance - radius) < 1.5)
        return near

    def _apex_vertex(self) -> int:
        """Vertex of the lesser trochanter that stands out most posteromedially from the shaft."""
        v = self.femur_mean
        top = v[:, 2].max()
        shaft = v[(v[:, 2] < top - 105) & (v[:, 2] > top - 220)]
        axis = np.polyfit(shaft[:, 2], shaft[:, :2], 1)
        off = v[:, :2] - (v[:, 2:] * axis[0] + axis[1])
        reach = off @ (np.array([-1.0, 1.0]) / np.sqrt(2))
        band = (v[:, 2] < top - 58) & (v[:, 2] > top - 95)
        return int(np.argmax(np.where(band, reach, -np.inf)))

    def _mirror_pairs(self) -> np.ndarray:
        """For every left hip vertex the right one that mirrors it (indices into the right part)."""
        right, _, left = (self.pelvis_mean[part] for part in self.parts)
        left = left * MIRROR
        left = left + right.mean(0) - left.mean(0)
        tree = cKDTree(right)
        # The model's pelvis is rolled by some degrees; fewer iterations stop half-way.
        for _ in range(150):
            pairs = tree.query(left)[1]
            rotation, shift = rigid_fit(left, right[pairs])
            left = left @ rotation.T + shift
        return pairs

    def draw(self, rng: np.random.Generator) -> Bones:
        """Draw a pelvis with both femora in the model's frame, centred between the heads."""
        weights = rng.normal(0, 1, MODES).clip(-2.3, 2.3)
        pelvis = self.pelvis_mean + np.tensordot(weights, self.pelvis_modes, 1)
        femur = self.femur_mean + np.tensordot(weights, self.femur_modes, 1)
        right, sacrum, left = (pelvis[part] for part in self.parts)
        rotation, shift = rigid_fit(left * MIRROR, right[self.right_of_left])
        bones = Bones((right, left), sacrum, ((femur * MIRROR) @ rotation.T + shift, femur))
        return self.sized(bones, rng)

    def of_vertices(self, vertices: np.ndarray) -> Bones:
        """Take ``Bones.vertices()`` apart again."""
        mean = self.mean()
        parts = (*mean.hips, mean.sacrum, *mean.femora)
        ends = np.cumsum([len(p) for p in parts])[:-1]
        right, left, sacrum, *femora = np.split(vertices, ends)
        return Bones((right, left), sacrum, (femora[0], femora[1]))

    def sized(self, bones: Bones, rng: np.random.Generator) -> Bones:
        """Level a pelvis and give it another size and slightly other proportions."""
        scale = rng.uniform(0.86, 1.14) * np.exp(rng.normal(0, 0.03, 3))
        return self._levelled(bones).moved(np.diag(scale), np.zeros(3))

    def _levelled(self, bones: Bones) -> Bones:
        """Put the origin between the heads and the line through them along x."""
        right, left = (sphere_centre(f[self.head]) for f in bones.femora)
        axis = (left - right) / np.linalg.norm(left - right)
        rotation = Rotation.align_vectors([[1.0, 0.0, 0.0]], [axis])[0].as_matrix()
        return bones.moved(rotation, -rotation @ ((left + right) / 2))

    def pose(self, bones: Bones, rng: np.random.Generator) -> Bones:
        """Turn each femur about its head: rotation +-30, flexion, adduction, in degrees."""
        common = rng.uniform(-20, 20)
        femora = []
        for sign, femur in zip((-1, 1), bones.femora, strict=True):
            centre = sphere_centre(femur[self.head])
            turn = np.clip(common + rng.normal(0, 8), -30, 30)
            adduction, flexion = rng.uniform(-10, 8), rng.uniform(-22, 12)
            angles = [sign * turn, sign * adduction, flexion]
            rotation = Rotation.from_euler("zyx", angles, degrees=True).as_matrix()
            femora.append((femur - centre) @ rotation.T + centre)
        return Bones(bones.hips, bones.sacrum, (femora[0], femora[1]))

    def mean(self) -> Bones:
        """Give the mean pelvis with its mirrored right femur, centred between the heads."""
        right, sacrum, left = (self.pelvis_mean[part] for part in self.parts)
        rotation, shift = rigid_fit(left * MIRROR, right[self.right_of_left])
        femora = ((self.femur_mean * MIRROR) @ rotation.T + shift, self.femur_mean)
        return self._levelled(Bones((right, left), sacrum, femora))


def _connected(faces: np.ndarray, vertices: np.ndarray) -> list[np.ndarray]:
    """Vertex numbers of the connected surfaces, from the patient's right to left."""
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    size = len(vertices)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(size, size))
    number = connected_components(graph, directed=False)[1]
    parts = [np.flatnonzero(number == n) for n in np.unique(number)]
    return sorted(parts, key=lambda part: vertices[part, 0].mean())


def rigid_fit(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit rotation and shift (Kabsch) that bring source points (n, 3) onto target points."""
    a, b = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, b - rotation @ a


def sphere_centre(points: np.ndarray) -> np.ndarray:
    """Fit a sphere to points (n, 3) by least squares and give its centre."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    return np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]
