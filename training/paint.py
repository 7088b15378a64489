"""Soft tissue of a slab: the patient's muscles, and what the patients lack.

Quadratus femoris, hamstring origin, iliopsoas tendon, organs, vessels, disease and metal are simple
solids placed at the drawn bones.
"""

import numpy as np
from anatomy import FEMUR_FLOOR_MM, Bend, Patient
from raster import noise
from scene import (
    AIR,
    FAT,
    FLUID,
    HAMSTRING,
    ILIOPSOAS,
    MUSCLE,
    NERVE,
    ORGAN,
    QUADRATUS,
    SOFT,
    TENDON,
    TUMOUR,
    VESSEL,
    Scene,
    ball,
    tube,
)
from shapes import ShapeModel


def soft_tissue(
    rng: np.random.Generator, scene: Scene, model: ShapeModel, patient: Patient, bone: np.ndarray
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Paint tissue numbers; also give the masks of hamstring origin and iliopsoas tendon."""
    source = scene.bones.vertices()
    use = model.mean().vertices()[:, 2] > FEMUR_FLOOR_MM
    points = Bend(source[use], patient.fitted_mm[use]).grid(scene.axes)
    for c in range(3):
        points[..., c] += rng.uniform(1, 5) * noise(rng, scene.shape, scene.spacing_mm, 45.0)
    muscle, body = patient.at(points, filled=rng.random() < 0.8)
    tissue = np.full(scene.shape, FAT, np.uint8)
    # What the patient has as bone lies outside the drawn bone: mostly muscle origins.
    tissue[muscle > 4] = MUSCLE + muscle[muscle > 4]
    rough = noise(rng, scene.shape, scene.spacing_mm, rng.uniform(4, 9))
    tissue[(muscle > 0) & (muscle <= 4)] = SOFT if rng.random() < 0.5 else FAT
    deep = (tissue == FAT) & (noise(rng, scene.shape, scene.spacing_mm, 22.0) + 0.5 * rough > 1.6)
    tissue[deep] = SOFT
    tissue[(tissue > MUSCLE) & (rough > rng.uniform(1.5, 3.0))] = FAT
    septum = np.zeros(scene.shape, bool)
    for axis in (1, 2):
        septum |= tissue != np.roll(tissue, 1, axis)
    tissue[septum & (tissue > MUSCLE) & (rough > rng.uniform(-1.5, 1.5))] = FAT
    _paint_organs(rng, scene, tissue)
    masks: dict[int, np.ndarray] = {}
    for side in (0, 1):
        _paint_gap(rng, scene, side, tissue, masks)
    _paint_disease(rng, scene, tissue)
    for mask in masks.values():
        mask &= bone < 0.5
    tissue[~body] = AIR
    return tissue, masks


def _paint(
    tissue: np.ndarray, solid: tuple[tuple, np.ndarray], value: int, over: tuple = ()
) -> None:
    """Write a tissue inside a solid, only over the given tissues if any are given."""
    box, mask = solid
    part = tissue[box]
    part[mask & np.isin(part, over) if over else mask] = value


def _paint_organs(rng: np.random.Generator, scene: Scene, tissue: np.ndarray) -> None:
    """Rectum, bladder, prostate or vagina, pelvic floor, femoral vessels."""
    for centre, radii, value in (
        ([0, 48, -30], [14, 14, 45], ORGAN),
        ([0, 55, -62], [11, 14, 18], SOFT),
        ([0, -12, 5], [35, 28, 30], FLUID),
        ([0, 12, -35], [16, 13, 26], ORGAN),
        ([0, -2, -68], [12, 16, 14], SOFT),
    ):
        if rng.random() < 0.8:
            middle = scene.body(np.array(centre) + rng.normal(0, 7, 3))
            _paint(tissue, ball(scene, middle, np.array(radii) * rng.uniform(0.6, 1.25, 3)), value)
    for side in (-1, 1):
        for _ in range(rng.integers(1, 4)):
            top = np.array([side * 68, -42, 20]) + rng.normal(0, 6, 3)
            foot = np.array([side * 72, -25, -130]) + rng.normal(0, 8, 3)
            _paint(
                tissue, tube(scene, scene.body(top), scene.body(foot), rng.uniform(3, 6)), VESSEL
            )
        if rng.random() < 0.7:
            sheet = np.array([side * rng.uniform(18, 34), 45, -45]) + rng.normal(0, 6, 3)
            foot = np.array([side * 10, 55, -75]) + rng.normal(0, 5, 3)
            _paint(
                tissue,
                tube(scene, scene.body(sheet), scene.body(foot), rng.uniform(3, 7), 0.5),
                SOFT,
            )


def _paint_gap(
    rng: np.random.Generator,
    scene: Scene,
    side: int,
    tissue: np.ndarray,
    masks: dict[int, np.ndarray],
) -> None:
    """Quadratus femoris, hamstring origin, iliopsoas tendon, nerve and bursa of one hip."""
    out = np.array([-1.0, 1.0])[side]
    apex, femur, hip = scene.apices_mm[side], scene.bones.femora[side], scene.bones.hips[side]
    near = hip[(np.abs(hip[:, 2] - apex[2] - 5) < 22) & (hip[:, 1] > apex[1] - 25)]
    crest = femur[(femur[:, 2] > apex[2]) & (femur[:, 2] < apex[2] + 30)]
    if len(near) < 4 or len(crest) < 4:
        return
    lateral = near[np.argmax(near[:, 0] * out)]
    origin = near[np.argmax(near[:, 0] * out * 0.6 + near[:, 1])]
    back = crest[np.argmax(crest[:, 1])]
    sheet = tube(scene, lateral + [0, rng.uniform(-6, 4), 0], back, rng.uniform(14, 30), 1.0)
    thick = tube(scene, lateral, back + [0, rng.uniform(-8, 2), 0], rng.uniform(6, 13), 0.35)
    if rng.random() < 0.9:
        _paint(tissue, thick, QUADRATUS, (FAT, SOFT, AIR))
    elif rng.random() < 0.5:
        _paint(tissue, sheet, QUADRATUS, (FAT, SOFT))
    if rng.random() < 0.6:
        at = (lateral + back) / 2 + [0, rng.uniform(8, 16), 0]
        _paint(tissue, tube(scene, at + [0, 0, 40], at - [0, 0, 40], rng.uniform(2.5, 5)), NERVE)
    if rng.random() < 0.85:
        radii = rng.uniform([3, 4, 10], [8, 11, 26])
        _mark(scene, tissue, masks, HAMSTRING, ball(scene, origin + rng.normal(0, 2, 3), radii))
        tail = origin + [out * rng.uniform(2, 14), rng.uniform(-4, 4), -50]
        _paint(tissue, tube(scene, origin, tail, rng.uniform(2.5, 6)), TENDON)
    top = apex + [-out * rng.uniform(-2, 8), rng.uniform(-34, -18), rng.uniform(28, 45)]
    if rng.random() < 0.85:
        _paint(tissue, tube(scene, apex, top, rng.uniform(7, 14)), MUSCLE + 30, (FAT, SOFT))
    if rng.random() < 0.85:
        _mark(scene, tissue, masks, ILIOPSOAS, tube(scene, apex, top, rng.uniform(2, 4.5)))
    if rng.random() < 0.1:
        centre = apex + rng.normal(0, 6, 3)
        _paint(tissue, ball(scene, centre, rng.uniform(4, 12, 3)), FLUID)


def _mark(
    scene: Scene, tissue: np.ndarray, masks: dict[int, np.ndarray], kind: int, solid: tuple
) -> None:
    """Paint a tendon and remember where it is."""
    masks.setdefault(kind, np.zeros(scene.shape, bool))
    masks[kind][solid[0]] |= solid[1]
    _paint(tissue, solid, TENDON)


def _paint_disease(rng: np.random.Generator, scene: Scene, tissue: np.ndarray) -> None:
    """Now and then a tumour or a bright patch anywhere near a hip."""
    for value, chance, size in (
        (TUMOUR, 0.12, (12, 40)),
        (FLUID, 0.15, (4, 12)),
        (SOFT, 0.3, (6, 18)),
    ):
        if rng.random() < chance:
            centre = scene.apices_mm[rng.integers(2)] + rng.normal(0, [30, 30, 25])
            _paint(tissue, ball(scene, centre, rng.uniform(*size, 3)), value)


def metal(rng: np.random.Generator, scene: Scene, model: ShapeModel) -> np.ndarray | None:
    """Signal void of a stem or a screw in one femur."""
    femur = scene.bones.femora[rng.integers(2)]
    low, high = femur[model.head].mean(0), femur[model.apex] - [0, 0, rng.uniform(0, 60)]
    box, mask = tube(scene, low, high, rng.uniform(8, 22))
    void = np.zeros(scene.shape, bool)
    void[box] = mask
    return void
