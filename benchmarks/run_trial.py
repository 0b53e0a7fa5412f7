"""`theratrial run` on the default cohort (15 treated, full-size images): time and memory of all its processes.

Baseline in the same run: reading and hashing every input byte, which nothing that names its inputs can avoid.
Limits: 180 s and 1.5 GB on 2 cores. `python benchmarks/run_trial.py [TRIAL_FOLDER]`; without a folder, demo/trial of
`make run` is used, or a cohort is made first.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from theratrial.pipeline.manifest import folder_files, input_files

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 180.0
LIMIT_MB = 1500.0
WORKERS = 2


def tree_MB(pid: int) -> float:
    """Resident memory of a process and its children [MB]; shared pages count once for each."""
    total_kB = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
        total_kB += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    return total_kB / 1024


def measured(command: list[str]) -> tuple[float, float]:
    """Wall time [s] and peak memory [MB] of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak_MB = 0.0
    while process.poll() is None:
        peak_MB = max(peak_MB, tree_MB(process.pid))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return time.perf_counter() - began, peak_MB


def main() -> int:
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache" if (ROOT / ".cache").is_dir() else None) as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo" / "trial"
        if not folder.is_dir():
            folder = Path(temporary) / "trial"
            subprocess.run([sys.executable, "-m", "theratrial", "simulate", str(folder)], check=True)
        files = folder_files(folder)
        size_MB = sum(path.stat().st_size for path in files) / 1e6
        input_files(folder, files)  # fills the page cache, so that both are measured warm
        began = time.perf_counter()
        input_files(folder, files)
        floor_s = time.perf_counter() - began
        command = [sys.executable, "-m", "theratrial", "run", str(folder), "--out", str(Path(temporary) / "out")]
        run_s, peak_MB = measured([*command, "--workers", str(WORKERS)])
    print(f"inputs                       {len(files)} files, {size_MB:.0f} MB")
    print(f"reading and hashing them     {floor_s:6.1f} s")
    print(f"theratrial run               {run_s:6.1f} s   ratio {run_s / floor_s:.1f}   limit {LIMIT_S:.0f} s")
    print(f"peak memory                  {peak_MB:6.0f} MB  limit {LIMIT_MB:.0f} MB")
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    record = {"files": len(files), "MB": size_MB, "floor_s": floor_s, "run_s": run_s, "peak_MB": peak_MB}
    (results / "run_trial.json").write_text(json.dumps(record, indent=1) + "\n")
    return 0 if run_s <= LIMIT_S and peak_MB <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
