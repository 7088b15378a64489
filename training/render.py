"""Render axial MRI slabs of drawn pelves with labels, for training the finder.

A slab is painted plane by plane on the network's grid, the planes are averaged to slices, and the
picture is degraded as a scanner does.
"""

from dataclasses import dataclass

import numpy as np
from anatomy import Patient
from degrade import degrade
from paint import metal, soft_tissue
from raster import depth_mm, noise, occupancy
from scene import (
    BACKGROUND,
    FEMUR,
    GRID_MM,
    HIP,
    ISCHIUM,
    MUSCLE,
    TROCHANTER,
    TUMOUR,
    UNKNOWN,
    Scene,
    ball,
)
from scipy.spatial.transform import Rotation
from shapes import Bones, ShapeModel
from sharp import SharpHip, Surface
from tissue import Contrast, draw_contrast

# Share of slabs whose bones are those of a CT patient, and whose surfaces have sharp detail.
PATIENT_SHARE, SHARP_SHARE = 0.15, 0.35


@dataclass(frozen=True, eq=False)
class Slab:
    """A rendered series: image (k, j, i), labels, slice step, trochanter apices (n, 3) kji."""

    image: np.ndarray
    labels: np.ndarray
    step_mm: float
    apices_kji: np.ndarray


@dataclass(frozen=True, eq=False)
class Sources:
    """What slabs are rendered from."""

    model: ShapeModel
    patients: list[Patient]
    sharp: SharpHip

    def bones(self, rng: np.random.Generator) -> Bones:
        """Draw and pose a pelvis: from the model, now and then one of the patients' own."""
        if rng.random() < PATIENT_SHARE:
            patient = self.patients[rng.integers(len(self.patients))]
            drawn = self.model.sized(self.model.of_vertices(patient.fitted_mm), rng)
        else:
            drawn = self.model.draw(rng)
        return self.model.pose(drawn, rng)

    def surfaces(self, rng: np.random.Generator, bones: Bones) -> tuple[list[Surface], ...]:
        """Give the surfaces of both hip bones and both femora, now and then with sharp detail."""
        if rng.random() < SHARP_SHARE:
            return self.sharp.on(bones, self.model)
        hips = [Surface(h, f) for h, f in zip(bones.hips, self.model.hip_faces, strict=True)]
        return hips, [Surface(f, self.model.femur_faces) for f in bones.femora]


@dataclass(frozen=True, eq=False)
class Painted:
    """A scene before the scanner: signal of every slice, label of every painted plane."""

    signal: np.ndarray
    labels: np.ndarray


