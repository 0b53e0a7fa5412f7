"""Tables of S values: laws they obey, what is refused, and the file they stand in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from theratrial.dosimetry.transport import s_value_fractions as fractions
from theratrial.dosimetry.transport.organ_monte_carlo import energy_absorbed_keV, photon_spectrum, tasks
from theratrial.dosimetry.transport.phantoms import PHANTOMS, phantom
from theratrial.dosimetry.transport.s_value_files import s_value_file, s_values_from_text, shipped_s_values
from theratrial.dosimetry.transport.s_values import reference_masses_g, s_value_table
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.errors import InputError, SourceError
from theratrial.nuclides import nuclide

MEV_PER_G = 1.602176634e-10 * 3.6e9
SHIPPED = pytest.mark.parametrize("name", PHANTOMS)
NUCLIDES = ("Lu-177", "Ga-68", "Y-90", "I-131")


@pytest.fixture(scope="module")
def small() -> SValueTable:
    """A table made here, with few histories."""
    return s_value_table("adult_female", "Lu-177", seed=3, histories=2000, relative_sd=0.05)


def test_energy_absorbed_in_all_organs_is_that_of_the_whole_body(small):
    masses = small.masses_g
    parts = [name for name in masses if name not in {"total_body", "red_marrow", "trabecular_bone"}]
    for source in ("liver", "kidneys", "total_body"):
        seen = [part for part in parts if (part, source) in small.values]
        energy = sum(small.value(part, source).photon_Gy_per_MBq_h * masses[part] for part in seen)
        assert energy == pytest.approx(
            small.value("total_body", source).photon_Gy_per_MBq_h * masses["total_body"], rel=0.02
        )


def test_no_source_gives_the_body_more_energy_than_it_emits(small):
    emitted = nuclide("Lu-177").photon_MeV * MEV_PER_G
    for (target, source), value in small.values.items():
        if target == "total_body":
            assert 0.1 * emitted < value.photon_Gy_per_MBq_h * small.masses_g[target] < emitted, source


def test_an_organ_doses_itself_most_by_photons(small):
    for source in ("liver", "kidneys", "spleen", "brain", "thyroid", "pancreas"):
        own = small.value(source, source).photon_Gy_per_MBq_h
        others = [small.values[t, s].photon_Gy_per_MBq_h for t, s in small.values if s == source and t != source]
        assert own > max(others)


def test_self_dose_by_electrons_is_all_their_energy_over_the_mass(small):
    of = nuclide("Lu-177")
    for region in ("liver", "kidneys", "skeleton", "total_body"):
        expected = of.electron_MeV / small.masses_g[region] * MEV_PER_G
        assert small.value(region, region).electron_Gy_per_MBq_h == pytest.approx(expected, rel=1e-9)


def test_the_whole_body_as_source_is_the_mass_weighted_sum_of_its_parts(small):
    masses = reference_masses_g(phantom("adult_female"))
    parts = [name for name in masses if name not in {"total_body", "red_marrow", "trabecular_bone"}]
    weighted = sum(
        masses[p] * small.value("brain", p).photon_Gy_per_MBq_h for p in parts if ("brain", p) in small.values
    )
    assert small.value("brain", "total_body").photon_Gy_per_MBq_h * masses["total_body"] == pytest.approx(
        weighted, rel=0.05
    )


def test_the_same_seed_gives_the_same_table_and_another_seed_agrees_within_its_uncertainty(small):
    again = s_value_table("adult_female", "Lu-177", seed=3, histories=2000, relative_sd=0.05)
    assert again == small
    other = s_value_table("adult_female", "Lu-177", seed=4, histories=2000, relative_sd=0.05)
    distances = [
        (value.photon_Gy_per_MBq_h / small.values[pair].photon_Gy_per_MBq_h - 1)
        / np.hypot(value.photon_relative_sd, small.values[pair].photon_relative_sd)
        for pair, value in other.values.items()
        if pair in small.values and max(value.photon_relative_sd, small.values[pair].photon_relative_sd) < 0.1
    ]
    assert len(distances) > 100
    assert 0.75 < float(np.std(distances)) < 1.35


@pytest.mark.long
def test_the_number_of_workers_does_not_change_the_table(small):
    assert s_value_table("adult_female", "Lu-177", seed=3, histories=2000, relative_sd=0.05, workers=2) == small


def test_alpha_energy_stands_in_its_own_column():
    table = s_value_table("adult_female", "Ac-225", seed=1, histories=200, relative_sd=0.2)
    of = nuclide("Ac-225")
    liver = table.value("liver", "liver")
    assert liver.alpha_Gy_per_MBq_h == pytest.approx((of.alpha_MeV + of.alpha_recoil_MeV) / 1400 * MEV_PER_G, rel=1e-9)
    assert table.value("heart_wall", "heart_contents").alpha_Gy_per_MBq_h == 0
    assert fractions.alpha_share_per_g("kidneys", "liver", table.masses_g) == 0


def test_a_wall_gets_half_of_the_electron_dose_of_its_contents(small):
    inside = small.value("heart_contents", "heart_contents").electron_Gy_per_MBq_h
    assert small.value("heart_wall", "heart_contents").electron_Gy_per_MBq_h == pytest.approx(inside / 2)


def test_marrow_shares_its_electrons_with_fat():
    masses = reference_masses_g(phantom("adult_female"))
    assert fractions.charged_share_per_g("red_marrow", "red_marrow", masses) == pytest.approx(0.58 / 900)
    assert fractions.charged_share_per_g("red_marrow", "liver", masses) == 0


@pytest.mark.parametrize("wrong", [{"histories": 1}, {"relative_sd": 0}, {"seed": -1}, {"workers": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match="histories, relative_sd, seed, workers"):
        s_value_table("adult_female", "Lu-177", **({"seed": 1} | wrong))


def test_a_nuclide_not_in_the_library_is_refused():
    with pytest.raises(SourceError, match="Xx-12"):
        s_value_table("adult_female", "Xx-12", seed=1)


def test_a_pair_that_is_not_in_the_table_is_not_zero():
    with pytest.raises(InputError, match="no value for trabecular_bone <- liver"):
        shipped_s_values("adult_female", "Lu-177").value("trabecular_bone", "liver")


def test_a_written_table_reads_back(small):
    back = s_values_from_text(s_value_file(small), "any")
    assert back.nuclide == "Lu-177"
    assert back.values.keys() == small.values.keys()
    assert back.masses_g == {t: small.masses_g[t] for t, _ in small.values}
    for pair, value in small.values.items():
        assert back.values[pair].total_Gy_per_MBq_h == pytest.approx(value.total_Gy_per_MBq_h, rel=1e-5)


def test_a_changed_cell_is_refused(small):
    text = s_value_file(small)
    row = text.splitlines()[-1]
    with pytest.raises(SourceError, match="hashes to"):
        s_values_from_text(text.replace(row, row.replace("0.", "1.", 1)), "any")


def test_two_nuclides_in_one_file_are_refused(small):
    text = s_value_file(small)
    other = s_value_file(dataclasses.replace(small, nuclide="Y-90")).splitlines()[-1]
    from theratrial.reference import sealed

    with pytest.raises(SourceError, match="2 phantoms and nuclides"):
        s_values_from_text(sealed(text + other + "\n"), "any")


def test_a_table_that_is_not_shipped_is_named():
    with pytest.raises(SourceError, match="s_cs_137_adult_female"):
        shipped_s_values("adult_female", "Cs-137")


@SHIPPED
def test_a_shipped_entry_comes_out_again_from_its_seed(name):
    """One source region of the table, made anew: code, phantom or cross sections that changed show here."""
    body = phantom(name)
    number = [region.name for region in body.regions].index("kidneys") + 1
    batches = [energy_absorbed_keV(task)[0] for task in tasks(name, "Lu-177", [number], 300_000, 20)]
    lines = photon_spectrum(nuclide("Lu-177"))
    energy_MeV = float(np.mean(batches, axis=0)[number]) / 1000 * float(lines.photons_per_decay.sum())
    masses = body.voxel_masses_g["kidneys"], reference_masses_g(body)["kidneys"]
    expected = (energy_MeV / masses[0] + lines.local_MeV / masses[1]) * MEV_PER_G
    shipped = shipped_s_values(name, "Lu-177").value("kidneys", "kidneys")
    assert shipped.photon_Gy_per_MBq_h == pytest.approx(expected, rel=1e-5)


@SHIPPED
@pytest.mark.parametrize("of", NUCLIDES)
def test_shipped_cross_terms_are_reciprocal_between_soft_tissues(name, of):
    table = shipped_s_values(name, of)
    compared = 0
    for one, two in (("liver", "kidneys"), ("spleen", "kidneys"), ("liver", "pancreas"), ("liver", "spleen")):
        there, back = table.value(one, two), table.value(two, one)
        if there.photon_relative_sd == back.photon_relative_sd:
            continue
        sd = float(np.hypot(there.photon_relative_sd, back.photon_relative_sd))
        assert there.photon_Gy_per_MBq_h / back.photon_Gy_per_MBq_h == pytest.approx(1, abs=4 * sd + 0.01)
        compared += 1
    assert compared or of == "Y-90"


@SHIPPED
@pytest.mark.parametrize("of", NUCLIDES)
def test_shipped_self_doses_are_known_to_one_percent(name, of):
    table = shipped_s_values(name, of)
    assert all(value.photon_relative_sd <= 0.01 for (t, s), value in table.values.items() if t == s)
