"""Train the finder on rendered slabs; stops and goes on at any time.

Usage: ``python train.py --samples DIR --work DIR --steps 4000``. A checkpoint is written every few
hundred steps; the same call goes on from it. New slabs that appear in the folder are taken up.
"""

import argparse
import copy
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from network import CLASSES, HEIGHT_UNIT_MM, PLANES_MM, Finder
from torch import Tensor
from torch.nn import functional

GRID_MM = 1.25
CROP = 128
BATCH = 4
PEAK_RATE = 2e-3
CHECKPOINT_STEPS = 100
LOOK_AGAIN_STEPS = 50
UNKNOWN = 255
FEMUR, TROCHANTER = 1, 4
HEAT_MM, HEAT_LEVEL_MM = 7.0, 6.0
CLASS_WEIGHTS = (1.0, 1.0, 2.0, 1.0, 1.5, 1.0, 1.0)
AVERAGE = 0.995

Slab = dict[str, np.ndarray]


class Slabs:
    """Slabs of one folder in memory; looks for new ones when asked."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self.read: dict[Path, Slab] = {}
        self.names: list[Path] = []

    def look(self) -> int:
        """List the folders again; give the number of slabs."""
        self.names = sorted(p for f in self.folders for p in f.glob("*.npz"))
        return len(self.names)

    def draw(self, rng: np.random.Generator) -> Slab:
        """Draw one slab."""
        path = self.names[rng.integers(len(self.names))]
        if path not in self.read:
            with np.load(path) as file:
                self.read[path] = {name: file[name] for name in file.files}
        return self.read[path]


def planes_at(image: np.ndarray, k: int, step_mm: float, corner: list[int]) -> np.ndarray:
    """Cut the five planes around slice k; beyond the ends the end slice is repeated."""
    at = np.clip(k + np.array(PLANES_MM) / step_mm, 0, len(image) - 1)
    low = at.astype(int)
    high = np.minimum(low + 1, len(image) - 1)
    share = (at - low)[:, None, None].astype(np.float32)
    below, above = (_crop(image, corner, which).astype(np.float32) for which in (low, high))
    return below * (1 - share) + above * share


def sample(slab: Slab, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Cut one training sample: planes, labels, heat, height (with NaN where there is none)."""
    image, apices = slab["image"], slab["apices"]
    step = float(slab["step_mm"])
    k = int(rng.integers(len(image)))
    rows, columns = image.shape[1:]
    if rng.random() < 0.75:
        middle = apices[rng.integers(len(apices)), 1:] + rng.normal(0, 28, 2)
    else:
        middle = rng.uniform(0, [rows, columns])
    corner = [
        int(np.clip(middle[n] - CROP / 2, min(0, size - CROP), max(0, size - CROP)))
        for n, size in enumerate((rows, columns))
    ]
    planes = planes_at(image, k, step, corner)
    labels = _crop(slab["labels"], corner, [k])[0]
    y, x = np.ogrid[corner[0] : corner[0] + CROP, corner[1] : corner[1] + CROP]
    heat = np.zeros((CROP, CROP), np.float32)
    for apex in apices:
        flat = (((y - apex[1]) ** 2 + (x - apex[2]) ** 2) * GRID_MM**2) / (2 * HEAT_MM**2)
        level = ((k - apex[0]) * step) ** 2 / (2 * HEAT_LEVEL_MM**2)
        heat = np.maximum(heat, np.exp(-flat - level))
    nearest = np.argmin([np.abs(x - apex[2]) for apex in apices], axis=0)
    height = ((k - apices[:, 0]) * step)[nearest] / HEIGHT_UNIT_MM
    height = np.broadcast_to(np.clip(height, -3, 3), labels.shape)
    height = np.where((labels == FEMUR) | (labels == TROCHANTER), height, np.nan)
    parts = (planes, labels, heat, height.astype(np.float32))
    return tuple(p[..., ::-1] for p in parts) if rng.random() < 0.5 else parts


