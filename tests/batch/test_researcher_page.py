"""The worked cohort of docs/researcher.md, run as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.waiting import LIMIT_S

PAGE = Path(__file__).parents[2] / "docs" / "researcher.md"


@pytest.mark.slow
def test_the_worked_cohort_runs_from_raw_folders_to_a_figure(tmp_path: Path) -> None:
    blocks = re.findall(r"```(sh|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [language for language, _ in blocks] == ["sh", "sh", "sh", "python"]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    printed = []
    for language, code in blocks:
        program = ["bash", "-e", "-c"] if language == "sh" else [sys.executable, "-c"]
        ran = subprocess.run(
            [*program, code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        printed.append(ran.stdout)
    assert "geometry_untrusted" in printed[2]
    assert printed[3] == "2 patients\n"
    drawn = (tmp_path / "figure.svg").read_text()
    assert drawn.count("<circle") == 2
    first, second = re.findall(r'cx="([\d.]+)"', drawn)
    assert sorted([float(first), float(second)]) == [130.0, 240.0]
