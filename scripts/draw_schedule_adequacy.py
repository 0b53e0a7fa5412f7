"""Draws docs/images/schedule_adequacy.png: what the scan times of the shipped trial can determine.

Usage: python scripts/draw_schedule_adequacy.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = ROOT / "docs/images/schedule_adequacy.png"


def main() -> int:
    command = [Path(sys.executable).with_name("theratrial"), "schedule", "adequacy", "IRCT20210612051548N3"]
    return subprocess.call([*command, "--figure", IMAGE], stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
