"""Cut the environment of the analytic code out of requirements.lock: numpy, scipy, matplotlib and what they need."""

from __future__ import annotations

import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
OUT = ROOT / "src" / "theratrial" / "sharing" / "code" / "data" / "requirements.txt"
WANTED = ("matplotlib", "numpy", "scipy")


def needed() -> list[str]:
    """The wanted packages and everything that they need, by name."""
    found: set[str] = set()
    waiting = list(WANTED)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in requires(name) or ():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                waiting.append(re.sub(r"[-_.]+", "-", one.name).lower())
    return sorted(found)


def cut(lock: str, names: list[str]) -> str:
    """The entries of these packages, with their hashes, as they stand in the lock.

    Raises
    ------
    SystemExit
        The lock lacks one.
    """
    entries: dict[str, list[str]] = {}
    for block in re.findall(r"^[A-Za-z0-9][^\n]*(?:\n[ \t]+[^\n]*)*", lock, re.MULTILINE):
        name = re.split(r"[=\s;\[]", block, maxsplit=1)[0].lower()
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        lines[-1] = lines[-1].removesuffix(" \\").rstrip()
        entries.setdefault(name, []).append("\n".join(lines))
    missing = [name for name in names if name not in entries]
    if missing:
        raise SystemExit(f"requirements.lock has no {', '.join(missing)}")
    head = "# The environment of the analytic code, from the locked one of theratrial.\n"
    return head + "\n".join(block for name in names for block in entries[name]) + "\n"


def main() -> int:
    """Write the file; with --check say whether it is what it should be."""
    text = cut(LOCK.read_text(encoding="utf-8"), needed())
    if "--check" in sys.argv:
        same = OUT.is_file() and OUT.read_text(encoding="utf-8") == text
        print("as it should be" if same else f"{OUT} differs from the lock: run scripts/code_requirements.py")
        return 0 if same else 1
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text, encoding="utf-8")
    print(f"{OUT}: {', '.join(needed())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
