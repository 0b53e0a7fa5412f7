"""Write THIRD_PARTY.md: what theratrial is installed with, by whom it may be used how.

Names and versions come from requirements.lock, licences from the metadata of the installed packages; what the lock
holds only for another Python or platform is listed with the licence of the same package here, or as not installed.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "THIRD_PARTY.md"

HEAD = """# Third-party software

theratrial itself is licensed under Apache-2.0 (`LICENSE`). It contains no copied code. Running it uses these packages,
which are installed from the Python package index and keep their own licences. Made by `scripts/third_party.py` from
`requirements.lock`; the tools of a developer (`requirements-dev.lock`) are not part of what a user runs.

| package | version | licence |
|---|---|---|
"""

TAIL = """
Reference data shipped with theratrial carries its source and licence in its own passport, beside the table.
The packages named "for another Python or platform" are not installed on Linux with CPython 3.11.
"""

# Their metadata names no licence in a form that can be shown; read in the licence files that they ship.
READ_BY_HAND: dict[str, str] = {}


def locked_requirements(text: str) -> list[Requirement]:
    """Return the requirements of a lock file, without hashes."""
    lines = re.findall(r"^([A-Za-z0-9][^\s#]*==[^\\\n]*)", text, flags=re.MULTILINE)
    return [Requirement(line.strip()) for line in lines]


def licence_of(name: str) -> str | None:
    """Return what a package's own metadata says, or None when it is not installed."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    classifiers = [
        line.split(" :: ")[-1]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    if classifiers:
        return ", ".join(classifiers)
    free_text = (metadata.get("License") or "").strip()
    if free_text and "\n" not in free_text and len(free_text) < 80:
        return free_text
    raise SystemExit(f"third_party: the metadata of {name} names no licence; look it up and add it to READ_BY_HAND")


def main() -> int:
    rows = []
    for requirement in locked_requirements((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        version = next(iter(requirement.specifier)).version
        applies = requirement.marker is None or requirement.marker.evaluate()
        licence = licence_of(requirement.name)
        if applies and licence is None:
            raise SystemExit(f"third_party: {requirement.name} is locked but not installed; `make setup` first")
        if applies and importlib.metadata.version(requirement.name) != version:
            raise SystemExit(f"third_party: {requirement.name} is not the locked version; `make setup` first")
        remark = "" if applies else " (for another Python or platform)"
        rows.append(f"| {requirement.name} | {version} | {licence or 'not installed here'}{remark} |")
    TARGET.write_text(HEAD + "\n".join(rows) + "\n" + TAIL, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
