"""Exit codes, and errors as one plain sentence each."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from enum import IntEnum

import typer

from ifspace.errors import IfspaceError

DEBUG_OPTION = "--debug"


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
    if debug:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    else:
        _silence_libraries()
    try:
        app(args=arguments, prog_name="ifspace")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(Exit.DONE)
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
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        say(f"an unforeseen {kind} stopped the program; run again with {DEBUG_OPTION}")
        return int(Exit.FAILED)
    return int(Exit.DONE)


def _silence_libraries() -> None:
    """Keep other people's warnings off the terminal: pydicom's may quote a patient's values."""
    warnings.simplefilter("ignore")
    logging.lastResort = None


def say(sentence: str) -> None:
    """Tell the user one sentence on standard error."""
    typer.echo(f"ifspace: {sentence}", err=True)
