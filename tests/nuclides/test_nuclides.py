from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import SourceError
from theratrial.nuclides import library, nuclide, nuclide_name
from theratrial.reference import table

NAMES = sorted(table("nuclides/icrp107_files").by("nuclide"))


@pytest.mark.parametrize(
    "spelling",
    ["Lu-177", "177Lu", "Lu177", "lu-177", "LU 177", " 177-Lu ", "¹⁷⁷Lu", "Lutetium-177", "^177^Lutetium", "447553000"],
)
def test_every_usual_spelling_of_lutetium_177_is_one_nuclide(spelling: str) -> None:
    assert nuclide(spelling) is nuclide("Lu-177")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("99mTc", "Tc-99m"),
        ("99m-Tc", "Tc-99m"),
        ("tc99m", "Tc-99m"),
        ("^99m^Technetium", "Tc-99m"),
        ("99Mo", "Mo-99"),
        ("99mo", "Mo-99"),
        ("90nb", "Nb-90"),
        ("52mMn", "Mn-52m"),
        ("52Mn", "Mn-52"),
        ("177mLu", "Lu-177m"),
        ("C-131A3", "Ga-68"),
        ("C-111A1", "F-18"),
        ("^68^Gallium", "Ga-68"),
        ("126605", "Sc-43"),
    ],
)
def test_states_elements_and_dicom_codes_are_told_apart(spelling: str, name: str) -> None:
    assert nuclide_name(spelling) == name


@pytest.mark.parametrize("spelling", ["", "Lu", "177", "Xx-177", "Lu-177-DOTATATE", "trastuzumab", "Lu-0", "99999999"])
def test_what_names_no_nuclide_is_refused(spelling: str) -> None:
    with pytest.raises(SourceError, match="names no nuclide"):
        nuclide(spelling)


@pytest.mark.parametrize("spelling", ["Lu-190", "C-12", "Tc-99m2"])
def test_a_nuclide_without_decay_data_is_an_error_and_never_stable(spelling: str) -> None:
    with pytest.raises(SourceError, match="not in ICRP 107"):
        nuclide(spelling)


@given(st.sampled_from(NAMES))
def test_every_shipped_name_is_read_back_in_both_orders(name: str) -> None:
    symbol, _, mass = name.partition("-")
    assert nuclide_name(name) == nuclide_name(f"{symbol}{mass}") == name
    assert nuclide_name(f"{mass}-{symbol}") == name


@given(st.sampled_from(NAMES))
def test_every_nuclide_decays_and_its_photon_lines_sum_to_its_photon_energy(name: str) -> None:
    found = nuclide(name)
    assert found.half_life_h > 0
    assert found.decay_constant_per_h > 0
    energy = sum(line.energy_keV * line.yield_per_decay for line in found.photon_lines) / 1000
    assert energy == pytest.approx(found.photon_MeV, rel=1e-9, abs=1e-15)
    assert found.fraction_left(found.half_life_h) == pytest.approx(0.5)


def test_every_dicom_code_names_the_nuclide_of_its_row() -> None:
    for row in table("nuclides/dicom_codes"):
        assert nuclide_name(row.text("meaning")) == row.text("nuclide")
        assert nuclide_name(row.text("value")) == row.text("nuclide")


def test_changed_decay_data_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "icrp107_database"
    (package / "icrp107").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    forged = {"name": "Lu-177", "half_life": 6.7, "time_unit": "d", "emissions": {}}
    (package / "icrp107" / "Lu-177.json").write_text(json.dumps(json.dumps(forged)))
    spec = importlib_spec(package)
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(SourceError, match="hash to"):
        library._nuclide.__wrapped__("Lu-177")
    with pytest.raises(SourceError, match="reinstall"):
        library._nuclide.__wrapped__("Y-90")
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="not installed"):
        library._nuclide.__wrapped__("Y-90")


def importlib_spec(package: Path):
    from importlib.util import spec_from_file_location

    return spec_from_file_location(
        "icrp107_database", package / "__init__.py", submodule_search_locations=[str(package)]
    )


def test_reading_a_nuclide_imports_no_numerical_library() -> None:
    code = (
        "import sys; from theratrial.nuclides import nuclide; nuclide('177Lu'); "
        "print(sorted({'numpy', 'scipy', 'icrp107_database'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
