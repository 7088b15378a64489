"""The finder's network: a 2.5-D U-Net that works on 2 x 2 pixel blocks.

Seven classes and two maps come out at the resolution of the input: a heat map of the apex of the
lesser trochanter, and, on the femur, the height above that apex (every slice that shows the femur
votes for the level). The input has five planes at fixed distances, so slice spacing plays no role.
"""

import torch
from slabs import HEIGHT_UNIT_MM, PLANES_MM
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 7
WIDTHS = (16, 32, 64, 96, 128)


class Block(nn.Sequential):
    """Two 3 x 3 convolutions with batch norm."""

    def __init__(self, inside: int, outside: int) -> None:
        layers: list[nn.Module] = []
        for width in (inside, outside):
            layers += [
                nn.Conv2d(width, outside, 3, padding=1, bias=False),
                nn.BatchNorm2d(outside),
                nn.LeakyReLU(0.1, inplace=True),
            ]
        super().__init__(*layers)


class Finder(nn.Module):
    """U-Net on pixel blocks; height and width of the input must be multiples of 32."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        inside = (len(PLANES_MM) * 4, *widths[:-1])
        self.down = nn.ModuleList(Block(a, b) for a, b in zip(inside, widths, strict=True))
        self.up = nn.ModuleList(
            Block(widths[n + 1] + widths[n], widths[n]) for n in range(len(widths) - 1)
        )
        self.head = nn.Conv2d(widths[0], (CLASSES + 2) * 4, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Map (n, 5, h, w) to (n, 9, h, w): class scores, heat score, height / 20 mm."""
        x = functional.pixel_unshuffle(planes, 2)
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            kept.append(x)
        for level in range(len(self.up) - 1, -1, -1):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[level](torch.cat([x, kept[level]], 1))
        return functional.pixel_shuffle(self.head(x), 2)


class Deployed(nn.Module):
    """What inference runs: probabilities, heat and height in mm."""

    def __init__(self, finder: Finder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (n, 5, h, w) to class probabilities (n, 7, h, w), heat and height in mm (n, h, w)."""
        scores = self.finder(planes)
        heat = torch.sigmoid(scores[:, CLASSES])
        return torch.softmax(scores[:, :CLASSES], 1), heat, scores[:, CLASSES + 1] * HEIGHT_UNIT_MM
