"""One hip with sharp edges (gfxmorph): its detail, bent onto any drawn bone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anatomy import Bend, fit_parts
from shapes import Bones, ShapeModel

# Corner of a binary STL triangle: normal, three corners, attribute.
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
HEADER_BYTES = 84
# The apex of the sharp trochanter lies within this distance of the model's.
APEX_NEAR_MM = 15.0


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface: vertices (n, 3) in mm and faces (m, 3)."""

    vertices: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True, eq=False)
class SharpHip:
    """Left hip bone and femur with the model's vertices fitted to them, and the femur's apex."""

    hip: Surface
    femur: Surface
    fitted_hip: np.ndarray
    fitted_femur: np.ndarray
    apex: int

    def on(self, bones: Bones, model: ShapeModel) -> tuple[list[Surface], list[Surface]]:
        """Bend the detail onto both hips of a draw: hip bones, and femora, right first."""
        right_hip = bones.hips[0][model.right_of_left]
        hips = [self._bent(self.hip, self.fitted_hip, to) for to in (right_hip, bones.hips[1])]
        femora = [self._bent(self.femur, self.fitted_femur, to) for to in bones.femora]
        return hips, femora

    @staticmethod
    def _bent(surface: Surface, fitted: np.ndarray, drawn: np.ndarray) -> Surface:
        return Surface(Bend(fitted, drawn).points(surface.vertices), surface.faces)


def load_sharp_hip(folder: Path, model: ShapeModel) -> SharpHip:
    """Read the two STL files and fit the model to them."""
    hip, femur = (_read_stl(folder / f"{name}.stl") for name in ("coxae", "femur"))
    rng = np.random.default_rng(0)
    mean = model.mean()
    fitted_hip, _ = fit_parts([mean.hips[1]], [hip.vertices], rng)
    fitted_femur, _ = fit_parts([mean.femora[1]], [femur.vertices], rng)
    near = np.linalg.norm(femur.vertices - fitted_femur[model.apex], axis=1) < APEX_NEAR_MM
    # Medially (to the right, for a left femur) and backwards.
    reach = femur.vertices @ np.array([-1.0, 1.0, 0.0])
    apex = int(np.argmax(np.where(near, reach, -np.inf)))
    return SharpHip(hip, femur, fitted_hip, fitted_femur, apex)


def _read_stl(path: Path) -> Surface:
    """Read a binary STL and join equal corners."""
    triangles = np.frombuffer(path.read_bytes()[HEADER_BYTES:], TRIANGLE)
    corners = triangles["corners"].reshape(-1, 3).astype(np.float64)
    vertices, faces = np.unique(corners, axis=0, return_inverse=True)
    return Surface(vertices, faces.reshape(-1, 3))
