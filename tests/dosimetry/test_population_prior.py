"""The shipped priors: complete, consistent, and what their rows say of the publications they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theratrial.dosimetry.population import (
    kinetic_prior,
    prior_name_for,
    prior_names,
    prior_region_name,
    reference_mass_g,
)
from theratrial.dosimetry.population.draws import prior_draws
from theratrial.dosimetry.population.families import SHAPES, latent, natural, unit_terms
from theratrial.dosimetry.population.prior import FamilyPrior, RegionPrior
from theratrial.dosimetry.population.tables import population_table
from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.reference import table
from theratrial.simulation.phantom import TABLE

TRASTUZUMAB = kinetic_prior("trastuzumab_igg")
LUTETIUM = nuclide("Lu-177")


@pytest.mark.parametrize("name", prior_names())
def test_every_prior_is_complete_and_has_a_region_for_what_it_does_not_know(name: str) -> None:
    prior = kinetic_prior(name)
    assert {"whole_body", "lesion", "other"} <= set(prior.regions)
    assert prior.region("no such organ") is prior.regions["other"]
    for region in prior.regions.values():
        assert math.fsum(family.weight for family in region.families) == pytest.approx(1)


def test_every_row_of_the_kinetics_is_used_and_says_why() -> None:
    for row in population_table("kinetics"):
        prior = kinetic_prior(row.text("prior"))
        families = prior.regions[row.text("region")].families
        chosen = [one for one in families if row.text("family") in ("*", one.family)]
        using = [one for one in chosen if row.text("parameter") in one.parameters]
        assert using, row.cells
        assert row.text("source")
        assert row.text("why")


def test_the_median_curves_are_those_of_the_publications(validation: object) -> None:
    check = validation
    plasma = TRASTUZUMAB.region("heart").family("bi")
    body = TRASTUZUMAB.region("whole_body").family("mono")
    source = "O'Donoghue et al., J Nucl Med 2018;59:161"
    check(
        "plasma half-life of the prior",
        expected=111,
        got=plasma.median("half_life_h"),
        unit="h",
        source=source,
        relative=1e-6,
    )  # type: ignore[operator]
    check(
        "whole-body half-life of the prior",
        expected=370,
        got=body.median("half_life_h"),
        unit="h",
        source=source,
        relative=1e-6,
    )  # type: ignore[operator]
    # The prior's 95 % must not be narrower than the range of the ten patients.
    for family, low, high in ((plasma, 78, 193), (body, 257, 578)):
        spread = 1.96 * family.log_sd("half_life_h")
        assert family.median("half_life_h") * math.exp(-spread) < low
        assert family.median("half_life_h") * math.exp(spread) > high * 0.98
    liver = TRASTUZUMAB.region("liver").family("uptake")
    effective = 1 / (1 / liver.median("half_life_h") + 1 / LUTETIUM.half_life_h)
    check(  # type: ignore[operator]
        "effective half-life of 177Lu-trastuzumab in organs of the prior",
        expected=106.25,
        got=effective,
        unit="h",
        source="Narwadkar et al. 2024, doi 10.1097/rlu.0000000000005067",
        relative=0.01,
    )
    lesion = TRASTUZUMAB.region("lesion").family("uptake")
    u = math.log(2) / lesion.median("uptake_half_life_h")
    k = math.log(2) / lesion.median("half_life_h")
    assert 5 <= math.log(1 + u / k) / u / 24 <= 8  # days; O'Donoghue 2018: highest tumour uptake after 5-8 d


def test_doses_at_the_median_lie_near_published_ones(validation: object) -> None:
    # Self-dose of electrons by local deposition against hybrid SPECT doses, which the medians were not fitted to.
    draws = prior_draws(TRASTUZUMAB.region("liver"), LUTETIUM.decay_constant_per_h)
    median_h = float(np.exp(np.median(draws.log_unit_tia_h + draws.log_amplitude_mean)))
    validation(  # type: ignore[operator]
        "liver electron dose at the median of the prior",
        expected=1.01,
        got=median_h * 85.32 / 1400,
        unit="mGy/MBq",
        source="Nautiyal et al. 2022, hybrid (Nucl Med Commun)",
        relative=0.2,
    )


@pytest.mark.parametrize("family", SHAPES)
def test_no_curve_is_negative_and_its_integral_is_that_of_its_terms(family: str) -> None:
    rng = np.random.default_rng(3)
    coefficients, rates = unit_terms(family, rng.normal(1.0, 1.5, (200, len(SHAPES[family]))))
    rates = rates + LUTETIUM.decay_constant_per_h
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 6000, 6000)])
    activity = (coefficients[:, :, None] * np.exp(-rates[:, :, None] * grid)).sum(axis=1)
    assert activity.min() > -1e-12
    np.testing.assert_allclose(np.trapezoid(activity, grid, axis=1), (coefficients / rates).sum(axis=1), rtol=2e-3)


def test_draws_have_the_medians_spreads_and_correlations_of_the_prior() -> None:
    region = TRASTUZUMAB.region("lesion")
    draws = prior_draws(region, LUTETIUM.decay_constant_per_h, 16384)
    for index, family in enumerate(region.families):
        mine = draws.family == index
        assert mine.mean() == pytest.approx(family.weight, abs=0.01)
        standard = draws.shape[mine][:, : len(family.mean) - 1]
        np.testing.assert_allclose(standard.mean(axis=0), 0, atol=0.1)
        np.testing.assert_allclose(standard.std(axis=0), 1, atol=0.08)
    index = next(n for n, one in enumerate(region.families) if one.family == "uptake")
    family = region.families[index]
    slow = math.log(2) / (draws.effective_per_h[draws.family == index, 0] - LUTETIUM.decay_constant_per_h)
    assert np.median(slow) == pytest.approx(family.median("half_life_h"), rel=0.03)
    assert np.std(np.log(slow)) == pytest.approx(family.log_sd("half_life_h"), rel=0.04)


def test_shares_are_kept_between_0_and_1() -> None:
    for value in (0.01, 0.3, 0.99):
        assert natural("fast_share", np.array([latent("fast_share", value)]))[0] == pytest.approx(value)


def test_reference_masses_are_those_of_the_female_phantom() -> None:
    parts = {"liver": ("liver",), "spleen": ("spleen",), "heart": ("heart_blood", "heart_wall")}
    masses = {row.text("region"): row.number("mass") for row in table(TABLE) if row.number("mass") > 0}
    for region, names in parts.items():
        assert reference_mass_g(region, "female") == pytest.approx(sum(masses[name] for name in names), rel=0.01)
    kidneys = masses["kidney_left"] + masses["kidney_right"]
    assert reference_mass_g("kidneys", "female") == pytest.approx(kidneys, rel=0.01)


def test_names_of_a_protocol_find_their_region_and_what_is_unknown_is_other() -> None:
    assert prior_region_name("red_marrow") == "red_marrow"
    assert prior_region_name("salivary_glands") == "other"
    assert prior_region_name("liver", kind="lesion") == "lesion"
    assert prior_name_for("¹⁷⁷Lu-Trastuzumab IgG")[0] == "trastuzumab_igg"
    assert prior_name_for("PSMA-617")[0] == "unspecific"


def test_an_unknown_prior_is_refused_by_naming_the_known() -> None:
    with pytest.raises(InputError, match="trastuzumab_igg"):
        kinetic_prior("rituximab")


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    family = FamilyPrior("mono", 0.5, (0.0, 4.0), ((1.0, 0.0), (0.0, 1.0)))
    with pytest.raises(InputError, match="sum to"):
        RegionPrior("liver", (family,))
    with pytest.raises(InputError, match="positive definite"):
        FamilyPrior("mono", 1.0, (0.0, 4.0), ((1.0, 2.0), (2.0, 1.0)))
