"""Writes the tables of the adult phantoms: sizes of our shapes are set so that voxelised masses are those of ICRP 89.

Usage: python scripts/make_phantoms.py
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from theratrial.dosimetry.transport.phantom_shapes import COLUMNS, Shape
from theratrial.dosimetry.transport.phantoms import VOXEL_MM
from theratrial.reference import sealed

DATA = Path(__file__).resolve().parent.parent / "src/theratrial/dosimetry/transport/data"
REST = "other_soft_tissue"
SIDES = (-1, 1)

# ICRP 89 masses [g], female and male; contents of heart, stomach and bladder as there.
MASSES = {
    "liver": (1400, 1800),
    "kidneys": (275, 310),
    "spleen": (130, 150),
    "lungs": (950, 1200),
    "heart_wall": (250, 330),
    "heart_contents": (370, 510),
    "stomach_wall": (140, 150),
    "stomach_contents": (230, 250),
    "small_intestine": (880, 1000),
    "colon": (680, 670),
    "pancreas": (120, 140),
    "adrenals": (13, 14),
    "brain": (1300, 1450),
    "thyroid": (17, 20),
    "urinary_bladder_wall": (40, 50),
    "urinary_bladder_contents": (200, 200),
    "uterus": (80, 0),
    "ovaries": (11, 0),
    "breasts": (500, 0),
    "testes": (0, 35),
    "prostate": (0, 17),
}
SKELETON = (7800, 10500)
TOTAL = (60000, 73000)
# Share of the skeleton's mass (ours, after ICRP 70) and of red marrow (ICRP 70, adult).
BONES = {
    "skull": (0.140, 0.084),
    "spine": (0.157, 0.323),
    "ribs": (0.108, 0.192),
    "pelvis": (0.166, 0.274),
    "shoulder_girdle": (0.038, 0.036),
    "upper_humeri": (0.020, 0.023),
    "arm_bones": (0.096, 0.0),
    "upper_femora": (0.060, 0.068),
    "leg_bones": (0.215, 0.0),
}
DENSITIES = {"lungs": 0.30, "heart_contents": 1.06, "stomach_contents": 1.04, "urinary_bladder_contents": 1.01}
REST_DENSITY = 1.0
INF = math.inf


def solid(region, kind, centre, halves, over, end=1.0, x=(-INF, INF), y=(-INF, INF), z=(-INF, INF)):
    return Shape(region, kind, centre, *halves, end, (*x, *y, *z), frozenset(over.split()))


def pair(region, kind, centre, halves, over, **more):
    for side in SIDES:
        yield solid(region, kind, (side * centre[0], *centre[1:]), halves, over, **more)


def body(over="outside"):
    yield solid(REST, "cylinder_z", (0, 0, 0), (157, 101, 1), over, z=(0, 600))
    yield solid(REST, "cylinder_z", (0, 12, 0), (55, 58, 1), "outside", z=(600, 700))
    yield solid(REST, "ellipsoid", (0, 6, 783), (76, 98, 113), f"outside {REST}")
    yield from pair(REST, "cylinder_z", (203, 0, 0), (31, 33, 1), "outside", end=1.25, z=(-90, 580))
    yield from pair(REST, "cylinder_z", (80, 0, 0), (38, 40, 1), "outside", end=2.05, z=(-745, 0))


def skeleton():
    yield solid("skull", "ellipsoid", (0, 8, 794), (64, 82, 73), REST)
    yield solid("skull", "ellipsoid", (0, -27, 744), (42, 38, 40), REST)
    yield solid("spine", "cylinder_z", (0, 56, 0), (20, 24, 1), REST, z=(180, 591))
    yield solid("spine", "cylinder_z", (0, 38, 0), (18, 20, 1), f"{REST} skull spine", z=(591, 722))
    for rib in range(11):
        low = 296 + 25 * rib
        narrow = math.sqrt(1 - ((low - 296) / 460) ** 2)
        a, b = 138 * narrow, 88 * narrow
        yield solid("ribs", "cylinder_z", (0, -2, 0), (a + 6, b + 6, 1), f"{REST} spine", z=(low, low + 12))
        yield solid(REST, "cylinder_z", (0, -2, 0), (a, b, 1), "ribs spine", z=(low, low + 12))
        yield solid("spine", "cylinder_z", (0, 56, 0), (20, 24, 1), f"{REST} ribs", z=(low, low + 12))
    yield solid("pelvis", "cylinder_z", (0, 0, 0), (120, 84, 1), REST, y=(0, INF), z=(15, 180))
    yield solid(REST, "cylinder_z", (0, -8, 0), (108, 72, 1), "pelvis", y=(0, INF), z=(15, 180))
    yield from pair("shoulder_girdle", "ellipsoid", (120, 35, 520), (13, 28, 49), f"{REST} ribs")
    yield from (
        solid("shoulder_girdle", "cylinder_x", (0, -62, 584), (1, 7, 7), REST, x=(low, low + 85)) for low in (-105, 20)
    )
    yield from pair("upper_humeri", "cylinder_z", (203, 0, 0), (13, 14, 1), REST, end=1.3, z=(490, 565))
    yield from pair("arm_bones", "cylinder_z", (203, 0, 0), (11, 10, 1), REST, end=1.3, z=(-80, 490))
    yield from pair("upper_femora", "cylinder_z", (80, 0, 0), (20, 20, 1), REST, end=1.2, z=(-120, -2))
    yield from pair("leg_bones", "cylinder_z", (80, 0, 0), (14, 14, 1), REST, end=1.45, z=(-735, -120))


def organs():
    yield solid("brain", "ellipsoid", (0, 8, 795), (58, 76, 67), f"skull {REST}")
    yield from pair("thyroid", "ellipsoid", (15, -14, 640), (9, 10, 21.5), REST)
    yield from pair("lungs", "ellipsoid", (68, -2, 338), (54, 69, 222), REST, z=(338, INF))
    yield solid("liver", "ellipsoid", (-73, 0, 306), (54, 63, 70), f"{REST} lungs")
    yield solid("liver", "ellipsoid", (-12, -32, 324), (62, 36, 36), f"{REST} lungs")
    yield solid("heart_wall", "ellipsoid", (18, -32, 418), (54, 46, 58), f"{REST} lungs liver")
    yield solid("heart_contents", "ellipsoid", (18, -32, 418), (45, 38, 49), "heart_wall")
    yield solid("spleen", "ellipsoid", (97, 24, 302), (24, 30, 42), f"{REST} lungs")
    yield solid("stomach_wall", "ellipsoid", (44, -25, 300), (48, 38, 48), f"{REST} liver lungs spleen")
    yield solid("stomach_contents", "ellipsoid", (44, -25, 300), (41, 32, 41), "stomach_wall")
    yield from (
        solid("kidneys", "ellipsoid", (side * 60, 47, z), (28, 22, 51), f"{REST} liver spleen")
        for side, z in ((-1, 236), (1, 248))
    )
    yield from pair("adrenals", "ellipsoid", (38, 45, 300), (13, 7, 16), f"{REST} liver kidneys")
    yield solid("pancreas", "ellipsoid", (15, 13, 246), (60, 17, 27), f"{REST} liver kidneys")
    yield solid("small_intestine", "ellipsoid", (0, -25, 168), (80, 52, 46), REST)
    yield from pair("colon", "cylinder_z", (107, -28, 0), (21, 21, 1), f"{REST} small_intestine", z=(110, 226))
    yield solid("colon", "cylinder_x", (0, -55, 226), (1, 19, 19), f"{REST} small_intestine liver", x=(-107, 107))
    yield solid("colon", "cylinder_z", (0, 42, 0), (17, 17, 1), REST, z=(20, 125))
    yield solid("urinary_bladder_wall", "ellipsoid", (0.7, -46.4, 60.9), (38.5, 38.5, 38.5), REST)
    yield solid("urinary_bladder_contents", "ellipsoid", (0.7, -46.4, 60.9), (36.3, 36.3, 36.3), "urinary_bladder_wall")


def female():
    yield from pair("breasts", "ellipsoid", (68, -95, 440), (43, 40, 36), "outside", y=(-INF, -20))
    yield from body("outside breasts")
    yield from skeleton()
    yield from organs()
    yield solid("uterus", "ellipsoid", (0, 4, 92), (27, 18, 32), f"{REST} urinary_bladder_wall")
    yield from pair("ovaries", "ellipsoid", (52, 8, 100), (8.6, 10, 14.5), REST)


def male():
    yield from body()
    yield from pair("testes", "ellipsoid", (14, -60, -32), (12, 13, 24), f"outside {REST}")
    yield from skeleton()
    yield from organs()
    yield solid("prostate", "ellipsoid", (0, -8, 22), (16, 13, 14), REST)


def stretched(shape: Shape, across: float, along: float) -> Shape:
    x, y, z = shape.centre_mm
    f = (across, across, across, across, along, along)
    return replace(
        shape,
        centre_mm=(x * across, y * across, z * along),
        a_mm=shape.a_mm * across,
        b_mm=shape.b_mm * across,
        c_mm=shape.c_mm * along,
        cuts_mm=tuple(c * s for c, s in zip(shape.cuts_mm, f, strict=True)),
    )


def axis(low: float, high: float) -> np.ndarray:
    return np.arange(math.floor(low / VOXEL_MM) * VOXEL_MM + VOXEL_MM / 2, high, VOXEL_MM)


X, Y, Z = axis(-270, 270), axis(-180, 150), axis(-900, 1020)


class Canvas:
    """Voxels that shapes painted later have taken; shapes are sized from the last to the first."""

    def __init__(self) -> None:
        self.taken = np.zeros((Z.size, Y.size, X.size), dtype=bool)

    def place(self, shape: Shape):
        (x0, x1), (y0, y1), (z0, z1) = (np.searchsorted(a, b) for a, b in zip((X, Y, Z), shape.bounds_mm, strict=True))
        window = (slice(z0, z1), slice(y0, y1), slice(x0, x1))
        return window, shape.contains(X[None, None, x0:x1], Y[None, y0:y1, None], Z[z0:z1, None, None])

    def free_voxels(self, shapes: list[Shape]) -> int:
        windows = [self.place(shape) for shape in shapes]
        count = 0
        for window, inside in windows:
            fresh = inside & ~self.taken[window]
            count += int(fresh.sum())
            self.taken[window] |= fresh
            inside &= fresh
        for window, fresh in windows:
            self.taken[window] &= ~fresh
        return count

    def take(self, shapes: list[Shape]) -> None:
        for shape in shapes:
            window, inside = self.place(shape)
            self.taken[window] |= inside


def sized(shapes: list[Shape], targets: dict[str, int]) -> list[Shape]:
    """Shapes scaled so that what stays visible of each region is its number of voxels."""
    canvas, done = Canvas(), dict(enumerate(shapes))
    visited: set[str] = set()
    for number in reversed(range(len(shapes))):
        region = shapes[number].region
        if region in visited and region in targets and region not in ("ribs", "spine"):
            continue
        if region not in targets or region in ("ribs", "spine"):
            canvas.take([done[number]])
            continue
        visited.add(region)
        own = [n for n, shape in enumerate(shapes) if shape.region == region]
        low, high = 0.5, 1.6
        best = (INF, 1.0)
        for _ in range(26):
            middle = (low + high) / 2
            error = canvas.free_voxels([shapes[n].enlarged(middle) for n in own]) - targets[region]
            best = min(best, (abs(error), middle))
            low, high = (low, middle) if error > 0 else (middle, high)
        print(f"{region:26s} scale {best[1]:.4f}, off by {best[0] / targets[region]:.3%}")
        for n in own:
            done[n] = shapes[n].enlarged(best[1])
        canvas.take([done[n] for n in own])
    return [done[n] for n in range(len(shapes))]


def visible(shapes: list[Shape]) -> dict[str, int]:
    names = sorted({s.region for s in shapes})
    picture = np.zeros((Z.size, Y.size, X.size), dtype=np.uint8)
    canvas = Canvas()
    for shape in shapes:
        window, inside = canvas.place(shape)
        picture[window][inside] = names.index(shape.region) + 1
    return dict(zip(names, np.bincount(picture.ravel(), minlength=len(names) + 1)[1:].tolist(), strict=True))


def scaled(shapes: list[Shape], chosen, scale: float) -> list[Shape]:
    return [replace(s, a_mm=s.a_mm * scale, b_mm=s.b_mm * scale) if chosen(s) else s for s in shapes]


def tuned(shapes: list[Shape], chosen, region: str, target: int) -> list[Shape]:
    """Shapes with the lateral half-axes of the chosen ones scaled so that a region has its voxels."""
    low, high, best = 0.7, 1.5, (INF, shapes)
    for _ in range(14):
        middle = (low + high) / 2
        attempt = scaled(shapes, chosen, middle)
        error = visible(attempt)[region] - target
        best = min(best, (abs(error), attempt), key=lambda pair: pair[0])
        low, high = (low, middle) if error > 0 else (middle, high)
    print(f"{region:26s} tuned, off by {best[0] / target:.3%}")
    return best[1]


def rounded(shape: Shape) -> list[str]:
    def text(value: float) -> str:
        return "" if math.isinf(value) else f"{value:.5f}".rstrip("0").rstrip(".").replace("-0", "-0") or "0"

    numbers = (*shape.centre_mm, shape.a_mm, shape.b_mm, shape.c_mm, shape.end_scale, *shape.cuts_mm)
    return [shape.region, shape.kind, *map(text, numbers), " ".join(sorted(shape.painted_over))]


def region_rows(sex: int, present: set[str]):
    shares = {name: share for name, (share, _) in BONES.items()}
    rows = []
    for name, masses in MASSES.items():
        if name in present:
            medium = "lung" if name == "lungs" else "soft_tissue"
            rows.append((name, medium, DENSITIES.get(name, 1.05), float(masses[sex]), 0.0))
    for name, share in shares.items():
        rows.append((name, "skeleton", 1.36, SKELETON[sex] * share, BONES[name][1]))
    rest = TOTAL[sex] - sum(row[3] for row in rows)
    rows.append((REST, "soft_tissue", REST_DENSITY, rest, 0.0))
    return rows


def written(name: str, passport: str, columns: tuple[str, ...], rows: list[list[str]], units: dict[str, str]) -> None:
    lines = [*passport.strip().splitlines(), 'sha256 = ""', "[units]", *(f'{c} = "{u}"' for c, u in units.items())]
    header = "".join(f"#: {line}".rstrip() + "\n" for line in lines)
    body = "\n".join([",".join(columns), *(",".join(row) for row in rows)]) + "\n"
    (DATA / f"{name}.csv").write_text(sealed(header + body), encoding="utf-8")


def main() -> None:
    per_voxel = (VOXEL_MM / 10) ** 3
    all_rows: list[list[str]] = []
    for sex, name, shapes, across, along in (
        (0, "adult_female", list(female()), 1.0, 1.0),
        (1, "adult_male", list(male()), 1.06, 1.08),
    ):
        shapes = [stretched(shape, across, along) for shape in shapes]
        rows = region_rows(sex, {shape.region for shape in shapes})
        targets = {row[0]: round(row[3] / row[2] / per_voxel) for row in rows}
        shapes = sized(shapes, {n: t for n, t in targets.items() if n != REST})
        for region in ("spine", "ribs"):
            shapes = tuned(shapes, lambda s, r=region: s.region == r, region, targets[region])
        flesh = {id(s) for s in shapes if s.region == REST and s.kind == "cylinder_z" and s.cuts_mm[4] <= 0}
        shapes = tuned(shapes, lambda s, ids=flesh: id(s) in ids, REST, targets[REST])
        if "breasts" in targets:
            shapes = tuned(shapes, lambda s: s.region == "breasts", "breasts", targets["breasts"])
        found = visible(shapes)
        for region, target in targets.items():
            flag = "" if abs(found[region] / target - 1) < 0.01 else "   <-- NOT WITHIN 1 %"
            print(f"{name} {region:26s} {found[region] / target - 1:+.3%}{flag}")
        written(
            f"{name}_shapes",
            f"""
