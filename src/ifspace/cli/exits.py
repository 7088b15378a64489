"""Exit codes, and errors as one plain sentence each."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from enum import IntEnum

import typer

from ifspace.cli.printing import printable
from ifspace.errors import IfspaceError

DEBUG_OPTION = "--debug"
# What typer ends with on Ctrl-C: 128 and the number of the signal.
INTERRUPTED = 130


class Exit(IntEnum):
    """What the exit code means to the calling program."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    PARTLY_DONE = 3


def run(app: typer.Typer) -> int:
    """Run the program; an error becomes a sentence, and a traceback only on demand."""
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG_OPTION]
    debug = len(arguments) < len(sys.argv) - 1
    _silence_libraries()
    if debug:
        logging.getLogger("ifspace").addHandler(logging.StreamHandler(sys.stderr))
        logging.getLogger("ifspace").setLevel(logging.DEBUG)
    try:
        return _run(app, arguments)
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.FAILED)
    except KeyboardInterrupt:
        say("stopped; nothing more was written")
        return int(Exit.FAILED)
    except IfspaceError as error:
        if debug:
            raise
        say(str(error))
        return int(Exit.FAILED)
    except OSError as error:
        if debug:
            raise
        say(f"the system refused: {error.strerror}; check space and permissions")
        return int(Exit.FAILED)
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        say(f"an unforeseen {kind} stopped the program; run again with {DEBUG_OPTION}")
        return int(Exit.FAILED)


def _run(app: typer.Typer, arguments: list[str]) -> int:
    try:
        app(args=arguments, prog_name="ifspace")
    except SystemExit as stop:
        # A full disk behind standard output must show here and not when the interpreter ends.
        sys.stdout.flush()
        if stop.code == INTERRUPTED:
            say("stopped; nothing more was written")
            return int(Exit.FAILED)
        return stop.code if isinstance(stop.code, int) else int(Exit.DONE)
    sys.stdout.flush()
    return int(Exit.DONE)


def _silence_libraries() -> None:
    """Keep other people's warnings off the terminal: pydicom's may quote a patient's values."""
    warnings.simplefilter("ignore")
    logging.lastResort = None


def say(sentence: str) -> None:
    """Tell the user one sentence on standard error."""
    typer.echo(f"ifspace: {printable(sentence)}", err=True)
