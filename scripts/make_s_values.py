"""Makes the shipped tables of S values anew: all nuclides below in both adult phantoms.

Usage: python scripts/make_s_values.py [NUCLIDE ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from theratrial.dosimetry.transport.phantoms import PHANTOMS
from theratrial.dosimetry.transport.s_value_files import s_value_file, table_stem
from theratrial.dosimetry.transport.s_values import s_value_table

DATA = Path(__file__).resolve().parent.parent / "src/theratrial/dosimetry/transport/data"
NUCLIDES = ("Lu-177", "Ga-68", "I-131", "Y-90", "In-111", "Zr-89", "Tb-161")
HISTORIES = {"Y-90": 2_000_000}
"""90Y has hardly any photon but x rays; its rare gamma ray needs more histories."""
HISTORIES_OF_OTHERS = 300_000
SEED = 20
WORKERS = 1


def main() -> None:
    for nuclide in sys.argv[1:] or NUCLIDES:
        for phantom in PHANTOMS:
            start = time.monotonic()
            histories = HISTORIES.get(nuclide, HISTORIES_OF_OTHERS)
            table = s_value_table(phantom, nuclide, seed=SEED, histories=histories, workers=WORKERS)
            (DATA / f"{table_stem(phantom, nuclide)}.csv").write_text(s_value_file(table), encoding="utf-8")
            print(f"{nuclide} {phantom}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
