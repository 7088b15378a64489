"""Slow work in a thread of napari's, so that the window never freezes."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker

from ifspace.errors import IfspaceError

# napari waits for its threads when its event loop ends; a script need not run one. Qt waits in any
# case, but only after it has deleted the signals that a thread still sends at its end.
atexit.register(FunctionWorker.await_workers)


def start(
    threads: Callable[[], Any],
    done: Callable[[Any], None],
    failed: Callable[[str], None],
    *ended: Callable[[], None],
) -> Any:
    """Do slow work in a thread; a problem the user can act on comes back as a sentence.

    Parameters
    ----------
    work
        What to do; runs in the thread and touches no widget.
    done
        Takes what `work` gave, in the thread of the window.
    failed
        Takes one sentence, in the thread of the window.
    ended
        Are called in the thread of the window, whatever came of it. Methods of a widget, so that
        Qt forgets them when the window is gone before the work is done.

    Returns
    -------
    worker
        The running worker; napari keeps it until it is done.
    """

    def guarded() -> tuple[Any, str | None]:
        # The problem travels as text: the worker would raise an error that it is handed.
        try:
            return threads(), None
        except IfspaceError as error:
            return None, str(error)

    def finish(answer: tuple[Any, str | None]) -> None:
        value, problem = answer
        if problem is not None:
            failed(problem)
        else:
            done(value)

    worker = create_worker(guarded)
    worker.returned.connect(finish)
    worker.errored.connect(lambda error: failed(f"Something unexpected went wrong: {error}"))
    # Connected before the start: a thread that is quick would be gone before anybody listened.
    for call in ended:
        worker.finished.connect(call)
    worker.start()
    return worker
