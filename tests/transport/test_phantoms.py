"""The adult phantoms: masses, places, nothing in one place twice, everything inside the body."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from theratrial.dosimetry.transport.phantom_shapes import Shape
from theratrial.dosimetry.transport.phantoms import PHANTOMS, painted, phantom, phantom_regions
from theratrial.dosimetry.transport.s_values import reference_masses_g
from theratrial.errors import InputError, SourceError

ICRP_89 = "ICRP Publication 89 (2002), reference adult"
MASSES = (
    ("liver", 1400, 1800),
    ("kidneys", 275, 310),
    ("spleen", 130, 150),
    ("heart_wall", 250, 330),
    ("heart_contents", 370, 510),
    ("lungs", 950, 1200),
    ("pancreas", 120, 140),
    ("adrenals", 13, 14),
    ("brain", 1300, 1450),
    ("thyroid", 17, 20),
)
SURFACE = {"breasts", "testes"}
BODIES = pytest.mark.parametrize("name", PHANTOMS)


def centre_mm(name: str, region: str) -> tuple[float, float, float]:
    body = phantom(name)
    number = [r.name for r in body.regions].index(region) + 1
    z, y, x = (float(axis.mean()) for axis in np.nonzero(body.voxels == number))
    return tuple((v + 0.5) * body.voxel_mm + o for v, o in zip((x, y, z), body.origin_mm, strict=True))


@pytest.mark.parametrize(("region", "female_g", "male_g"), MASSES)
def test_voxels_of_an_organ_weigh_what_icrp_89_says(validation, region, female_g, male_g):
    for name, expected in (("adult_female", female_g), ("adult_male", male_g)):
        validation(
            f"Mass of {region} in the {name} phantom as voxelised",
            expected=expected,
            got=phantom(name).voxel_masses_g[region],
            unit="g",
            source=ICRP_89,
            relative=0.01,
        )


@pytest.mark.parametrize(
    ("name", "total_g", "skeleton_g"), [("adult_female", 60000, 7800), ("adult_male", 73000, 10500)]
)
def test_whole_body_and_skeleton_weigh_what_icrp_89_says(validation, name, total_g, skeleton_g):
    body = phantom(name)
    masses = body.voxel_masses_g
    bones = [region.name for region in body.regions if region.medium == "skeleton"]
    for what, expected, got in (
        ("whole body", total_g, sum(masses.values())),
        ("skeleton", skeleton_g, sum(masses[bone] for bone in bones)),
    ):
        validation(f"Mass of the {what}, {name}", expected=expected, got=got, unit="g", source=ICRP_89, relative=0.005)


@BODIES
def test_every_region_is_within_a_hundredth_of_its_reference_mass(name):
    body = phantom(name)
    for region in body.regions:
        assert body.voxel_masses_g[region.name] == pytest.approx(region.reference_mass_g, rel=0.01), region.name


@BODIES
def test_shares_of_red_marrow_sum_to_one(name):
    assert sum(region.red_marrow_fraction for region in phantom_regions(name)) == pytest.approx(1)


@BODIES
def test_only_soft_tissue_breasts_and_testes_touch_the_air(name):
    body = phantom(name)
    air = np.pad(body.voxels, 1) == 0
    near = binary_dilation(air)[1:-1, 1:-1, 1:-1]
    touching = {body.regions[n - 1].name for n in np.unique(body.voxels[near]) if n}
    assert touching <= SURFACE | {"other_soft_tissue"}


@BODIES
def test_the_body_is_one_piece_with_two_kidneys_and_two_lungs(name):
    body = phantom(name)
    numbers = {region.name: n for n, region in enumerate(body.regions, start=1)}
    pieces = label(body.voxels > 0)[1]
    # Arms hang free of the trunk.
    assert pieces in (1, 3)
    for region, count in (("kidneys", 2), ("lungs", 2), ("adrenals", 2), ("liver", 1), ("heart_wall", 1)):
        assert label(body.voxels == numbers[region])[1] == count, region


@BODIES
def test_organs_lie_where_anatomy_has_them(name):
    liver, spleen, heart = (centre_mm(name, region) for region in ("liver", "spleen", "heart_wall"))
    kidneys, bladder, brain = (centre_mm(name, r) for r in ("kidneys", "urinary_bladder_contents", "brain"))
    stomach, lungs, spine = (centre_mm(name, region) for region in ("stomach_wall", "lungs", "spine"))
    assert liver[0] < -20 < 0 < heart[0] < stomach[0] < spleen[0], "right to left"
    assert bladder[2] < kidneys[2] < liver[2] < heart[2] < brain[2], "feet to head"
    assert stomach[1] < kidneys[1] < spine[1], "front to back"
    assert kidneys[2] < spleen[2] < lungs[2]


@BODIES
def test_a_wall_encloses_its_contents(name):
    body = phantom(name)
    numbers = {region.name: n for n, region in enumerate(body.regions, start=1)}
    for wall, contents in (("heart_wall", "heart_contents"), ("stomach_wall", "stomach_contents")):
        inside = body.voxels == numbers[contents]
        around = body.voxels[binary_dilation(inside) & ~inside]
        assert np.mean(around == numbers[wall]) > 0.99


def ball(region: str, x: float, over: str) -> Shape:
    infinite = float("inf")
    cuts = (-infinite, infinite) * 3
    return Shape(region, "ellipsoid", (x, 0.0, 0.0), 30.0, 30.0, 30.0, 1.0, cuts, frozenset(over.split()))


def test_two_organs_in_one_place_are_refused_by_name():
    shapes = [ball("liver", 0, "outside"), ball("kidneys", 20, "outside")]
    with pytest.raises(SourceError, match=r"kidneys.*'liver'"):
        painted(shapes, ["liver", "kidneys"])


def test_an_organ_that_reaches_out_of_the_body_is_refused():
    shapes = [ball("other_soft_tissue", 0, "outside"), ball("liver", 20, "other_soft_tissue")]
    with pytest.raises(SourceError, match=r"liver.*'outside'"):
        painted(shapes, ["other_soft_tissue", "liver"])


def test_a_painted_ball_has_the_volume_of_a_ball():
    voxels, _ = painted([ball("liver", 0, "outside")], ["liver"], 1.0)
    assert float(voxels.sum()) == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.01)


def test_an_unknown_phantom_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"'child'.*adult_female"):
        phantom("child")


def test_reference_masses_hold_composite_regions_too():
    masses = reference_masses_g(phantom("adult_male"))
    assert masses["total_body"] == 73000
    assert masses["skeleton"] == 10500
    assert masses["red_marrow"] == 1170
    assert "leg_bones" not in masses, "parts of the skeleton are not regions of a dose"
