"""Time of Simon's search over every two-stage design up to 60 participants, against the textbook's nested loops.

Each pair of rates is searched in full: every n1, r1 and r of every n up to the limit, with nothing remembered of the
pair before. The baseline is the search as Simon (1989) describes it, over the same tables of binomial values, one
design after the other; it is ours too, and is run for every fourth pair. Both must find the same designs. Times are of
the processor, so that what else the machine does is not in them.

    OPENBLAS_NUM_THREADS=1 python benchmarks/simon_search.py [--n-max 60] [--repeats 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from theratrial.errors import InputError
from theratrial.statistics.designs import binomial
from theratrial.statistics.designs.two_stage import two_stage

RESULTS = Path(__file__).resolve().parent / "results" / "simon_search.json"
LIMIT_S = 2.0
"""One pair of rates."""
PAIRS = ((0.05, 0.25), (0.1, 0.3), (0.2, 0.4), (0.3, 0.5), (0.4, 0.6), (0.5, 0.7), (0.6, 0.8), (0.7, 0.9))
ALPHA, BETA = 0.05, 0.1
Design = tuple[int, int, int, int]


def ours(p0: float, p1: float, n_max: int) -> tuple[Design, Design] | None:
    """Optimal and minimax; None where no design keeps the errors."""
    binomial.pmf.cache_clear()
    binomial.more_than.cache_clear()
    try:
        found = two_stage(p0, p1, alpha=ALPHA, beta=BETA, n_max=n_max)
    except InputError:
        return None
    return tuple((one.r1, one.n1, one.r, one.n) for one in (found.optimal, found.minimax))  # type: ignore[return-value]


def nested(p0: float, p1: float, n_max: int) -> tuple[Design, Design] | None:
    """The same by loops: for each n, n1 and r1 the least r that keeps alpha, then the power."""
    mass = {(n, p): binom.pmf(np.arange(n + 1), n, p) for n in range(n_max + 1) for p in (p0, p1)}
    tail = {key: np.append(np.cumsum(one[::-1])[::-1], 0.0) for key, one in mass.items()}
    best: list[tuple[float, Design]] = []
    for n in range(2, n_max + 1):
        here: tuple[float, Design] | None = None
        for n1 in range(1, n):
            for r1 in range(n1 + 1):
                stop = 1 - tail[n1, p0][r1 + 1]
                expected = n1 + (1 - stop) * (n - n1)
                if here is not None and expected >= here[0] - 1e-12:
                    continue
                for r in range(r1, n):
                    if rejects(mass, tail, n1, r1, r, n, p0) <= ALPHA:
                        if rejects(mass, tail, n1, r1, r, n, p1) >= 1 - BETA:
                            here = (expected, (r1, n1, r, n))
                        break
        if here is not None:
            best.append(here)
    if not best:
        return None
    return min(best, key=lambda one: (round(one[0], 9), one[1][3]))[1], best[0][1]


def rejects(mass: Any, tail: Any, n1: int, r1: int, r: int, n: int, p: float) -> float:
    """Probability of more than r of n after more than r1 of n1."""
    x = np.arange(r1 + 1, n1 + 1)
    need = np.clip(r - x + 1, 0, n - n1 + 1)
    return float(mass[n1, p][x] @ tail[n - n1, p][need])


def timed(search: Any, n_max: int, pairs: Sequence[tuple[float, float]] = PAIRS) -> tuple[list[float], list[Any]]:
    """Seconds and designs of each pair."""
    seconds, found = [], []
    for p0, p1 in pairs:
        start = time.process_time()
        found.append(search(p0, p1, n_max))
        seconds.append(time.process_time() - start)
    return seconds, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-max", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"keep the numbers in {RESULTS.name}")
    options = parser.parse_args()
    ours(*PAIRS[0], n_max=10)  # scipy is imported outside
    runs = [timed(ours, options.n_max) for _ in range(options.repeats)]
    slow, expected = timed(nested, options.n_max, PAIRS[::4])
    if any(found[::4] != expected for _, found in runs):
        print(f"the searches differ: {runs[0][1][::4]} and {expected}", file=sys.stderr)
        return 1
    worst = statistics.median(max(seconds) for seconds, _ in runs)
    same = sum(statistics.median(seconds[index] for seconds, _ in runs) for index in range(0, len(PAIRS), 4))
    total = statistics.median(sum(seconds) for seconds, _ in runs)
    values = {
        "n_max": options.n_max,
        "pairs": len(PAIRS),
        "seconds_slowest_pair": round(worst, 3),
        "seconds_all_pairs": round(total, 3),
        "seconds_nested_loops_slowest_pair": round(max(slow), 3),
        "seconds_nested_loops_every_fourth_pair": round(sum(slow), 3),
        "times_faster": round(sum(slow) / same, 1),
        "limit_s": LIMIT_S,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    print(json.dumps(values, indent=1))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return 0 if worst <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
