"""The command line: arguments in, one call into the library, exit code out.

Nothing heavy is imported before a verb runs, so that ``ifspace --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from ifspace.cli import verbs
from ifspace.cli.exits import Exit, run

app = typer.Typer(
    name="ifspace",
    help="Measure the ischiofemoral and the quadratus femoris space on MRI.",
    epilog="For research and for assistance to a qualified reader; not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help starts twice as fast as boxes do, and reads the same in a log.
    rich_markup_mode=None,
)
verbs.register(app)

__all__ = ["Exit", "app", "main"]


def main() -> None:
    """Run the program and end with its exit code."""
    sys.exit(run(app))
