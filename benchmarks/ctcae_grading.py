"""Time of grading 1,000,000 laboratory values by CTCAE 5.0 and 6.0: arrays, against the same grades one by one.

The values are of 14 tests in equal shares as a cohort has them: rounded as laboratories print them, each with its own
baseline, a tenth without baseline and a tenth without limits. Making them is outside. The scalar path grades every
hundredth value, its grades must be those of the arrays, and its time is scaled up. It is the baseline: no
package on PyPI that grades laboratory values by CTCAE was found.

    OPENBLAS_NUM_THREADS=1 python benchmarks/ctcae_grading.py [--values 1000000] [--repeats 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from theratrial.safety.samples import Sample
from theratrial.safety.term_arrays import NO_GRADE, GradeArrays, SampleArrays, term_grade_arrays
from theratrial.safety.term_grades import term_grades
from theratrial.safety.terms import CTCAE_VERSIONS

RESULTS = Path(__file__).resolve().parent / "results" / "ctcae_grading.json"
LIMIT_S = 5.0
"""Both versions together."""
STEP = 100
TESTS: dict[str, tuple[str, float, float, int]] = {  # unit, lower and upper limit, decimals
    "neutrophils": ("10^9/L", 1.8, 7.7, 2),
    "platelets": ("/mm3", 150_000, 400_000, 0),
    "haemoglobin": ("g/dL", 12.0, 15.5, 1),
    "white_cells": ("10^9/L", 4.0, 10.0, 1),
    "lymphocytes": ("10^9/L", 1.0, 4.0, 2),
    "creatinine": ("mg/dL", 0.5, 1.1, 2),
    "bilirubin": ("umol/L", 3, 21, 0),
    "alanine_aminotransferase": ("U/L", 5, 35, 0),
    "alkaline_phosphatase": ("U/L", 40, 130, 0),
    "sodium": ("mmol/L", 135, 145, 0),
    "potassium": ("mmol/L", 3.5, 5.1, 1),
    "calcium_corrected": ("mmol/L", 2.2, 2.6, 2),
    "albumin": ("g/L", 35, 52, 0),
    "ejection_fraction": ("%", 55, 75, 0),
}


def cohort(count: int) -> dict[str, SampleArrays]:
    """Values of every test, from far below normal to far above."""
    random = np.random.default_rng(6)
    found = {}
    for test, (unit, lower, upper, decimals) in TESTS.items():
        size = count // len(TESTS) + (test == "neutrophils") * (count % len(TESTS))
        middle = (lower + upper) / 2
        spread = 0.06 if test == "sodium" else 0.25 if test in ("potassium", "calcium_corrected", "albumin") else 0.7
        values = np.round(middle * np.exp(random.normal(0, spread, size)), decimals)
        baselines = np.round(middle * np.exp(random.normal(0, spread / 3, size)), decimals)
        baselines[random.random(size) < 0.1] = np.nan
        known = np.where(random.random(size) < 0.1, np.nan, 1.0)
        found[test] = SampleArrays(values, unit, lower * known, upper * known, baselines)
    return found


def by_arrays(samples: dict[str, SampleArrays]) -> dict[tuple[str, str], tuple[GradeArrays, ...]]:
    return {(test, v): term_grade_arrays(test, of, v) for test, of in samples.items() for v in CTCAE_VERSIONS}


def one_by_one(samples: dict[str, SampleArrays]) -> dict[tuple[str, str], list[list[int]]]:
    """Grades of every `STEP`-th value, a list per value of one grade per term."""
    found = {}
    for test, of in samples.items():
        columns = [np.asarray(c)[::STEP].tolist() for c in (of.values, of.lower_limits, of.upper_limits, of.baselines)]
        for version in CTCAE_VERSIONS:
            rows = []
            for row in zip(*columns, strict=True):
                value, lower, upper, baseline = (None if np.isnan(number) else number for number in row)
                grades = term_grades(test, Sample(value, of.unit, lower, upper, baseline), version)
                rows.append([NO_GRADE if one.grade is None else one.grade for one in grades])
            found[test, version] = rows
    return found


def timed(work: Any, samples: dict[str, SampleArrays]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(samples)
    return time.perf_counter() - wall, time.process_time() - cpu, found


def measured(count: int, repeats: int) -> dict[str, Any]:
    samples = cohort(count)
    by_arrays(cohort(1000))  # reads the tables
    arrays = [timed(by_arrays, samples) for _ in range(repeats)]
    _, cpu_s, rows = timed(one_by_one, samples)
    for key, expected in rows.items():
        got = np.array([one.grade[::STEP] for one in arrays[0][2][key]]).T
        if not np.array_equal(got, np.array(expected)):
            raise SystemExit(f"{key}: arrays and single values give different grades")
    graded = sum(len(row) for row in rows.values())
    scalar_cpu_s = cpu_s / graded * 2 * count
    arrays_cpu_s = statistics.median(cpu for _, cpu, _ in arrays)
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "values": count,
        "versions": list(CTCAE_VERSIONS),
        "wall_s": round(statistics.median(wall for wall, _, _ in arrays), 3),
        "cpu_s": round(arrays_cpu_s, 3),
        "values_per_cpu_s": round(2 * count / arrays_cpu_s),
        "limit_s": LIMIT_S,
        "one_by_one_values": graded,
        "one_by_one_cpu_s_per_million_in_both_versions": round(scalar_cpu_s * 1e6 / count, 1),
        "times_faster": round(scalar_cpu_s / arrays_cpu_s, 1),
        "grades_equal": True,
        "no_grade_share": round(
            float(np.mean([np.mean(one.grade == NO_GRADE) for found in arrays[0][2].values() for one in found])), 3
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--values", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"Keep the numbers in {RESULTS.name}.")
    given = parser.parse_args()
    found = measured(given.values, given.repeats)
    text = json.dumps(found, indent=2)
    print(text)
    if given.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")
    return 0 if found["cpu_s"] <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