title = "Shapes of the {name.replace("_", " ")} phantom, in the order of painting"
edition = "1"
source = "Own design (theratrial); sized so that voxels of 3 mm have the masses of ICRP Publication 89 (2002)"
licence = "Apache-2.0"
how_entered = "scripts/make_phantoms.py"
how_checked = "tests/transport/test_phantoms.py: masses, overlaps, everything inside the body"
decisions = ["x to the patient's left, y to the back, z to the head; later shapes paint over earlier ones"]
""",
            COLUMNS,
            [rounded(s) for s in shapes],
            {c: ("mm" if c.endswith("_mm") else "-") for c in COLUMNS},
        )
        all_rows += [[name, r, m, f"{d:g}", f"{g:.6g}", f"{f:g}"] for r, m, d, g, f in rows]
    columns = ("phantom", "region", "medium", "density_g_per_mL", "mass_g", "red_marrow_fraction")
    written(
        "phantom_regions",
        """
title = "Regions of the adult phantoms: medium, density, mass, share of red marrow"
edition = "1"
source = "Masses: ICRP Publication 89 (2002), reference adults; red marrow shares: ICRP Publication 70 (1995), adult"
licence = "Facts; compilation ours, Apache-2.0"
how_entered = "scripts/make_phantoms.py"
how_checked = "tests/transport/test_phantoms.py: sums of masses and of marrow"
decisions = [
 "Masses of single bones are our division of the reference skeleton",
 "Lungs with their blood have 0.30 g/mL; the rest of the body (muscle, fat, skin, blood) has 1.00 g/mL",
 "Small intestine and colon include their contents",
]
""",
        columns,
        all_rows,
        {
            "phantom": "-",
            "region": "-",
            "medium": "-",
            "density_g_per_mL": "g/mL",
            "mass_g": "g",
            "red_marrow_fraction": "-",
        },
    )


if __name__ == "__main__":
    main()
