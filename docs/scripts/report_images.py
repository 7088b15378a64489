"""Make the pictures of report and notebook for README and docs from the built-in phantom.

Run with the environment of the project: ``python docs/scripts/report_images.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import ifspace

IMAGES = Path(__file__).parents[1] / "images"
RESOLUTION_DPI = "90"
FIGURE_DPI = 70


def main() -> None:
    """Draw the figure of the notebook, run the demo and turn its first two pages into PNG."""
    _figure()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "ifspace", "demo", "-o", folder], check=True)
        for page in ("1", "2"):
            subprocess.run(
                [
                    "pdftoppm",
                    *("-r", RESOLUTION_DPI, "-f", page, "-l", page, "-png", "-singlefile"),
                    str(Path(folder) / "report.pdf"),
                    str(IMAGES / f"report-page-{page}"),
                ],
                check=True,
            )


def _figure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        truth = ifspace.write_phantom(folder)
        study = ifspace.load_study(truth.image_path)
        result = ifspace.measure(study, truth.session_path)
        page = ifspace.figure(result, study)
        page.savefig(IMAGES / "from-folder-to-figure.png", dpi=FIGURE_DPI)


if __name__ == "__main__":
    main()
