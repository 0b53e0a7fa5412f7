"""How long `theratrial --help` takes, against a bare `python -c "import typer"` in the same run.

The ratio is what we can change; the limit of 0.3 s is what a person feels.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 15
LIMIT_S = 0.3
LIMIT_RATIO = 2.5


def seconds(*arguments: str) -> float:
    """Wall time of one start of Python with these arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    bare, shown = [], []
    for _ in range(REPEATS + 1):
        # Taken in turns, so that a busy moment of the machine touches both alike.
        bare.append(seconds("-c", "import typer"))
        shown.append(seconds("-m", "theratrial", "--help"))
    # The first of each fills the caches.
    bare_s, help_s = statistics.median(bare[1:]), statistics.median(shown[1:])
    ratio = help_s / bare_s
    print(f"python -c 'import typer'  {bare_s * 1000:6.0f} ms (median of {REPEATS})")
    print(f"theratrial --help         {help_s * 1000:6.0f} ms")
    print(f"ratio                     {ratio:6.2f}    (limit {LIMIT_RATIO}; limit of the time {LIMIT_S} s)")
    return 0 if help_s < LIMIT_S and ratio < LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
