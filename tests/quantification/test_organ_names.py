"""The controlled list of organs against the dictionaries it was made from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from theratrial.quantification.organ_names import TABLE, organ_name, organ_names
from theratrial.reference import table
from theratrial.simulation.phantom import region_names

MEANINGS: dict[str, set[str]] = {}
for entries in concepts["SCT"].values():
    for code, (meaning, _) in entries.items():
        MEANINGS.setdefault(code, set()).add(meaning.casefold())
ALSO_CALLED = {"urinary_bladder": "bladder", "body": "entire body", "salivary_glands": "salivary gland"}

TOTAL_SEGMENTATOR = [
    "spleen",
    "kidney_right",
    "kidney_left",
    "gallbladder",
    "liver",
    "stomach",
    "pancreas",
    "adrenal_gland_right",
    "adrenal_gland_left",
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
    "esophagus",
    "trachea",
    "thyroid_gland",
    "small_bowel",
    "duodenum",
    "colon",
    "urinary_bladder",
    "prostate",
    "sacrum",
    "vertebrae_S1",
    "vertebrae_L5",
    "vertebrae_L1",
    "vertebrae_T12",
    "vertebrae_T1",
    "vertebrae_C7",
    "vertebrae_C1",
    "heart",
    "aorta",
    "superior_vena_cava",
    "inferior_vena_cava",
    "humerus_left",
    "humerus_right",
    "scapula_left",
    "scapula_right",
    "clavicula_left",
    "clavicula_right",
    "femur_left",
    "femur_right",
    "hip_left",
    "hip_right",
    "spinal_cord",
    "brain",
    "skull",
    "sternum",
]
"""Classes of its task `total`, version 2, that dosimetry has a use for."""


def test_every_code_means_the_organ_it_stands_for() -> None:
    with_code = [row for row in table(TABLE) if row.text("sct")]
    assert len(with_code) > 35
    for row in with_code:
        organ = row.text("organ")
        assert ALSO_CALLED.get(organ, organ.replace("_", " ")) in MEANINGS[row.text("sct")], organ


def test_every_name_of_the_list_leads_to_its_own_organ() -> None:
    for row in table(TABLE):
        for name in row.text("names").split(";"):
            for written in (name, name.upper(), name.replace(" ", "_"), f"  {name.replace(' ', '-')} "):
                assert organ_name(written).organ == row.text("organ"), written
    assert len(set(organ_names())) == len(organ_names())


@pytest.mark.parametrize("name", TOTAL_SEGMENTATOR)
def test_classes_of_totalsegmentator_are_known_with_their_side(name: str) -> None:
    found = organ_name(name)
    assert found.organ is not None, found.suggestions
    side = next((s for s in ("left", "right") if name.endswith(s)), "")
    assert found.side == side


@pytest.mark.parametrize("name", [n for n in region_names() if n != "spine_marrow"])
def test_organs_of_the_virtual_patient_are_known(name: str) -> None:
    assert organ_name(name).organ is not None


@pytest.mark.parametrize(
    ("given_name", "canonical", "tg263"),
    [
        ("Kidney_L", "kidney_left", "Kidney_L"),
        ("Right Kidney", "kidney_right", "Kidney_R"),
        ("rt kidney", "kidney_right", "Kidney_R"),
        ("KIDNEYS", "kidney_both", "Kidneys"),
        ("SpinalCord", "spinal_cord", "SpinalCord"),
        ("Glnd_Submand_L", "submandibular_gland_left", "Glnd_Submand_L"),
        ("Bowel_Small", "small_intestine", "Bowel_Small"),
        ("Left Ventricle", "left_ventricle", ""),
        ("lumbar marrow", "lumbar_marrow", ""),
    ],
)
def test_names_as_they_are_written(given_name: str, canonical: str, tg263: str) -> None:
    found = organ_name(given_name)
    assert (found.canonical, found.tg263) == (canonical, tg263)
    assert found.given == given_name


@pytest.mark.parametrize(
    "unknown", ["kidny", "liver left", "lesion1 liver R lobe", "Kidney_L_R", "PTV", "", "42", "lever"]
)
def test_what_is_not_in_the_list_stays_unknown(unknown: str) -> None:
    found = organ_name(unknown)
    assert found.organ is None
    assert found.canonical is None


def test_a_misspelling_is_not_guessed_but_suggested() -> None:
    assert organ_name("kidny left").suggestions[0] == "kidney_left"
    assert "spleen" in organ_name("spleeen").suggestions
    assert organ_name("qqqq").suggestions == ()


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    found = organ_name(text)
    assert found.given == text
    assert found.organ is None or found.organ in organ_names()
