"""Train the finder on rendered slabs; stops and goes on at any time.

Usage: ``python train.py --samples DIR --work DIR --steps 20000``. A checkpoint is written every 100
steps and when the run is stopped (SIGTERM); the same call goes on from it. New slabs that appear in
the folders are taken up.
"""

import argparse
import copy
import math
import multiprocessing
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from network import CLASSES, Finder
from slabs import Slabs, batch
from torch import Tensor
from torch.nn import functional

BATCH = 4
PEAK_RATE = 2e-3
CHECKPOINT_STEPS = 100
UNKNOWN = 255
CLASS_WEIGHTS = (1.0, 1.0, 2.0, 1.0, 1.5, 1.0, 1.0)
AVERAGE = 0.995


def loss(scores: Tensor, labels: Tensor, heat: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy, Dice, heat map and height; also the parts for the log."""
    known = labels != UNKNOWN
    classes = scores[:, :CLASSES]
    entropy = functional.cross_entropy(
        classes, labels, torch.tensor(CLASS_WEIGHTS, device=scores.device), ignore_index=UNKNOWN
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
    return entropy + dice + 2 * hot + 0.5 * far, torch.stack(parts).detach()


def rate(step: int, steps: int, peak: float) -> float:
    """Warm up over 100 steps, then fall along a cosine to 2 % of the peak."""
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return peak * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * fall)


class Batches:
    """Makes the batch of a step; a process of its own may do it ahead."""

    def __init__(self, folders: list[Path], size: int, seed: int) -> None:
        self.slabs, self.size, self.seed = Slabs(folders), size, seed

    def __call__(self, step: int) -> tuple[np.ndarray, ...]:
        """Draw the batch of one step; the folders are listed again every 100 steps."""
        if not self.slabs.names or step % CHECKPOINT_STEPS == 0:
            self.slabs.look()
        return batch(self.slabs, np.random.default_rng([self.seed, step]), self.size)

    def ahead(self, steps: range, workers: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Draw the batches of all steps in order, in some processes if asked for."""
        if workers == 0:
            yield from map(self, steps)
            return
        with multiprocessing.Pool(workers) as pool:
            yield from pool.imap(self, steps, chunksize=4)


class Run:
    """Network, averaged network and optimiser with their checkpoint."""

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self.network = Finder().to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), PEAK_RATE, weight_decay=1e-3)
        self.step, self.hours, self.since = 0, 0.0, time.process_time()
        if path.exists():
            state = torch.load(path, weights_only=True, map_location=device)
            for name in ("network", "average", "optimiser"):
                getattr(self, name).load_state_dict(state[name])
            self.step, self.hours = state["step"], state["cpu_hours"]

    def learn(self, arrays: tuple[np.ndarray, ...], rate_now: float) -> Tensor:
        """Make one step; give the parts of the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_now
        planes, *targets = (torch.from_numpy(a).to(self.device) for a in arrays)
        scores = self.network(planes.contiguous(memory_format=torch.channels_last))
        total, parts = loss(scores, targets[0].long(), *targets[1:])
        self.optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        _follow(self.average, self.network, min(AVERAGE, self.step / (self.step + 9)))
        return parts

    def save(self) -> float:
        """Write a checkpoint that is never half there; give the processor hours so far."""
        self.hours += (time.process_time() - self.since) / 3600
        self.since = time.process_time()
        names = ("network", "average", "optimiser")
        state = {name: getattr(self, name).state_dict() for name in names}
        part = self.path.with_suffix(".part")
        torch.save({**state, "step": self.step, "cpu_hours": self.hours}, part)
        part.rename(self.path)
        return self.hours


def main() -> None:
    """Train until the asked step, going on from the checkpoint if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--rate", type=float, default=PEAK_RATE)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches ahead")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    asked.work.mkdir(parents=True, exist_ok=True)
    run = Run(asked.work / "checkpoint.pt", asked.device)
    batches = Batches(asked.samples, asked.batch, asked.seed)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    log: list[Tensor] = []
    for arrays in batches.ahead(range(run.step, asked.steps), asked.workers):
        log.append(run.learn(arrays, rate(run.step, asked.steps, asked.rate)))
        if run.step % CHECKPOINT_STEPS == 0 or run.step == asked.steps or stopped:
            hours = run.save()
            shown = " ".join(f"{v:.3f}" for v in torch.stack(log).mean(0))
            print(f"{run.step} hours {hours:.2f} loss {shown}", flush=True)
            log = []
        if stopped:
            return


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
