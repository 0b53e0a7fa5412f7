"""Shipped S values of 177Lu against a published table at the same organ masses."""

from __future__ import annotations

import numpy as np
import pytest

from theratrial.dosimetry.transport.s_value_files import shipped_s_values

SOURCE = "177Lu S values distributed with PyTheranostics (phantomdata/Lu177-Female-Svalues.csv, Lu177-Male-Svalues.csv)"
MGY_PER_MBQ_S = 1000 / 3600
# target, source, female and male [mGy/(MBq s)].
SELF = (
    ("kidneys", "kidneys", 8.70e-5, 7.76e-5),
    ("liver", "liver", 1.76e-5, 1.37e-5),
    ("spleen", "spleen", 1.84e-4, 1.60e-4),
    ("heart_wall", "heart_wall", 9.57e-5, 7.27e-5),
    ("heart_wall", "heart_contents", 3.32e-5, 2.42e-5),
    ("lungs", "lungs", 2.50e-5, 1.99e-5),
    ("red_marrow", "red_marrow", 1.49e-5, 1.15e-5),
    ("red_marrow", "trabecular_bone", 5.40e-6, 4.16e-6),
    ("total_body", "total_body", 4.30e-7, 3.54e-7),
)
FEMALE_SELF = (
    ("adrenals", 1.81e-3),
    ("brain", 1.89e-5),
    ("breasts", 4.78e-5),
    ("ovaries", 2.14e-3),
    ("pancreas", 2.00e-4),
    ("thyroid", 1.38e-3),
    ("uterus", 3.00e-4),
)
FEMALE_CROSS = {
    ("liver", "spleen"): 3.97e-8,
    ("liver", "lungs"): 1.07e-7,
    ("liver", "heart_wall"): 7.25e-8,
    ("liver", "pancreas"): 2.41e-7,
    ("liver", "breasts"): 2.94e-8,
    ("kidneys", "liver"): 1.51e-7,
    ("kidneys", "spleen"): 4.19e-7,
    ("kidneys", "pancreas"): 1.76e-7,
    ("kidneys", "lungs"): 2.30e-8,
    ("kidneys", "heart_wall"): 2.32e-8,
    ("spleen", "lungs"): 5.02e-8,
    ("spleen", "heart_wall"): 6.15e-8,
    ("spleen", "pancreas"): 2.31e-7,
    ("lungs", "heart_wall"): 2.52e-7,
    ("pancreas", "lungs"): 4.64e-8,
    ("pancreas", "heart_wall"): 6.58e-8,
    ("red_marrow", "liver"): 3.60e-8,
    ("red_marrow", "kidneys"): 4.52e-8,
    ("red_marrow", "lungs"): 6.26e-8,
    ("brain", "thyroid"): 1.84e-8,
}
CROSS = (
    ("kidneys", "liver", 1.51e-7, 1.20e-7, 0.20, "distance of liver and right kidney is a matter of posture and shape"),
    (
        "kidneys",
        "spleen",
        4.19e-7,
        2.65e-7,
        0.60,
        "in the published phantoms the spleen lies on the left kidney, here it is beside its upper pole",
    ),
    (
        "red_marrow",
        "total_body",
        3.28e-7,
        2.74e-7,
        0.40,
        "published: activity in the marrow's fat gives no electrons to red marrow; here uniform activity is in balance",
    ),
)


def total(phantom: str, target: str, source: str) -> float:
    return shipped_s_values(phantom, "Lu-177").value(target, source).total_Gy_per_MBq_h * MGY_PER_MBQ_S


@pytest.mark.parametrize(("target", "source", "female", "male"), SELF)
def test_self_dose_and_charged_particle_terms_are_the_published_ones(validation, target, source, female, male):
    for phantom, expected in (("adult_female", female), ("adult_male", male)):
        validation(
            f"S 177Lu {target} <- {source}, {phantom}",
            expected=expected,
            got=total(phantom, target, source),
            unit="mGy/(MBq s)",
            source=SOURCE,
            relative=0.05,
        )


@pytest.mark.parametrize(("target", "source", "female", "male", "relative", "reason"), CROSS)
def test_cross_terms_are_those_of_the_geometry(validation, target, source, female, male, relative, reason):
    for phantom, expected in (("adult_female", female), ("adult_male", male)):
        validation(
            f"S 177Lu {target} <- {source}, {phantom}",
            expected=expected,
            got=total(phantom, target, source),
            unit="mGy/(MBq s)",
            source=SOURCE,
            relative=relative,
            not_matched_because=reason,
        )


@pytest.mark.parametrize(("organ", "expected"), FEMALE_SELF)
def test_small_organs_dose_themselves_as_published(validation, organ, expected):
    validation(
        f"S 177Lu {organ} <- {organ}, adult_female",
        expected=expected,
        got=total("adult_female", organ, organ),
        unit="mGy/(MBq s)",
        source=SOURCE,
        relative=0.05,
    )


def test_cross_terms_agree_on_the_whole_though_each_depends_on_the_geometry(validation):
    logs = np.log([total("adult_female", *pair) / expected for pair, expected in FEMALE_CROSS.items()])
    validation(
        f"S 177Lu, {len(logs)} cross terms of the adult_female, geometric mean of ours over published",
        expected=1.0,
        got=float(np.exp(logs.mean())),
        unit="1",
        source=SOURCE,
        relative=0.25,
    )
    validation(
        f"S 177Lu, {len(logs)} cross terms of the adult_female, largest factor between ours and published",
        expected=1.0,
        got=float(np.exp(np.abs(logs).max())),
        unit="1",
        source=SOURCE,
        absolute=1.5,
        not_matched_because="organs lie elsewhere; a factor of 2 is what phantoms of different design show",
    )


@pytest.mark.parametrize(
    ("nuclide", "expected", "relative", "reason"),
    [
        ("Lu-177", 0.281, 0.02, ""),
        ("Ga-68", 1.50, 0.03, ""),
        ("Zr-89", 0.392, 0.08, "half of it is photons; theirs are 15 % higher and the shape behind them is not stated"),
        ("Y-90", 1.67, 0.05, "electrons of 90Y that leave the kidney, some 4 %, are counted in it"),
    ],
)
def test_a_kidney_mass_of_310_g_has_the_dose_factor_of_other_nuclides_too(
    validation, nuclide, expected, relative, reason
):
    validation(
        f"S {nuclide} kidneys <- kidneys, 310 g",
        expected=expected,
        got=1000 * shipped_s_values("adult_male", nuclide).value("kidneys", "kidneys").total_Gy_per_MBq_h,
        unit="mGy/(MBq h)",
        source="dose factors of kidneys of 310 g as listed by RayzeBio",
        relative=relative,
        not_matched_because=reason,
    )
