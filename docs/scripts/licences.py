"""The licences of what ifspace installs, as the packages state them, as a page of the docs."""

from __future__ import annotations

import re
import sys
from importlib.metadata import metadata, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("", "reading", "napari", "pacs", "cluster", "pandas", "notebook", "auto")

HEAD = """# Licences of dependencies

ifspace itself is BSD-3-Clause. It installs the packages below (Python 3.11 on Linux, all extras
but those for developers); the licences are those that each package states. `make licences` writes
this page. No package is under the GPL alone: Qt for Python is used under the LGPL, and only by the
window.

| package | licence |
|---|---|
"""


def closure(package: str, extras: tuple[str, ...]) -> set[str]:
    """Name what is installed with a package and its extras, without the package itself."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    waiting = [(canonicalize_name(package), ("", *extras))]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        waiting.extend(_needs(*node))
    return {name for name, _ in found} - {package}


def direct(package: str, extras: tuple[str, ...]) -> set[str]:
    """Name what a package itself asks for, with its extras."""
    return {name for name, _ in _needs(package, ("", *extras))} - {package}


def _needs(package: str, extras: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    wanted = [Requirement(line) for line in requires(package) or []]
    return [
        (canonicalize_name(need.name), ("", *sorted(need.extras)))
        for need in wanted
        if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras)
    ]


def licence_of(package: str) -> str:
    """Tell the licence as the package states it: expression, else classifiers, else short text."""
    stated = metadata(package)
    if expression := stated.get("License-Expression"):
        return expression
    classes = [c.split(" :: ") for c in stated.get_all("Classifier") or []]
    kinds = [c[-1] for c in classes if c[0] == "License" and len(c) > 2]
    text = stated.get("License") or ""
    return ", ".join(kinds) or (text if 0 < len(text) <= 80 else "not stated")


def is_permitted(licence: str) -> bool:
    """Tell whether at least one of the licences offered is known and is not the GPL or AGPL."""
    return any(
        choice != "not stated"
        and not re.search(r"\bA?GPL|(?<!Lesser )General Public|Affero", choice)
        for choice in re.split(r"\s+OR\s+", licence)
    )


if __name__ == "__main__":
    names = sorted(closure("ifspace", EXTRAS))
    sys.stdout.write(HEAD + "".join(f"| {name} | {licence_of(name)} |\n" for name in names))