def _crop(stack: np.ndarray, corner: list[int], slices: Sequence[int]) -> np.ndarray:
    """Cut a CROP x CROP window out of some slices; what lies outside is zero."""
    result = np.zeros((len(slices), CROP, CROP), stack.dtype)
    low = [max(0, c) for c in corner]
    high = [min(stack.shape[1 + n], corner[n] + CROP) for n in (0, 1)]
    to = [slice(low[n] - corner[n], high[n] - corner[n]) for n in (0, 1)]
    result[:, to[0], to[1]] = stack[slices, low[0] : high[0], low[1] : high[1]]
    return result


def batch(slabs: Slabs, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Draw a batch and change its grey levels."""
    parts = zip(*(sample(slabs.draw(rng), rng) for _ in range(BATCH)), strict=True)
    planes, labels, heat, height = (np.stack(p) for p in parts)
    gamma = np.exp(rng.normal(0, 0.3, (BATCH, 1, 1, 1))).astype(np.float32)
    planes = np.clip(planes, 0, 1.5) ** gamma * rng.uniform(0.8, 1.25, gamma.shape)
    planes = planes + 0.015 * rng.standard_normal(planes.shape, dtype=np.float32)
    return (
        torch.from_numpy(planes.astype(np.float32)).to(memory_format=torch.channels_last),
        torch.from_numpy(labels.astype(np.int64)),
        torch.from_numpy(np.ascontiguousarray(heat)),
        torch.from_numpy(np.ascontiguousarray(height)),
    )


def loss(
    scores: Tensor, labels: Tensor, heat: Tensor, height: Tensor
) -> tuple[Tensor, list[float]]:
    """Cross entropy, Dice, heat map and height; also the parts for the log."""
    known = labels != UNKNOWN
    classes = scores[:, :CLASSES]
    entropy = functional.cross_entropy(
        classes, labels, torch.tensor(CLASS_WEIGHTS), ignore_index=UNKNOWN
    )
    share = torch.softmax(classes, 1) * known[:, None]
    truth = (
        functional.one_hot(torch.where(known, labels, 0), CLASSES).movedim(-1, 1) * known[:, None]
    )
    both, total = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    dice = (1 - (2 * both + 10) / (total + 10))[1:].mean()
    hot = functional.binary_cross_entropy_with_logits(
        scores[:, CLASSES], heat, weight=1 + 20 * heat
    )
    there = torch.isfinite(height)
    far = functional.smooth_l1_loss(
        scores[:, CLASSES + 1][there], height[there], reduction="sum", beta=0.3
    ) / (there.sum() + 100)
    parts = [entropy, dice, hot, far]
    return entropy + dice + 2 * hot + 0.5 * far, [float(p.detach()) for p in parts]


def rate(step: int, steps: int) -> float:
    """Warm up over 100 steps, then fall along a cosine to 2 % of the peak."""
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return PEAK_RATE * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * fall)


def save(path: Path, **state: object) -> None:
    """Write a checkpoint that is never half there."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.rename(path)


def main() -> None:
    """Train until the asked step, going on from the checkpoint if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    asked.work.mkdir(parents=True, exist_ok=True)
    path = asked.work / "checkpoint.pt"
    network = Finder().to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=1e-3)
    first, hours = 0, 0.0
    if path.exists():
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first, hours = state["step"], state["cpu_hours"]
    slabs, log, started = Slabs(asked.samples), [], time.process_time()
    for step in range(first, asked.steps):
        if (step - first) % LOOK_AGAIN_STEPS == 0:
            slabs.look()
        for group in optimiser.param_groups:
            group["lr"] = rate(step, asked.steps)
        planes, *targets = batch(slabs, np.random.default_rng([asked.seed, step]))
        total, parts = loss(network(planes), *targets)
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _follow(average, network, min(AVERAGE, (step + 1) / (step + 10)))
        log.append(parts)
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == asked.steps:
            spent = hours + (time.process_time() - started) / 3600
            save(
                path,
                network=network.state_dict(),
                average=average.state_dict(),
                optimiser=optimiser.state_dict(),
                step=step + 1,
                cpu_hours=spent,
            )
            shown = " ".join(f"{v:.3f}" for v in np.mean(log, 0))
            print(f"{step + 1} slabs {len(slabs.names)} hours {spent:.2f} loss {shown}", flush=True)
            log = []


def _follow(average: Finder, network: Finder, keep: float) -> None:
    """Move the averaged weights towards the trained ones."""
    with torch.no_grad():
        for old, new in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


if __name__ == "__main__":
    main()
