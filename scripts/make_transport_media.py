"""Writes the passported table of media for photon transport.

Usage: python scripts/make_transport_media.py
"""

from __future__ import annotations

from pathlib import Path

from theratrial.reference import sealed

DATA = Path(__file__).resolve().parent.parent / "src/theratrial/dosimetry/transport/data"

# Percent by mass; what the printed rows lack to 100 % by rounding goes to or comes from oxygen.
ELEMENTARY = {
    "water": (1.0, {"H": 11.1894, "O": 88.8106}),
    "soft_tissue": (
        1.05,
        {"H": 10.2, "C": 14.3, "N": 3.4, "O": 70.8, "Na": 0.2, "P": 0.3, "S": 0.3, "Cl": 0.2, "K": 0.3},
    ),
    "lung": (0.26, {"H": 10.3, "C": 10.5, "N": 3.1, "O": 74.9, "Na": 0.2, "P": 0.2, "S": 0.3, "Cl": 0.3, "K": 0.2}),
    "cortical_bone": (
        1.92,
        {"H": 3.4, "C": 15.5, "N": 4.2, "O": 43.5, "Na": 0.1, "Mg": 0.2, "P": 10.3, "S": 0.3, "Ca": 22.5},
    ),
    "red_marrow": (
        1.03,
        {"H": 10.5, "C": 41.4, "N": 3.4, "O": 43.9, "P": 0.1, "S": 0.2, "Cl": 0.2, "K": 0.2, "Fe": 0.1},
    ),
    "adipose": (0.95, {"H": 11.4, "C": 59.8, "N": 0.7, "O": 27.8, "Na": 0.1, "S": 0.1, "Cl": 0.1}),
    "air": (0.001205, {"C": 0.0124, "N": 75.5268, "O": 23.1781, "Ar": 1.2827}),
}
SKELETON = (1.36, {"cortical_bone": 0.513, "red_marrow": 0.115, "adipose": 0.231, "soft_tissue": 0.141})
PASSPORT = """
title = "Composition and density of tissues for photon transport"
edition = "1"
source = "ICRU Report 44 (1989), red marrow ICRU Report 46 (1992); skeleton: ICRP Publication 89 (2002) mass shares"
licence = "Facts; compilation ours, Apache-2.0"
how_entered = "scripts/make_transport_media.py; typed from the mass percentages of the reports as NIST prints them"
how_checked = "tests/transport/test_cross_sections.py: fractions sum to 1, attenuation against NIST XCOM"
decisions = [
 "Soft tissue is given 1.05 g/mL instead of 1.06: most organs of ICRU 46 stand at 1.04-1.06",
 "Lung is inflated, 0.26 g/mL",
 "Skeleton is one mixture of mineral bone 51.3 %, red marrow 11.5 %, yellow marrow (as adipose) 23.1 % and cartilage \
with the rest (as soft tissue) 14.1 %: the adult female of ICRP 89; the male differs by less than 1.5 % in each share",
 "Fractions that print to 100 +- 0.1 % are scaled to 1",
]
sha256 = ""
[units]
medium = "-"
density_g_per_mL = "g/mL"
element = "-"
mass_fraction = "-"
"""


def fractions() -> dict[str, tuple[float, dict[str, float]]]:
    made = {}
    for medium, (density, percent) in ELEMENTARY.items():
        whole = sum(percent.values())
        if abs(whole - 100) > 0.11:
            raise SystemExit(f"{medium} sums to {whole} %")
        made[medium] = (density, {element: value / whole for element, value in percent.items()})
    mixed: dict[str, float] = {}
    for part, share in SKELETON[1].items():
        for element, value in made[part][1].items():
            mixed[element] = mixed.get(element, 0.0) + share * value
    made["skeleton"] = (SKELETON[0], mixed)
    return made


def main() -> None:
    lines = ["medium,density_g_per_mL,element,mass_fraction"]
    for medium, (density, shares) in fractions().items():
        lines += [f"{medium},{density:g},{element},{share:.6g}" for element, share in shares.items()]
    header = "".join(f"#: {line}".rstrip() + "\n" for line in PASSPORT.strip().splitlines())
    (DATA / "media.csv").write_text(sealed(header + "\n".join(lines) + "\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
