"""Time of 10,000 participants' lesion tables to best overall response by RECIST 1.1, the reading of the CSV included.

Each participant has a baseline and 5 visits with 3 targets (one a node), 2 non-targets and sometimes a new lesion:
about 310,000 lines. Making the table is outside. CPU time is judged, for the machine may be shared.

    python benchmarks/lesion_responses.py [--participants 10000] [--repeats 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from theratrial.response.recist.table import read_lesions, subject_responses

RESULTS = Path(__file__).resolve().parent / "results" / "lesion_responses.json"
LIMIT_S = 5.0
VISITS = 6


def table(participants: int) -> str:
    """The lesions of a cohort, from those that shrink to those that grow."""
    chance = random.Random(6)
    lines = ["subject,date,lesion,role,status,length_mm,nodal,organ"]
    for number in range(participants):
        who, start = f"P{number:05d}", date(2024, 1, 1) + timedelta(days=number % 300)
        trend = chance.gauss(0.95, 0.12)
        lengths = [chance.uniform(15, 60) for _ in range(3)]
        for visit in range(VISITS):
            on = (start + timedelta(days=42 * visit)).isoformat()
            for target, length in enumerate(lengths):
                now = length * trend**visit * (chance.gauss(1, 0.04) if visit else 1)
                node = "yes" if target == 2 else "no"
                if visit and now < 3:
                    lines.append(f"{who},{on},T{target},target,absent,,{node},organ {target}")
                else:
                    lines.append(f"{who},{on},T{target},target,measured,{now:.1f},{node},organ {target}")
            lines.extend(f"{who},{on},N{other},non_target,present,,no,bone" for other in range(2))
            if visit > 2 and chance.random() < 0.05:
                lines.append(f"{who},{on},X{visit},new,present,,no,liver")
    return "\n".join(lines) + "\n"


def measured(participants: int, repeats: int) -> dict[str, Any]:
    text = table(participants)
    wall, cpu, found = [], [], Counter[str]()
    for _ in range(repeats):
        wall_at, cpu_at = time.perf_counter(), time.process_time()
        found = Counter(one.best.response for one in subject_responses(read_lesions(text)))
        wall.append(time.perf_counter() - wall_at)
        cpu.append(time.process_time() - cpu_at)
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "participants": participants,
        "lines": text.count("\n") - 1,
        "wall_s": round(statistics.median(wall), 3),
        "cpu_s": round(statistics.median(cpu), 3),
        "limit_s": LIMIT_S,
        "best_responses": dict(sorted(found.items())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"Keep the numbers in {RESULTS.name}.")
    given = parser.parse_args()
    found = measured(given.participants, given.repeats)
    text = json.dumps(found, indent=2)
    print(text)
    if given.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")
    return 0 if found["cpu_s"] <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
