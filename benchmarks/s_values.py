"""Time of one table of organ S values: one nuclide, one phantom, every self-dose at 1 %.

Each run is a fresh process with two workers; imports and compilation are included, as whoever calls the command waits
for them too. Target: 300 s on 2 cores. CPU time is that of all processes; on a busy machine compare that.

    python benchmarks/s_values.py [--repeats 3] [--nuclide Lu-177] [--phantom adult_female]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results" / "s_values.json"
TARGET_S = 300.0
_CHILD = """
import os, sys, time, resource
def main():
    wall = time.perf_counter()
    from theratrial.dosimetry.transport.s_values import s_value_table
    table = s_value_table(sys.argv[1], sys.argv[2], seed=1, relative_sd=0.01, workers=2)
    wall = time.perf_counter() - wall
    used = os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    worst = max(v.photon_relative_sd for (t, s), v in table.values.items() if t == s)
    memory = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(cpu, wall, memory, 100 * worst, len(table.values))
if __name__ == "__main__":
    main()
"""


def measured(phantom: str, nuclide: str, repeats: int) -> dict[str, float]:
    """Medians of CPU and wall time [s], peak memory of one process [MB], worst self-dose uncertainty [%], entries."""
    child = Path(__file__).resolve().parent / "results" / "_s_values_child.py"
    child.parent.mkdir(exist_ok=True)
    # Spawned workers import the main module again: it must be a file.
    child.write_text(_CHILD, encoding="utf-8")
    try:
        rows = []
        for _ in range(repeats):
            done = subprocess.run(
                [sys.executable, str(child), phantom, nuclide],
                capture_output=True,
                text=True,
                check=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            rows.append([float(v) for v in done.stdout.split()])
    finally:
        child.unlink()
    names = ("cpu_s", "wall_s", "peak_memory_MB", "worst_self_sd_percent", "entries")
    return {
        name: round(statistics.median(column), 2) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def main() -> int:
    """Measure, print, store; exit 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--nuclide", default="Lu-177")
    parser.add_argument("--phantom", default="adult_female")
    given = parser.parse_args()
    found = measured(given.phantom, given.nuclide, given.repeats)
    print(f"{given.nuclide} in {given.phantom}: {found} (target {TARGET_S} s)")
    content = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "nuclide": given.nuclide,
        "phantom": given.phantom,
        **found,
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if found["wall_s"] > TARGET_S else 0


if __name__ == "__main__":
    sys.exit(main())
