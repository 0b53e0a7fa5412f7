"""Write THIRD_PARTY.md: what theratrial is installed with, by whom it may be used how.

Names and versions come from requirements.lock, licences from the metadata of the installed packages; what the
lock holds only for another Python or platform is marked so.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "THIRD_PARTY.md"
VENDORED = ROOT / "src/theratrial/web/static/theratrial/vendor/vendor.json"

HEAD = """# Third-party software

theratrial itself is licensed under Apache-2.0 (`LICENSE`). Running it uses these packages,
which are installed from the Python package index and keep their own licences, and the files for the browser at the
end. Made by `scripts/third_party.py` from `requirements.lock`; the tools of a developer (`requirements-dev.lock`) are
not part of what a user runs.

| package | version | licence |
|---|---|---|
"""

SHIPPED = """
## Shipped with theratrial for the browser

Unchanged files of these npm packages are in `src/theratrial/web/static/theratrial/vendor/`, each with its licence
text; `vendor.json` there holds their hashes, `scripts/vendor.py` fetches them. NiiVue also carries a picture of the
letters of Roboto (Apache-2.0), and numcodecs, inside it, Blosc, LZ4 and Zstandard (BSD licences).

| package | version | licence |
|---|---|---|
"""

TAIL = """
Two of these licences ask for attention when theratrial is passed on *together with* its packages (an image, an
installer) rather than installed from the index: icrp107-database is under the LGPL.

Reference data shipped with theratrial carries its source and licence in its own passport, beside the table.
The packages named "for another Python or platform" are not installed on Linux with CPython 3.11.
"""

# Their metadata names no licence in a form that can be shown; read in the licence files that they ship.
READ_BY_HAND = {
    "brotlicffi": "MIT",
    "cel-python": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "icrp107-database": "LGPL-3.0",
    "pyphen": "GPL-2.0-or-later OR LGPL-2.1-or-later OR MPL-1.1",
}


def locked_requirements(text: str) -> list[Requirement]:
    """Return the requirements of a lock file, without hashes."""
    lines = re.findall(r"^([A-Za-z0-9][^\s#]*==[^\\\n]*)", text, flags=re.MULTILINE)
    return [Requirement(line.strip()) for line in lines]


def licence_of(name: str) -> str | None:
    """Return what a package's own metadata says, or None when it is not installed."""
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    free_text = (metadata.get("License") or "").strip()
    if free_text and "\n" not in free_text and len(free_text) < 80:
        return free_text
    classifiers = {
        line.split(" :: ")[-1].removesuffix(" License")
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    }
    if classifiers:
        return ", ".join(sorted(classifiers))
    raise SystemExit(f"third_party: the metadata of {name} names no licence; look it up and add it to READ_BY_HAND")


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def vendored_rows() -> list[str]:
    """Return a row for each vendored package, and for each package that one carries within itself."""
    rows = []
    for asset in json.loads(VENDORED.read_text(encoding="utf-8"))["assets"]:
        rows.append(f"| {asset['package']} | {asset['version']} | {asset['licence']} |")
        for one in asset["inside"]:
            rows.append(f"| {one['package']} (inside {asset['package']}) | {one['version']} | {one['licence']} |")
    return rows


def main() -> int:
    rows = []
    for requirement in locked_requirements((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        version = next(iter(requirement.specifier)).version
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and installed_version(requirement.name) != version:
            raise SystemExit(f"third_party: {requirement.name} {version} is not installed; `make setup` first")
        licence = licence_of(requirement.name) or "see the package"
        remark = "" if applies else " (for another Python or platform)"
        rows.append(f"| {requirement.name} | {version} | {licence}{remark} |")
    shipped = SHIPPED + "\n".join(vendored_rows()) + "\n"
    TARGET.write_text(HEAD + "\n".join(rows) + "\n" + TAIL + shipped, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
