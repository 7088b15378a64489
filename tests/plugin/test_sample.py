from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SHOWN = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tempfile import gettempdir
from napari_ifspace.contributions import phantom_sample
((images, _options, _kind),) = phantom_sample()
print(images.ndim, len(list(Path(gettempdir()).glob("ifspace-phantom-*/*"))) > 0)
"""


def test_the_sample_is_there_while_it_is_shown_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHOWN, str(root)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "True"]
    assert list(tmp_path.glob("ifspace-phantom-*")) == []
