"""Writes the two passported tables of the nuclides room from what the installed libraries hold.

Usage: python scripts/make_nuclide_tables.py
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path

from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from theratrial.nuclides.names import nuclide_name
from theratrial.reference import sealed

DATA = Path(__file__).resolve().parent.parent / "src/theratrial/nuclides/data"


def written(name: str, passport: str, lines: list[str]) -> None:
    header = "".join(f"#: {line}".rstrip() + "\n" for line in passport.strip().splitlines())
    (DATA / f"{name}.csv").write_text(sealed(header + "\n".join(lines) + "\n"), encoding="utf-8")


def fingerprints() -> None:
    folder = Path(importlib.util.find_spec("icrp107_database").submodule_search_locations[0]) / "icrp107"
    version = importlib.metadata.version("icrp107-database")
    rows = sorted((p.stem, hashlib.sha256(p.read_bytes()).hexdigest()) for p in folder.glob("*.json"))
    written(
        "icrp107_files",
        f"""
title = "Fingerprints of the ICRP 107 decay data that theratrial was checked with"
edition = "icrp107-database {version}"
source = "ICRP Publication 107, Ann. ICRP 38(3), 2008, (C) 2008 A. Endo and K.F. Eckerman, as in PyPI icrp107-database"
licence = "Hashes only, ours, Apache-2.0. The data stay in their own package and under their own licence."
how_entered = "scripts/make_nuclide_tables.py, from the installed package"
how_checked = "tests/reference/test_decay_data.py compares energies per decay with EJNMMI Phys s40658-020-00301-2"
decisions = ["The data are read from the installed package and refused when a file differs from its fingerprint"]
sha256 = ""
[units]
nuclide = "-"
sha256 = "-"
""",
        ["nuclide,sha256", *(f"{n},{h}" for n, h in rows)],
    )


def dicom_codes() -> None:
    rows = set()
    for cid in (18, 4020):
        for scheme, names in cid_concepts[cid].items():
            for name in names:
                for value, (meaning, _) in concepts[scheme][name].items():
                    if not re.fullmatch(r"\^\d+m?\^[A-Z][a-z]+", meaning):
                        continue
                    canonical = nuclide_name(meaning)
                    rows.add((scheme, value, meaning, canonical))
                    if scheme == "SCT" and value in mapping["SCT"]:
                        rows.add(("SRT", mapping["SCT"][value], meaning, canonical))
    version = importlib.metadata.version("pydicom")
    written(
        "dicom_codes",
        f"""
title = "Codes of radionuclides in DICOM headers"
edition = "DICOM PS3.16 CID 18 and CID 4020 as in pydicom {version}"
source = "DICOM PS3.16 context groups 18 (Radiopharmaceutical Isotope) and 4020 (PET Radionuclide)"
licence = "DICOM standard, with SNOMED CT codes licensed to NEMA for use in DICOM"
how_entered = "scripts/make_nuclide_tables.py, from the code dictionaries of pydicom {version}; SRT from its map to SCT"
how_checked = "law in tests/nuclides: every code meaning names the nuclide of its row"
decisions = []
sha256 = ""
[units]
scheme = "-"
value = "-"
meaning = "-"
nuclide = "-"
""",
        ["scheme,value,meaning,nuclide", *(",".join(row) for row in sorted(rows))],
    )


if __name__ == "__main__":
    fingerprints()
    dicom_codes()
