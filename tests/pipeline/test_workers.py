"""Work in processes: order kept, nothing left running however it ends."""

from __future__ import annotations

import multiprocessing
import time

import pytest

from theratrial.workers import in_processes


def _squared(number: int) -> int:
    return number * number


def _slow_or_failing(number: int) -> int:
    if number == 0:
        raise ValueError("the first piece fails")
    time.sleep(30)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_work(workers: int) -> None:
    assert list(in_processes(_squared, range(5), workers)) == [0, 1, 4, 9, 16]


def test_a_failing_piece_is_raised_and_leaves_no_process_behind() -> None:
    before = set(multiprocessing.active_children())
    began = time.monotonic()
    with pytest.raises(ValueError, match="the first piece"):
        list(in_processes(_slow_or_failing, [0, 1, 2, 3], 2))
    assert time.monotonic() - began < 25
    assert set(multiprocessing.active_children()) <= before


def test_a_reader_who_stops_leaves_no_process_behind() -> None:
    before = set(multiprocessing.active_children())
    results = in_processes(_squared, range(50), 2)
    assert next(results) == 0
    results.close()
    assert set(multiprocessing.active_children()) <= before
