"""Pin every dependency by version and hash (`make lock`); needs uv on the developer's machine, nobody else does.

requirements.lock holds what the program needs, requirements-dev.lock that and the tools of a developer. Both are
resolved for every Python of `requires-python` and every platform, and tried on Linux x86_64 with Python 3.11. After
`--upgrade` look whether scripts/setup.sh still names the Pythons for which every package has a ready-made wheel. Pins
that still fit are kept; `--upgrade` takes the newest of everything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"


def compile_lock(uv: str, lock: str, extra_arguments: list[str], build_requires: list[str]) -> None:
    """Write one lock file; what the build of the project itself needs is pinned along."""
    command = [uv, "pip", "compile", "pyproject.toml", "-", "--output-file", lock, "--quiet"]
    command += ["--universal", "--generate-hashes", "--extra", "pdf"]
    # The file belongs to everybody: no index of the machine that wrote it, no path, no command line of its own.
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-config", "--no-annotate"]
    command += ["--custom-compile-command", "make lock", *extra_arguments]
    subprocess.run(command, check=True, cwd=ROOT, input="\n".join(build_requires) + "\n", text=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of keeping pins")
    options = parser.parse_args()
    beside_python = Path(sys.executable).parent / "uv"
    uv = str(beside_python) if os.access(beside_python, os.X_OK) else shutil.which("uv")
    if uv is None:
        print("lock: uv is not installed; `python3 -m pip install uv`, then again", file=sys.stderr)
        return 1
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest_python = pyproject["project"]["requires-python"].removeprefix(">=")
    build_requires = pyproject["build-system"]["requires"]
    common = ["--python-version", oldest_python, *(["--upgrade"] if options.upgrade else [])]
    compile_lock(uv, RUN_LOCK, common, build_requires)
    compile_lock(uv, DEV_LOCK, [*common, "--group", "dev", "--constraint", RUN_LOCK], build_requires)
    return 0


if __name__ == "__main__":
    sys.exit(main())
