"""Every example in the docstrings of the public functions gives what it says."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest

import ifspace

FUNCTIONS = [name for name in ifspace.__all__ if inspect.isfunction(getattr(ifspace, name))]
NEEDS = {"result_frame": "pandas", "figure": "matplotlib"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_public_function_is_true(
    name: str, phantom_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    (tmp_path / "phantom").symlink_to(phantom_folder / "phantom")
    monkeypatch.chdir(tmp_path)
    function = getattr(ifspace, name)
    examples = doctest.DocTestFinder(recurse=False).find(function, name, globs={"ifspace": ifspace})
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    outcomes = [results.run(example) for example in examples]
    assert sum(outcome.attempted for outcome in outcomes) > 0, "the docstring has no example"
    assert sum(outcome.failed for outcome in outcomes) == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_of_a_public_function_names_every_parameter(name: str) -> None:
    function = getattr(ifspace, name)
    text = inspect.getdoc(function) or ""
    assert "Examples\n--------" in text
    if not inspect.signature(function).parameters:
        return
    described = text.split("Parameters\n----------")[1].split("--------", maxsplit=1)[0]
    for parameter in inspect.signature(function).parameters:
        assert parameter in described
