"""Define-XML 2.1: against CDISC's XSD as odmlib carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from odmlib.odm_parser import ODMSchemaValidator
from tests.exchange.dataset_examples import UNITS, laboratory, study

from theratrial.errors import InputError
from theratrial.exchange.datasets.define import DEF, ODM, define_xml
from theratrial.exchange.datasets.values import Codelist, Dataset, Method, Term, with_variable

NAMES = {"o": ODM, "d": DEF}


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], list[str]]:
    """What CDISC's schema of Define-XML 2.1 says of a file."""
    schema = ODMSchemaValidator(standard="define", version="2.1").xsd

    def found(content: bytes) -> list[str]:
        place = tmp_path_factory.mktemp("define") / "define.xml"
        place.write_bytes(content)
        return [f"{error.path}: {error.reason}" for error in schema.iter_errors(str(place))]

    return found


def _made(*datasets: Dataset, ending: str = "json") -> Any:
    return etree.fromstring(define_xml(datasets or (laboratory(),), study(), ending=ending))


def test_a_define_file_is_valid_by_cdiscs_schema(problems: Callable[[bytes], list[str]]) -> None:
    content = define_xml((laboratory(),), study(), ending="json")
    assert problems(content) == []
    assert problems(content.replace(b'Repeating="Yes"', b'Repeating="Maybe"')) != []
    assert problems(content.replace(b'Name="SDTMIG"', b'Name="STDTMIG"')) != []


def test_every_reference_leads_to_a_definition() -> None:
    root = _made()
    for attribute, element in (
        ("ItemOID", "o:ItemDef"),
        ("CodeListOID", "o:CodeList"),
        ("MethodOID", "o:MethodDef"),
        ("WhereClauseOID", "d:WhereClauseDef"),
        ("ValueListOID", "d:ValueListDef"),
    ):
        defined = [one.get("OID") for one in root.iterfind(f".//{element}", NAMES)]
        assert len(defined) == len(set(defined))
        used = {one.get(attribute) for one in root.iter() if one.get(attribute)}
        assert used, attribute
        assert used <= set(defined), attribute


def test_terms_of_cdisc_have_nci_codes_and_terms_of_the_sponsor_say_so() -> None:
    lists = _made().find(".//o:CodeList[@OID='CL.UNIT.LB']", NAMES)
    items = {one.get("CodedValue"): one for one in lists.iterfind("o:CodeListItem", NAMES)}
    assert items["10^9/L"].find("o:Alias", NAMES).get("Name") == "C67255"
    assert items["10^9/L"].get(f"{{{DEF}}}ExtendedValue") is None
    assert items["odd"].get(f"{{{DEF}}}ExtendedValue") == "Yes"
    assert lists.find("o:Alias", NAMES).get("Name") == "C71620"


def test_an_expected_variable_without_data_says_that_it_has_none() -> None:
    root = _made()
    reference = root.find(".//o:ItemRef[@ItemOID='IT.LB.LBNAM']", NAMES)
    assert reference.get(f"{{{DEF}}}HasNoData") == "Yes"
    origin = root.find(".//o:ItemDef[@OID='IT.LB.LBNAM']/d:Origin", NAMES)
    assert origin.get("Type") == "Not Available"


def test_lengths_and_digits_are_those_of_the_values() -> None:
    root = _made()
    number = root.find(".//o:ItemDef[@OID='IT.LB.LBSTRESN']", NAMES)
    assert (number.get("Length"), number.get("SignificantDigits")) == ("6", "2")
    level = root.find(".//o:ItemDef[@OID='IT.LB.LBORRES.1']", NAMES)
    assert (level.get("DataType"), level.get("Length"), level.get("SignificantDigits")) == ("float", "6", "2")
    moment = root.find(".//o:ItemDef[@OID='IT.LB.LBDTC']", NAMES)
    assert (moment.get("DataType"), moment.get("Length")) == ("datetime", None)


def test_the_files_of_the_format_are_named() -> None:
    link = "{http://www.w3.org/1999/xlink}href"
    for ending in ("json", "xpt"):
        leaf = _made(ending=ending).find(".//o:ItemGroupDef/d:leaf", NAMES)
        assert leaf.get(link) == f"lb.{ending}"


def test_two_methods_of_one_id_are_refused() -> None:
    one = laboratory()
    other = replace(one.variables[2], method=Method("LBSTRESN", "Another", "Another."))
    with pytest.raises(InputError, match="two methods have the id LBSTRESN"):
        define_xml((with_variable(one, other),), study(), ending="json")


def test_codelists_of_one_id_are_joined_and_differing_ones_refused() -> None:
    one = laboratory()
    further = replace(UNITS, terms=(Term("g/L", "Gram per Liter", "C42576"),))
    joined = define_xml((one, _with_units(one, further)), study(), ending="json")
    terms = [each.get("CodedValue") for each in etree.fromstring(joined).iterfind(".//o:CodeListItem", NAMES)]
    assert terms == ["10^9/L", "g/L", "odd"]
    with pytest.raises(InputError, match="two codelists have the id"):
        define_xml((one, _with_units(one, replace(UNITS, code="C1"))), study(), ending="json")


def _with_units(one: Dataset, units: Codelist) -> Dataset:
    changed = replace(one.variables[one.column("LBSTRESU")], codelist=units)
    return replace(with_variable(one, changed), name="LC")


def test_hostile_texts_stay_texts(problems: Callable[[bytes], list[str]], tmp_path: Path) -> None:
    one = replace(laboratory(), label='<script>"&]]>')
    content = define_xml((one,), study(description="<!ENTITY a 'b'>"), ending="json")
    assert problems(content) == []
    assert etree.fromstring(content).find(".//o:ItemGroupDef/o:Description/o:TranslatedText", NAMES).text == one.label
