"""Where everything lies in a rendered slab: posed bones, planes, and simple solids between them."""

from dataclasses import dataclass

import numpy as np
from shapes import Bones

GRID_MM = 1.25
BACKGROUND, FEMUR, ISCHIUM, HIP, TROCHANTER, HAMSTRING, ILIOPSOAS = range(7)
UNKNOWN = 255
# Tissue numbers of a painted slab; muscles of the patients are MUSCLE + their label.
AIR, FAT, ORGAN, VESSEL, TENDON, NERVE, FLUID, TUMOUR, QUADRATUS, SOFT = range(10)
MUSCLE = 10


@dataclass(frozen=True, eq=False)
class Scene:
    """Posed bones in the scanner's frame with the painting grid."""

    bones: Bones
    turn: np.ndarray
    axes: list[np.ndarray]
    apices_mm: np.ndarray
    planes_per_slice: int
    step_mm: float

    @property
    def spacing_mm(self) -> np.ndarray:
        """Spacing along z, y, x."""
        return np.array([a[1] - a[0] for a in self.axes[::-1]])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of planes, rows, columns."""
        x, y, z = self.axes
        return len(z), len(y), len(x)

    def body(self, points_mm: np.ndarray) -> np.ndarray:
        """Turn points of the pelvis' own frame into the scanner's frame."""
        return points_mm @ self.turn.T


def ball(scene: Scene, centre: np.ndarray, radii: np.ndarray) -> tuple[tuple, np.ndarray]:
    """Ellipsoid along the scanner's axes: the slices of its box and the mask inside the box."""
    box, terms = [], []
    for n in (2, 1, 0):
        axis = scene.axes[n]
        low, high = np.searchsorted(axis, [centre[n] - radii[n], centre[n] + radii[n]])
        box.append(slice(low, high))
        terms.append(((axis[low:high] - centre[n]) / radii[n]) ** 2)
    value = terms[0][:, None, None] + terms[1][:, None] + terms[2]
    return tuple(box), value < 1


def tube(
    scene: Scene, start: np.ndarray, end: np.ndarray, radius: float, flat: float = 1.0
) -> tuple[tuple, np.ndarray]:
    """Capsule from start to end; ``flat`` < 1 presses it along z."""
    low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
    box, grids = [], []
    for n in (2, 1, 0):
        box.append(slice(*np.searchsorted(scene.axes[n], [low[n], high[n]])))
        grids.append(scene.axes[n][box[-1]])
    z, y, x = np.meshgrid(*grids, indexing="ij", sparse=True)
    along = end - start
    delta = [x - start[0], y - start[1], z - start[2]]
    share = sum(d * a for d, a in zip(delta, along, strict=True)) / (along @ along)
    share = np.clip(share, 0, 1)
    squared = [(d - share * a) ** 2 for d, a in zip(delta, along, strict=True)]
    return tuple(box), squared[0] + squared[1] + squared[2] * flat**2 < radius**2
