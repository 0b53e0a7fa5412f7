"""The shipped terms and variables of SDTM against CDISC's terminology and CDISC's example data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import SourceError
from theratrial.exchange.sdtm.terminology import PACKAGE, codelist
from theratrial.exchange.sdtm.variables import codelists_of, standard_variables
from theratrial.reference import table

EXAMPLES = {
    "DM": "STUDYID DOMAIN USUBJID SUBJID RFSTDTC RFENDTC RFXSTDTC RFXENDTC RFICDTC RFPENDTC DTHDTC DTHFL SITEID AGE "
    "AGEU SEX RACE ARMCD ARM ACTARMCD ACTARM ARMNRS ACTARMUD COUNTRY",
    "DS": "STUDYID DOMAIN USUBJID DSSEQ DSTERM DSDECOD DSCAT DSSCAT EPOCH DSSTDTC DSSTDY",
    "EX": "STUDYID DOMAIN USUBJID EXSEQ EXTRT EXDOSE EXDOSU EXDOSFRM EXDOSFRQ EXROUTE EXLOT EPOCH EXSTDTC EXENDTC "
    "EXSTDY EXENDY",
    "LB": "STUDYID DOMAIN USUBJID LBSEQ LBTESTCD LBTEST LBCAT LBORRES LBORRESU LBORNRLO LBORNRHI LBSTRESC LBSTRESN "
    "LBSTRESU LBSTNRLO LBSTNRHI LBNRIND LBLOBXFL VISITNUM VISIT EPOCH LBDTC LBDY",
    "FA": "STUDYID DOMAIN USUBJID FASEQ FALNKGRP FATESTCD FATEST FAOBJ FACAT FAORRES FASTRESC FALOC VISITNUM EPOCH "
    "FADTC FADY",
}
"""Variables in the order of CDISC's DataExchange-DatasetJson, examples/sdtm (SDTMIG 3.3)."""
LABELS = {
    ("AE", "AESTDTC"): "Start Date/Time of Adverse Event",
    ("CM", "CMDOSE"): "Dose per Administration",
    ("LB", "LBDTC"): "Date/Time of Specimen Collection",
    ("RS", "RSTEST"): "Assessment Name",
    ("VS", "VSDY"): "Study Day of Vital Signs",
    ("MH", "MHTERM"): "Reported Term for the Medical History",
    ("DM", "ARMNRS"): "Reason Arm and/or Actual Arm is Null",
    ("SUPPQUAL", "QVAL"): "Data Value",
}
"""Labels of the same files."""


@pytest.fixture(scope="session")
def cdisc(shared: Path) -> dict[str, Any]:
    """The whole SDTM terminology of 2025-03-28, by list."""
    place = shared / f"tools/conformance/data/ct/sdtmct-{PACKAGE}.json"
    if not place.is_file():
        pytest.skip(f"{place} absent: the shipped terms were NOT compared")
    return {one["conceptId"]: one for one in json.loads(place.read_text(encoding="utf-8"))["codelists"]}


def test_every_shipped_term_is_cdiscs(cdisc: dict[str, Any]) -> None:
    rows = list(table("exchange/sdtm/terminology"))
    assert len(rows) > 1000
    for row in rows:
        there = cdisc[row.text("list_code")]
        assert there["submissionValue"] == row.text("list")
        assert there["extensible"] is (row.text("extensible") == "yes")
        codes = {term["submissionValue"]: term["conceptId"] for term in there["terms"]}
        assert codes[row.text("value")] == row.text("code"), row.cells


def test_test_codes_are_decoded_by_the_names_of_the_same_concept(cdisc: dict[str, Any]) -> None:
    names = {term["conceptId"]: term["submissionValue"] for term in cdisc["C67154"]["terms"]}
    tests = [row for row in table("exchange/sdtm/terminology") if row.text("list") == "LBTESTCD"]
    assert {row.text("value") for row in tests} >= {"NEUT", "PLAT", "HGB"}
    assert all(names[row.text("code")] == row.text("decode") for row in tests)


@pytest.mark.parametrize("domain", EXAMPLES)
def test_variables_stand_in_cdiscs_order(domain: str) -> None:
    wanted = EXAMPLES[domain].split()
    made = [one.name for one in standard_variables(domain, wanted) if one.name in wanted]
    assert made == wanted


@pytest.mark.parametrize(("domain", "name"), LABELS)
def test_labels_are_cdiscs(domain: str, name: str) -> None:
    found = {one.name: one.label for one in standard_variables(domain, (name,))}
    assert found[name] == LABELS[domain, name]


def test_no_label_is_longer_than_a_transport_file_takes() -> None:
    assert [row.text("name") for row in table("exchange/sdtm/variables") if len(row.text("label")) > 40] == []


def test_a_variable_that_the_domain_does_not_have_is_refused() -> None:
    with pytest.raises(SourceError, match="EX has no variable EXNOSUCH"):
        standard_variables("EX", ("EXNOSUCH",))


def test_a_closed_list_takes_no_term_of_the_sponsor() -> None:
    assert codelists_of("DM", "SEX") == ("C66731",)
    with pytest.raises(SourceError, match="may not be extended"):
        codelist("SEX", ["F", "OTHER"])
    extended = codelist("ROUTE", ["INTRAVENOUS", "BY AIR"], domain="EX")
    assert {term.value: term.code for term in extended.terms} == {"BY AIR": "", "INTRAVENOUS": "C38276"}