def render(rng: np.random.Generator, sources: Sources) -> Slab | None:
    """Render one slab; None where the posed bones run into each other."""
    scene, surfaces = draw_scene(rng, sources)
    painted = paint(rng, sources, scene, surfaces)
    if painted is None:
        return None
    n = scene.planes_per_slice
    labels = painted.labels[n // 2 :: n]
    image, hidden = degrade(rng, painted.signal)
    labels[:, hidden] = BACKGROUND
    x, y, z = scene.axes
    a = scene.apices_mm
    centre = z.reshape(-1, n).mean(1)
    apices = np.column_stack(
        [
            (a[:, 2] - centre[0]) / scene.step_mm,
            (a[:, 1] - y[0]) / GRID_MM,
            (a[:, 0] - x[0]) / GRID_MM,
        ]
    )
    return Slab(image.astype(np.float16), labels, scene.step_mm, apices.astype(np.float32))


def paint(
    rng: np.random.Generator,
    sources: Sources,
    scene: Scene,
    surfaces: tuple[list[Surface], ...],
    sequence: str | None = None,
) -> Painted | None:
    """Paint a scene in a drawn or the named sequence; None where its bones run into each other."""
    model, patients = sources.model, sources.patients
    hips, femora = ([occupancy(s.vertices, s.faces, scene.axes) for s in both] for both in surfaces)
    if _collide(scene, np.maximum(*femora), np.maximum(*hips)):
        return None
    femur = np.maximum(*femora)
    hip = np.minimum(np.maximum(*hips), 1 - femur)
    sacrum = occupancy(scene.bones.sacrum, model.sacrum_faces, scene.axes)
    bone = np.maximum(np.maximum(femur, hip), sacrum)
    tissue, extra = soft_tissue(rng, scene, model, patients[rng.integers(len(patients))], bone)
    contrast = draw_contrast(rng, sequence)
    signal = _signal(rng, scene, tissue, (femur, hip, sacrum), contrast)
    labels = _labels(scene, model, femur, hip, extra)
    # An evaluated hip is sound.
    void = metal(rng, scene, model) if sequence is None and rng.random() < 0.05 else None
    if void is not None:
        signal[void] = 0.0
        labels[void & (labels > 0)] = UNKNOWN
    n = scene.planes_per_slice
    return Painted(signal.reshape(-1, n, *signal.shape[1:]).mean(1), labels)


def draw_scene(
    rng: np.random.Generator, sources: Sources
) -> tuple[Scene, tuple[list[Surface], ...]]:
    """Pose a draw in the scanner and choose field of view, slices and their number."""
    bones = sources.bones(rng)
    angles = [rng.normal(0, 4), rng.normal(0, 4), rng.normal(0, 10)]
    turn = Rotation.from_euler("zyx", np.clip(angles, -25, 25), degrees=True).as_matrix()
    bones = bones.moved(turn, np.zeros(3))
    surfaces = sources.surfaces(rng, bones)
    sharp = len(surfaces[1][0].vertices) == len(sources.sharp.femur.vertices)
    apex = sources.sharp.apex if sharp else sources.model.apex
    apices = np.array([femur.vertices[apex] for femur in surfaces[1]])
    kind = rng.choice(["both", "one", "any"], p=[0.45, 0.35, 0.2])
    if kind == "both":
        centre = apices[:, :2].mean(0) + rng.normal(0, 12, 2)
        size = rng.uniform([300, 200], [400, 290])
    else:
        centre = apices[rng.integers(2), :2] * [0.85, 1] + rng.normal(0, 22, 2)
        size = rng.uniform([140, 140], [230, 210])
        if kind == "any":
            centre = centre + rng.normal(0, 35, 2)
    n_xy = np.maximum(112, np.round(size / GRID_MM / 16) * 16).astype(int)
    step, slices = rng.uniform(3, 6.6), 0
    while not 8 <= slices <= 30:
        below, above = rng.uniform(-15, 75), rng.uniform(5, 85)
        slices = int((below + above) / step)
    planes = 2 if step < 4.4 else 3
    level = apices[rng.integers(2), 2] if kind != "both" else apices[:, 2].mean()
    z = level - below + (np.arange(slices * planes) + 0.5) * step / planes
    x, y = (centre[i] + (np.arange(n_xy[i]) - n_xy[i] / 2) * GRID_MM for i in (0, 1))
    return Scene(bones, turn, [x, y, z], apices, planes, step), surfaces


def _collide(scene: Scene, femur: np.ndarray, hip: np.ndarray) -> bool:
    """Tell whether femur and hip bone overlap below the joint."""
    low = scene.axes[2] < scene.apices_mm[:, 2].max() + 25
    voxel = np.prod(scene.spacing_mm)
    return bool(((femur[low] > 0.5) & (hip[low] > 0.5)).sum() * voxel > 300)


def _signal(
    rng: np.random.Generator,
    scene: Scene,
    tissue: np.ndarray,
    bones: tuple[np.ndarray, np.ndarray, np.ndarray],
    contrast: Contrast,
) -> np.ndarray:
    """Signal of every voxel: tissue, then marrow and cortex where bone is."""
    shape, spacing = scene.shape, scene.spacing_mm
    table = np.zeros(256, np.float32)
    table[MUSCLE:] = contrast.muscle + rng.normal(0, 0.03, 256 - MUSCLE)
    fixed = (0, contrast.fat, contrast.organ, contrast.vessel, contrast.tendon, contrast.nerve)
    table[:10] = (
        *fixed,
        contrast.fluid,
        contrast.tumour,
        contrast.muscle + rng.normal(0, 0.04),
        contrast.soft,
    )
    fine = noise(rng, shape, spacing, rng.uniform(3, 7))
    signal = table[tissue]
    signal *= 1 + rng.uniform(0.02, 0.12) * fine
    coarse = noise(rng, shape, spacing, rng.uniform(12, 30))
    signal[tissue == TUMOUR] *= 1 + 0.4 * coarse[tissue == TUMOUR]
    for n, occupied in enumerate(bones):
        if not occupied.any():
            continue
        depth = depth_mm(occupied, spacing)
        thickness = rng.uniform(0.4, 2.2) * np.exp(0.25 * coarse)
        if n == 0:
            # The shaft's cortex is thicker than that of trochanters and neck.
            low = scene.axes[2] - scene.apices_mm[:, 2].mean()
            thickness = (
                thickness + (rng.uniform(0.5, 3.5) / (1 + np.exp((low + 12) / 8)))[:, None, None]
            )
        cortex = 1 / (1 + np.exp(np.clip((depth - thickness) / 0.35, -30, 30)))
        marrow = contrast.marrow[n] * (1 + rng.uniform(0.02, 0.1) * fine)
        marrow -= contrast.red * np.clip(coarse + rng.uniform(-0.5, 1), 0, 1.5)
        inside = cortex * contrast.cortex + (1 - cortex) * marrow
        signal += occupied * (inside.astype(np.float32) - signal)
    return signal


def _labels(
    scene: Scene,
    model: ShapeModel,
    femur: np.ndarray,
    hip: np.ndarray,
    extra: dict[int, np.ndarray],
) -> np.ndarray:
    """Class of every voxel of the painted planes."""
    labels = np.zeros(scene.shape, np.uint8)
    labels[hip > 0.5] = HIP
    labels[_ischial(scene, model, hip > 0.5)] = ISCHIUM
    for kind, mask in extra.items():
        labels[mask & (labels == 0)] = kind
    labels[femur > 0.5] = FEMUR
    for apex in scene.apices_mm:
        box, mask = ball(scene, apex, np.full(3, 11.0))
        part = labels[box]
        part[mask & (part == FEMUR)] = TROCHANTER
    return labels


def _ischial(scene: Scene, model: ShapeModel, hip: np.ndarray) -> np.ndarray:
    """Ischial body and tuberosity: below and behind the joint, in the mean pelvis' frame."""
    index = np.argwhere(hip)
    points = np.column_stack([a[i] for a, i in zip(scene.axes, index[:, ::-1].T, strict=True)])
    result = np.zeros(hip.shape, bool)
    result[tuple(index[ischial(scene, model, points)].T)] = True
    return result


def ischial(scene: Scene, model: ShapeModel, points: np.ndarray) -> np.ndarray:
    """Tell which points (n, 3) of a hip bone, mm in the scanner's frame, are ischial."""
    mean = model.mean()
    own = np.concatenate(scene.bones.hips)
    system = np.column_stack([own, np.ones(len(own))])
    affine = np.linalg.lstsq(system, np.concatenate(mean.hips), rcond=None)[0]
    canonical = points @ affine[:3] + affine[3]
    return (canonical[:, 2] < -8) & (canonical[:, 1] > 3)
