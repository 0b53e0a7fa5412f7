"""Checking registration records: many from a dump on one core, and one from the command line with its start-up.

Writes dumps of varied records in three dialects and measures, in processes of their own: trials checked a second by
`theratrial registry check DUMP`, against reading the same file by expat with handlers that do nothing, and against
lxml's `iterparse` where it is installed; the peak memory at both sizes; then CPU and wall time of `check` and `export`
of one record. Targets: 200 records a second, memory that does not grow, 0.5 s for one record.

    python benchmarks/registry_check.py [--records 10000] [--times 5] [--repeats 3]
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
import time
from pathlib import Path
from typing import Any

from _registry_dumps import DIALECTS, write_dump

RESULTS = Path(__file__).resolve().parent / "results" / "registry_check.json"
TARGET_PER_S, TARGET_GROWTH_MB, TARGET_S = 200.0, 15.0, 0.5
BYTECODE = Path(tempfile.gettempdir()) / "theratrial-benchmark-bytecode"
SEED = "IRCT20210612051548N3"
EXPAT = """
import sys
from xml.parsers import expat
nothing = lambda *_: None
parser = expat.ParserCreate()
parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = nothing
with open(sys.argv[1], "rb") as file:
    parser.ParseFile(file)
"""
LXML = """
import sys
from lxml import etree
for _, trial in etree.iterparse(sys.argv[1], tag=("trial", "Trial")):
    trial.clear()
    while trial.getprevious() is not None:
        del trial.getparent()[0]
"""
FORMATS = ("ictrp-xml", "ictrp-xml-131", "ctgov-json", "yaml", "irct-html")


def run(*arguments: str) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory [MB] of one start of Python with these arguments."""
    # Modules are compiled when a package is installed, or at its first start; not at every one.
    with_bytecode = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with_bytecode |= {"PYTHONPYCACHEPREFIX": str(BYTECODE)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=with_bytecode
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # 1 is the answer of a check that found an error.
    if process.returncode not in (0, 1) or b"Error" in said:
        raise SystemExit(f"{' '.join(arguments)}: {said.decode()}")
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.perf_counter() - began,
        "peak_MB": usage.ru_maxrss / 1024,
    }


def least(repeats: int, *arguments: str) -> dict[str, float]:
    """The run of least CPU time: what other work on the machine adds is no property of ours."""
    return min((run(*arguments) for _ in range(repeats)), key=lambda one: one["cpu_s"])


def has_lxml() -> bool:
    """Whether lxml is there to stand beside."""
    done = subprocess.run([sys.executable, "-c", "import lxml.etree"], capture_output=True, check=False)
    return done.returncode == 0


def dump_measured(folder: Path, dialect: Any, count: int, repeats: int, times: int = 1) -> dict[str, float]:
    """Records a second by CPU time with start-up, ratio to plain parsing, peak memory."""
    path = folder / f"{dialect}-{count}.xml"
    size = write_dump(path, count, dialect, seed=count, times=times)
    count *= times
    check = ("-m", "theratrial", "registry", "check", str(path), "--today", "2026-06-09", "--json")
    ours, expat = least(repeats, *check), least(repeats, "-c", EXPAT, str(path))
    found = {
        "records": count,
        "MB": size / 1e6,
        "cpu_s": ours["cpu_s"],
        "wall_s": ours["wall_s"],
        "records_per_cpu_s": count / ours["cpu_s"],
        "peak_MB": ours["peak_MB"],
        "times_expat": ours["cpu_s"] / expat["cpu_s"],
    }
    if has_lxml():
        found["times_lxml"] = ours["cpu_s"] / least(repeats, "-c", LXML, str(path))["cpu_s"]
    path.unlink()
    return {key: round(value, 2) for key, value in found.items()}


def single_measured(folder: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Median of one record: the check and each export, start-up included, beside `import typer` alone."""
    commands = {
        "python -c 'import typer'": ("-c", "import typer"),
        "check": ("-m", "theratrial", "registry", "check", SEED),
    }
    for name in FORMATS:
        commands[f"export {name}"] = ("-m", "theratrial", "registry", "export", SEED, "--to", name)
    times: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, arguments in commands.items():
            # A page is written to a file only.
            out = ("--out", str(folder / f"{turn}-{name.split()[-1]}")) if name.startswith("export") else ()
            times[name].append(run(*arguments, *out))
    return {
        name: {key: round(statistics.median(one[key] for one in taken[1:]), 3) for key in ("cpu_s", "wall_s")}
        for name, taken in times.items()
    }


def main() -> int:
    """Measure, print, store; exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5, help="so many times the records, for the growth of memory")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    missed = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        single = single_measured(folder, given.repeats)
        for what, taken in single.items():
            print(f"{what:<28} CPU {taken['cpu_s'] * 1000:5.0f} ms   wall {taken['wall_s'] * 1000:5.0f} ms")
            missed += [what] if taken["cpu_s"] > TARGET_S else []
        dumps = {one: dump_measured(folder, one, given.records, given.repeats) for one in DIALECTS}
        dumps["upload-2009, more"] = dump_measured(folder, "upload-2009", given.records, 1, given.times)
    for what, values in dumps.items():
        print(f"{what}: {values}")
        missed += [what] if values["records_per_cpu_s"] < TARGET_PER_S else []
    growth_MB = dumps["upload-2009, more"]["peak_MB"] - dumps["upload-2009"]["peak_MB"]
    print(f"memory: {growth_MB:.1f} MB more for {given.times * given.records} records than for {given.records}")
    missed += ["memory"] if growth_MB > TARGET_GROWTH_MB else []
    RESULTS.parent.mkdir(exist_ok=True)
    content = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(load, 1),
        "dumps": dumps,
        "single": single,
        "growth_MB": round(growth_MB, 1),
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print("missed: " + (", ".join(missed) or "nothing"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
