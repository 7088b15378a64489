from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ifspace.cli import app
from ifspace.cli.exits import run
from ifspace.phantom import PhantomSpec, PhantomTruth, Size, write_phantom


@dataclass(frozen=True)
class Ran:
    """What a run printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ifspace(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the program in this process, as its entry point does."""

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ifspace", *(str(item) for item in arguments)])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(app)
        return Ran(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> PhantomTruth:
    """A small study with 13 mm left and 22 mm right."""
    spec = PhantomSpec(
        ifs_left_mm=13.0, ifs_right_mm=22.0, qfs_left_mm=7.0, qfs_right_mm=15.0, size=Size.TINY
    )
    return write_phantom(tmp_path_factory.mktemp("phantom"), spec)


@pytest.fixture(scope="session")
def measured(phantom: PhantomTruth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `measure` wrote for the phantom."""
    out = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys,
            "argv",
            [
                "ifspace",
                "measure",
                str(phantom.image_path),
                "--session",
                str(phantom.session_path),
                "-o",
                str(out),
            ],
        )
        with redirect_stdout(io.StringIO()):
            assert run(app) == 0
    return out
