"""Saving forms: one person on SQLite, the ledger's share of it, and many people at once on SQLite and PostgreSQL.

Saving one form is measured in this process (CPU and wall time), with the ledger's triggers and with them dropped, in
turns. Many at once are threads with the site's own WSGI application, as the server runs it: everybody saves blood
counts of the same participants, and changes one record that all look at. An error, a lost update or a conflict that
is not shown fails the benchmark.

    .venv/bin/python benchmarks/site_saving.py
    THERATRIAL_BENCHMARK_DATABASE_URL=postgres://user@127.0.0.1:5566/postgres .venv/bin/python benchmarks/site_saving.py

Without that address PostgreSQL is left out, and the table says so.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "site_saving.json"
REPEATS = 40
LIMIT_MS = 50


def run_child(kind: str, folder: Path, database: str) -> dict[str, Any]:
    surroundings = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    surroundings |= {"THERATRIAL_SITE": str(folder), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    surroundings |= {"DATABASE_URL": database} if database else {}
    done = subprocess.run(
        [sys.executable, __file__, "--child", kind], env=surroundings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def measured(save: Any) -> dict[str, float]:
    """Median and 95th percentile in ms of wall time, median of CPU time."""
    walls, cpus = [], []
    for number in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        save(number)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    walls.sort()
    return {"p50_ms": statistics.median(walls), "p95_ms": walls[int(0.95 * REPEATS)], "cpu_ms": statistics.median(cpus)}


def child(kind: str) -> dict[str, Any]:
    import django

    django.setup()
    import logging

    from django.conf import settings
    from django.core.management import call_command

    logging.disable(logging.CRITICAL)
    settings.ALLOWED_HOSTS.append("testserver")
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
    import web_saving_at_once as saving_at_once

    from theratrial.web.large_site import large_site_made
    from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed

    call_command("migrate", verbosity=0, skip_checks=True)
    large_site_made(participants=15)
    if kind == "many":
        users = 50 if os.environ.get("DATABASE_URL") else 10
        return saving_at_once.saved_at_once(users=users, rounds=4).as_numbers()
    save = saving_at_once.one_saver("coordinator1")
    save(0)
    found = {"with ledger": measured(lambda number: save(1 + number))}
    triggers_dropped()
    found["without ledger"] = measured(lambda number: save(1001 + number))
    triggers_installed()
    found["with ledger again"] = measured(lambda number: save(2001 + number))
    return found


def databases(kind: str) -> dict[str, str]:
    """Name -> address; an own database each."""
    found = {"SQLite": ""}
    if given := os.environ.get("THERATRIAL_BENCHMARK_DATABASE_URL"):
        import psycopg

        name = f"theratrial_saving_{kind}"
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        found["PostgreSQL"] = given.rsplit("/", 1)[0] + f"/{name}"
    return found


def main() -> int:
    found: dict[str, Any] = {"load_average": os.getloadavg()[0], "repeats": REPEATS, "one": {}, "many": {}}
    for kind in ("one", "many"):
        for name, database in databases(kind).items():
            with tempfile.TemporaryDirectory() as folder:
                found[kind][name] = run_child(kind, Path(folder), database)
    for name, one in found["one"].items():
        for what, values in one.items():
            print(f"{name:<11} {what:<18} " + "  ".join(f"{key} {value:6.1f}" for key, value in values.items()))
        with_it = statistics.mean([one["with ledger"]["cpu_ms"], one["with ledger again"]["cpu_ms"]])
        one["ratio"] = with_it / one["without ledger"]["cpu_ms"]
        print(f"{name:<11} the ledger's triggers: CPU time {one['ratio']:.2f} times that without")
    for name, many in found["many"].items():
        print(f"{name:<11} {many}")
    if "PostgreSQL" not in found["many"]:
        print("PostgreSQL  LEFT OUT: no THERATRIAL_BENCHMARK_DATABASE_URL")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    slowest = max(one["with ledger"]["cpu_ms"] for one in found["one"].values())
    wrong = sum(many["errors"] + many["lost"] for many in found["many"].values())
    return 0 if slowest < LIMIT_MS and not wrong else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(sys.argv[2])))
    else:
        sys.exit(main())
