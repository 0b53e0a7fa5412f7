"""Work spread over processes of this machine, which are gone when the work is, however it ends."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

WorkT = TypeVar("WorkT")
DoneT = TypeVar("DoneT")


def _leave_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; only the one that a person talks to answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(function: Callable[[WorkT], DoneT], work: Sequence[WorkT], workers: int) -> Iterator[DoneT]:
    """``function(piece)`` of every piece of work, in its order, as soon as each is there.

    With one worker or one piece everything happens in this process. Processes are spawned, not forked: a fork of a
    process that has threads (progress display, BLAS) may hang, and a spawned worker ends when its parent is killed,
    because its pipes close. A script that calls this with several workers needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    function
        A function of a module, so that a worker can import it.
    work
        Pieces that can be pickled.
    """
    if workers <= 1 or len(work) <= 1:
        yield from map(function, work)
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(workers, len(work)), mp_context=multiprocessing.get_context("spawn"), initializer=_leave_interrupts
    )
    try:
        yield from pool.map(function, work)
    except BaseException:
        # Whoever interrupts must not wait for work that nobody wants any more.
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
