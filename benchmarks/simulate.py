"""Time and size of one simulated participant, full size and small, on one core.

Simulates the first participant of the default cohort (three sessions, the longest course) in a fresh process per run;
imports are excluded. Targets: 15 s and 120 MB at full size, 2 s and 10 MB small.

    python benchmarks/simulate.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results" / "simulate.json"
TARGETS = {"full": (15.0, 120.0), "small": (2.0, 10.0)}
_CHILD = """
import sys, time, resource
from pathlib import Path
import numpy as np
from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation import images
from theratrial.simulation.cohort import SEED_PROTOCOL, members
from theratrial.simulation.course import course_of
from theratrial.simulation.patient import drawn_patient
from theratrial.simulation.plan import plan_of
folder, small = Path(sys.argv[1]), sys.argv[2] == "small"
plan = plan_of(shipped_protocol(SEED_PROTOCOL))
member = members(15, 1)[0]
begin, wall = time.process_time(), time.perf_counter()
rng = np.random.default_rng(member.seed)
patient = drawn_patient(member.participant_id, plan, rng, story=member.story, failure=None)
course = course_of(patient, plan, member.screened_on, rng)
images.write_images(course, plan, folder, entropy="benchmark", seed=member.seed, small=small)
spent, wall = time.process_time() - begin, time.perf_counter() - wall
size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
print(spent, wall, size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(course.truths))
"""


def measured(kind: str, repeats: int) -> dict[str, float]:
    """Median CPU and wall time [s], size [MB], peak memory [MB] and sessions."""
    rows = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", _CHILD, folder, kind],
                capture_output=True,
                text=True,
                check=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            rows.append([float(v) for v in done.stdout.split()])
    names = ("cpu_s", "wall_s", "size_MB", "peak_memory_MB", "sessions")
    return {
        name: round(statistics.median(column), 2) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def main() -> int:
    """Measure, print, store; exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    found = {kind: measured(kind, repeats) for kind in TARGETS}
    missed = []
    for kind, values in found.items():
        seconds, megabytes = TARGETS[kind]
        print(f"{kind}: {values} (targets {seconds} s, {megabytes} MB)")
        if values["cpu_s"] > seconds or values["size_MB"] > megabytes:
            missed.append(kind)
    RESULTS.parent.mkdir(exist_ok=True)
    content = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(), **found}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
