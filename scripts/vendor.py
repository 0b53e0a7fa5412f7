"""Bring the front-end files of others into the package, at exact versions, with their licences.

    python scripts/vendor.py          fetch with npm, write files, licences and vendor.json
    python scripts/vendor.py --check  compare what is there with vendor.json; no network

The list below is the one home of what is shipped; ``vendor.json`` records what came of it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src/theratrial/web/static/theratrial/vendor"
RECORD = VENDOR / "vendor.json"


@dataclass(frozen=True, slots=True)
class Inside:
    """A package that a shipped file carries within itself."""

    name: str
    version: str
    """One that the outer package's manifest allows; its bundle does not name the exact one."""
    licence: str
    licence_file: str
    """Path in the npm package."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of one npm package."""

    package: str
    version: str
    licence: str
    source: str
    """Path in the npm package."""
    target: str
    licence_file: str
    """Path in the npm package; "" where it holds none and the text is kept here, from the project's repository."""
    inside: tuple[Inside, ...] = ()


ASSETS = (
    Asset("htmx.org", "2.0.11", "0BSD", "dist/htmx.min.js", "htmx/htmx.min.js", "LICENSE"),
    Asset(
        "@niivue/niivue",
        "0.69.0",
        "BSD-2-Clause",
        "dist/niivue.umd.js",
        "niivue/niivue.umd.js",
        "",
        (
            Inside("@lukeed/uuid", "2.0.1", "MIT", "license"),
            Inside("@ungap/structured-clone", "1.4.0", "ISC", "LICENSE"),
            Inside("array-equal", "1.0.2", "MIT", "LICENSE"),
            Inside("fflate", "0.8.3", "MIT", "LICENSE"),
            Inside("gl-matrix", "3.4.3", "MIT", "LICENSE.md"),
            Inside("nifti-reader-js", "0.8.0", "MIT", "LICENSE"),
            Inside("zarrita", "0.5.4", "MIT", "LICENSE"),
            Inside("@zarrita/storage", "0.1.4", "MIT", "LICENSE"),
            Inside("numcodecs", "0.3.1", "MIT", "LICENSE"),
        ),
    ),
    Asset(
        "vazirmatn",
        "33.0.3",
        "OFL-1.1",
        "fonts/webfonts/Vazirmatn[wght].woff2",
        "vazirmatn/Vazirmatn-wght.woff2",
        "OFL.txt",
    ),
)


def unpacked(name: str, version: str, folder: Path) -> Path:
    """Fetch a package with npm and return the folder it was unpacked to."""
    place = folder / f"{name.replace('/', '+')}-{version}"
    place.mkdir()
    packed = subprocess.run(
        ["npm", "pack", f"{name}@{version}", "--json", "--silent", "--ignore-scripts"],
        cwd=place,
        check=True,
        capture_output=True,
        text=True,
    )
    archive = place / json.loads(packed.stdout)[0]["filename"].replace("@", "").replace("/", "-")
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return next(path for path in place.iterdir() if path.is_dir())


def licence_of(manifest_folder: Path) -> str:
    """Return the licence that a package's manifest names."""
    return str(json.loads((manifest_folder / "package.json").read_text(encoding="utf-8")).get("license", ""))


def fetched(asset: Asset, folder: Path) -> dict[str, object]:
    """Write one asset and its licences; return its record."""
    package = unpacked(asset.package, asset.version, folder)
    if licence_of(package) not in (asset.licence, asset.licence.rsplit("-", 1)[0]):
        raise SystemExit(f"vendor: {asset.package} is under {licence_of(package)}, {asset.licence} was expected")
    target = VENDOR / asset.target
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((package / asset.source).read_bytes())
    licence = target.parent / "LICENSE.txt"
    if asset.licence_file:
        licence.write_bytes((package / asset.licence_file).read_bytes())
    elif not licence.is_file():
        raise SystemExit(f"vendor: {asset.package} ships no licence text; put that of its repository at {licence}")
    files = [target, licence]
    if asset.inside:
        files.append(target.parent / "LICENSES-INSIDE.txt")
        files[-1].write_text("\n".join(notice(one, folder) for one in asset.inside), encoding="utf-8")
    return {
        "package": asset.package,
        "version": asset.version,
        "licence": asset.licence,
        "source": asset.source,
        "file": asset.target,
        "inside": [{"package": one.name, "version": one.version, "licence": one.licence} for one in asset.inside],
        "sha256": {path.relative_to(VENDOR).as_posix(): sha256(path) for path in files},
    }


def notice(one: Inside, folder: Path) -> str:
    """Return the licence notice of a package inside another."""
    package = unpacked(one.name, one.version, folder)
    text = (package / one.licence_file).read_text(encoding="utf-8")
    if licence_of(package) != one.licence:
        raise SystemExit(f"vendor: {one.name} is under {licence_of(package)}, {one.licence} was expected")
    return f"{'=' * 80}\n{one.name} {one.version}: {one.licence}\n{'=' * 80}\n{text}\n"


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def problems() -> list[str]:
    """Return what differs between the folder and its record."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    stated = {name: value for asset in record["assets"] for name, value in asset["sha256"].items()}
    present = {p.relative_to(VENDOR).as_posix() for p in VENDOR.rglob("*") if p.is_file() and p != RECORD}
    found = [f"{name}: not in vendor.json" for name in sorted(present - stated.keys())]
    found += [f"{name}: missing" for name in sorted(stated.keys() - present)]
    return found + [f"{n}: changed" for n, value in stated.items() if n in present and sha256(VENDOR / n) != value]


def main() -> int:
    if "--check" in sys.argv[1:]:
        for problem in problems():
            print(f"vendor: {problem}", file=sys.stderr)
        return 1 if problems() else 0
    with tempfile.TemporaryDirectory() as folder:
        record = {"assets": [fetched(asset, Path(folder)) for asset in ASSETS]}
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
