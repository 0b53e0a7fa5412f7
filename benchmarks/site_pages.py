"""Server time of every page that answers GET: of a trial of 15 participants, and of 1,000 with 200 records each.

Production settings, Django's test client, one process, what it remembers filled by a first request (its time stands
beside as `first`). Times are CPU time, the median of a few; the baseline is the sign-in page in the same run.

    .venv/bin/python benchmarks/site_pages.py [--large-site FOLDER] [--repeats 5]

A folder given is made once and kept: 200,000 records take minutes to write through the ledger's triggers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "site_pages.json"
SIZES = {"15": (15, 0, 50.0), "1000": (1000, 200, 150.0)}
"""Name -> participants, records each, limit [ms]."""
BASELINE = "people:sign-in"
TOO_LONG_S = 3.0
NOT_ASKED = {
    "people:sign-out": "ends the session that asks",
    "studies:volume": "reads stored images; no file is stored here",
    "studies:picture": "reads stored images",
    "studies:emission": "reads stored images",
    "studies:anatomy": "reads stored images",
    "studies:regions": "reads stored images",
    "studies:mip": "reads stored images",
    "studies:planar": "reads stored images",
    "studies:planar-content": "reads stored images",
    "studies:series": "reads stored images",
    "studies:pair": "reads stored images",
}


def run_child(folder: Path, name: str, repeats: int) -> dict[str, Any]:
    surroundings = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "THERATRIAL_DEBUG")}
    surroundings |= {"THERATRIAL_SITE": str(folder), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    command = [sys.executable, __file__, "--child", name, "--repeats", str(repeats)]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def child(name: str, repeats: int) -> dict[str, Any]:
    import logging

    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    logging.disable(logging.CRITICAL)
    settings.ALLOWED_HOSTS.append("testserver")
    from theratrial.web.large_site import large_site_made
    from theratrial.web.trials.selectors import trial_or_none

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
    import web_site_pages

    call_command("migrate", verbosity=0, skip_checks=True)
    participants, records_each, _limit = SIZES[name]
    if trial_or_none() is None:
        large_site_made(participants=participants, records_each=records_each)
    clients: dict[str, Any] = {}
    found = {}
    for page in web_site_pages.pages():
        client = clients.setdefault(page.username, web_site_pages.signed_in(page.username))
        client.raise_request_exception = False
        if page.name not in NOT_ASKED and (one := timed(page, client, repeats)):
            found[f"{page.name} {page.path.partition('?')[2]}".strip()] = one
    return found


def timed(page: Any, client: Any, repeats: int) -> dict[str, Any] | None:
    """CPU and wall time of a page and its queries; None where it is no page."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    began = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        status = read(page.asked(client))
        count = len(queries)
    first = time.process_time() - began
    if status != 200:
        return None
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        read(page.asked(client))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if cpus[-1] > TOO_LONG_S:
            break
    return {
        "cpu_ms": statistics.median(cpus) * 1000,
        "wall_ms": statistics.median(walls) * 1000,
        "first_ms": first * 1000,
        "queries": count,
    }


def read(answer: Any) -> int:
    if answer.streaming:
        b"".join(answer.streaming_content)
    return int(answer.status_code)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--child")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large-site", type=Path)
    parser.add_argument("--only", choices=SIZES)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child, given.repeats)))
        return 0
    found: dict[str, Any] = {"load_average": os.getloadavg()[0], "repeats": given.repeats, "pages": {}}
    over = 0
    for name, (participants, records_each, limit_ms) in SIZES.items():
        if given.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.large_site if given.large_site and name == "1000" else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            pages = run_child(folder, name, given.repeats)
        found["pages"][name] = pages
        base = pages[BASELINE]["cpu_ms"]
        print(f"{participants} participants, {records_each or 'about 100'} records each: {len(pages)} pages,"
              f" limit {limit_ms:.0f} ms, sign-in page {base:.1f} ms")  # fmt: skip
        for page, one in sorted(pages.items(), key=lambda pair: -pair[1]["cpu_ms"]):
            late = "OVER" if one["cpu_ms"] > limit_ms else ""
            over += bool(late)
            print(f"  {one['cpu_ms']:7.1f} ms  ratio {one['cpu_ms'] / base:6.1f}  wall {one['wall_ms']:7.1f}"
                  f"  first {one['first_ms']:7.1f}  queries {one['queries']:3d}  {page} {late}")  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
