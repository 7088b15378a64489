"""Draw the two spaces in an axial slice, and where the four marks go, as own schematic pictures.

Run with the environment of the project: ``python docs/scripts/anatomy.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Polygon

IMAGES = Path(__file__).parents[1] / "images"
IFS, QFS = "#b34700", "#0a5f9e"
BONE, MUSCLE, TENDON = "#efe6d2", "#e3b7a8", "#6b5a4a"
# Places in mm, the patient's left hip seen from below: lateral to the right, front on top.
ISCHIUM, FEMUR = (0.0, 0.0), (52.0, 8.0)
HAMSTRING, ILIOPSOAS = (11.0, -10.0), (34.0, 15.0)
IFS_ENDS = ((13.6, 2.0), (33.6, 4.0))
QFS_ENDS = ((15.5, -7.5), (32.5, 10.5))
SIZE_INCHES, DOTS_PER_INCH = (7.2, 4.6), 110


def main() -> None:
    """Write one picture for each measurement page and one with both spaces."""
    for name, kinds in (("anatomy", ("ifs", "qfs")), ("ifs", ("ifs",)), ("qfs", ("qfs",))):
        figure, axes = plt.subplots(figsize=SIZE_INCHES)
        _anatomy(axes)
        if "ifs" in kinds:
            _line(axes, IFS_ENDS, IFS, "-", "IFS", (23.0, 5.6))
        if "qfs" in kinds:
            _line(axes, QFS_ENDS, QFS, "--", "QFS", (26.0, -2.8))
        axes.set(xlim=(-24, 84), ylim=(-30, 38), aspect="equal")
        axes.axis("off")
        figure.savefig(IMAGES / f"{name}.png", dpi=DOTS_PER_INCH, bbox_inches="tight")
        plt.close(figure)


def _anatomy(axes: Axes) -> None:
    muscle = [(12, 6), (34, 8), (38, -2), (34, -13), (14, -15), (10, -6)]
    axes.add_patch(Polygon(muscle, closed=True, facecolor=MUSCLE, edgecolor="none"))
    axes.add_patch(Ellipse(ISCHIUM, 27, 30, angle=20, facecolor=BONE, edgecolor="black"))
    axes.add_patch(Polygon(_femur(), closed=True, facecolor=BONE, edgecolor="black"))
    axes.add_patch(Ellipse(HAMSTRING, 9, 7, angle=30, facecolor=TENDON))
    axes.add_patch(Ellipse(ILIOPSOAS, 7, 9, angle=-20, facecolor=TENDON))
    axes.add_patch(Ellipse((27, -19), 6, 4, facecolor="#f4dd6b", edgecolor="black", linewidth=0.6))
    for words, place, tip in (
        ("ischial tuberosity", (-20, 27), (-3, 8)),
        ("femur", (66, 30), (55, 16)),
        ("lesser trochanter", (42, -24), (36, 3)),
        ("quadratus femoris muscle", (2, 34), (24, 0)),
        ("hamstring origin", (-22, -26), HAMSTRING),
        ("iliopsoas tendon", (30, 30), ILIOPSOAS),
        ("sciatic nerve", (14, -28), (26, -19)),
    ):
        axes.annotate(
            words, tip, place, fontsize=9, arrowprops={"arrowstyle": "-", "linewidth": 0.6}
        )
    for words, place in (("medial", (-24, 4)), ("lateral", (76, 4)), ("back", (56, -29))):
        axes.text(*place, words, fontsize=8, color="#56616c", ha="left")


def _femur() -> list[tuple[float, float]]:
    """Draw a round shaft with the lesser trochanter pointing to the ischium."""
    angles = np.linspace(0.0, 2.0 * np.pi, 120)
    bump = 4.5 * np.exp(-(((angles - 1.06 * np.pi) / 0.28) ** 2))
    radius = 14.5 + bump
    return [
        (FEMUR[0] + r * np.cos(a), FEMUR[1] + r * np.sin(a))
        for r, a in zip(radius, angles, strict=True)
    ]


def _line(
    axes: Axes,
    ends: tuple[tuple[float, float], tuple[float, float]],
    colour: str,
    style: str,
    words: str,
    place: tuple[float, float],
) -> None:
    xs, ys = zip(*ends, strict=True)
    axes.plot(xs, ys, style, color=colour, linewidth=2.2, marker="o", markersize=5)
    axes.text(*place, words, color=colour, fontsize=11, fontweight="bold", ha="center")


if __name__ == "__main__":
    main()
