"""Time to make the DICOM objects of one participant, kind by kind: aims from plain highdicom on a clinical PET.

Plain highdicom 0.28.2 on STS_001 of the IBSI-SUV data (one PET, one lesion) took 0.6 s for a binary segmentation (174
kB), 0.15 s for a label map and 0.08 s for a TID 1500 report. That series is not among the shared data: what is measured
here is a virtual PET of 200 slices of 128 x 128 with 11 regions, and the numbers stand beside those, not against them.

Give a folder of `theratrial run`; without one a small trial is simulated and run first.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from theratrial.pipeline.derived_objects import opened_trial, participant_objects
from theratrial.pipeline.derived_values import KINDS, DerivedObject
from theratrial.pipeline.outputs import write_outputs
from theratrial.pipeline.trial import trial_run
from theratrial.simulation.cohort import simulate

REPEATS = 3
RESULTS = Path(__file__).parent / "results" / "derived_objects.json"


def main() -> None:
    """Print and store seconds between one object and the next, of the wall clock and of this process."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else _run(Path(place))
        trial = opened_trial(out)
        participant = trial.participants[0]
        list(participant_objects(trial, participant, ("seg",)))  # imports are not counted
        runs: dict[str, list[tuple[float, float, int]]] = {}
        for _ in range(REPEATS):
            for kind in KINDS:
                _timed(participant_objects(trial, participant, (kind,)), runs)
        found = {
            name: {
                "wall_s": round(median(one[0] for one in times), 3),
                "cpu_s": round(median(one[1] for one in times), 3),
                "kB": times[0][2] // 1024,
            }
            for name, times in runs.items()
        }
        for name, one in found.items():
            print(f"{name}: {one['wall_s']} s wall, {one['cpu_s']} s CPU, {one['kB']} kB")
        told = {"repeats": REPEATS, "load_average": os.getloadavg()[0], "cpus": os.cpu_count(), "objects": found}
        RESULTS.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _timed(objects, runs: dict[str, list[tuple[float, float, int]]]) -> None:  # type: ignore[no-untyped-def]
    """Of each object the time since the one before it: the first of an image bears opening the image."""
    wall, cpu = time.perf_counter(), time.process_time()
    for one in objects:
        if isinstance(one, DerivedObject):
            taken = (time.perf_counter() - wall, time.process_time() - cpu, len(one.content))
            runs.setdefault(one.name, []).append(taken)
        wall, cpu = time.perf_counter(), time.process_time()


def _run(place: Path) -> Path:
    simulate(place / "trial", participants=1, seed=1, small=True)
    write_outputs(trial_run(place / "trial"), place / "out", place / "trial", pdf=False)
    return place / "out"


if __name__ == "__main__":
    main()
