"""Make the pictures of the report for README and docs from the built-in phantom.

Run with the environment of the project: ``python docs/scripts/report_images.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "images"
RESOLUTION_DPI = "90"


def main() -> None:
    """Run the demo and turn its first two pages into PNG."""
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


if __name__ == "__main__":
    main()
