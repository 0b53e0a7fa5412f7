"""How long the help of theratrial and of each command takes, against a bare `python -c "import typer"` in the same run.

The ratio is what we can change; the limit of 0.3 s is what a person feels.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from theratrial.cli import COMMANDS

REPEATS = 9
LIMIT_S = 0.3
LIMIT_RATIO = 2.5


def seconds(*arguments: str) -> float:
    """Wall time of one start of Python with these arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    commands = {"python -c 'import typer'": ("-c", "import typer")}
    for words in ("", *COMMANDS):
        commands[f"theratrial {words} --help".replace("  ", " ")] = ("-m", "theratrial", *words.split(), "--help")
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(REPEATS + 1):
        # Taken in turns, so that a busy moment of the machine touches all alike.
        for name, arguments in commands.items():
            times[name].append(seconds(*arguments))
    # The first of each fills the caches.
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    bare_s, *helps_s = medians.values()
    for name, median_s in medians.items():
        print(f"{name:<28} {median_s * 1000:5.0f} ms   ratio {median_s / bare_s:.2f}")
    slowest_s = max(helps_s)
    print(f"median of {REPEATS}; limits {LIMIT_S * 1000:.0f} ms and ratio {LIMIT_RATIO}")
    return 0 if slowest_s < LIMIT_S and slowest_s / bare_s < LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
