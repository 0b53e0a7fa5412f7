"""Dataset-JSON 1.1: against CDISC's own schema and example files, and back."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from tests.exchange.dataset_examples import any_dataset, laboratory, study

from theratrial.errors import InputError
from theratrial.exchange.datasets.dataset_json import dataset_json, read_dataset_json
from theratrial.exchange.datasets.values import Dataset, Variable, dataset


@pytest.fixture(scope="session")
def schema(shared: Path) -> dict[str, object]:
    """CDISC's schema of Dataset-JSON 1.1 (DataExchange-DatasetJson, commit a379f49a)."""
    place = shared / "tools/conformance/data/dataset-json-1.1.schema.json"
    if not place.is_file():
        pytest.skip(f"{place} absent: the schema of Dataset-JSON was NOT checked")
    return json.loads(place.read_text(encoding="utf-8"))


def test_a_file_conforms_to_cdiscs_schema(schema: dict[str, object]) -> None:
    tree = json.loads(dataset_json(laboratory(), study()))
    jsonschema.validate(tree, schema, format_checker=jsonschema.FormatChecker())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree | {"datasetJSONVersion": "2.0"}, schema)


def test_attributes_stand_in_the_order_of_cdiscs_examples() -> None:
    """Order of dm.json in DataExchange-DatasetJson, examples/sdtm."""
    tree = json.loads(dataset_json(laboratory(), study(changed_at=study().made_at)))
    assert list(tree) == [
        "datasetJSONCreationDateTime",
        "datasetJSONVersion",
        "fileOID",
        "dbLastModifiedDateTime",
        "originator",
        "sourceSystem",
        "studyOID",
        "metaDataVersionOID",
        "metaDataRef",
        "itemGroupOID",
        "records",
        "name",
        "label",
        "columns",
        "rows",
    ]
    assert list(tree["columns"][0]) == ["itemOID", "name", "label", "dataType", "length", "keySequence"]


def test_missing_texts_are_empty_and_missing_numbers_null() -> None:
    tree = json.loads(dataset_json(laboratory(), study()))
    row = dict(zip([one["name"] for one in tree["columns"]], tree["rows"][1], strict=True))
    assert (row["LBORRES"], row["LBSTRESN"]) == ("", None)


def test_only_keys_are_numbered_as_keys() -> None:
    columns = json.loads(dataset_json(laboratory(), study()))["columns"]
    assert {one["name"]: one["keySequence"] for one in columns if "keySequence" in one} == {
        "STUDYID": 1,
        "USUBJID": 2,
        "LBSEQ": 3,
    }


def test_a_numeric_date_of_adam_says_its_target() -> None:
    day = Variable("TRTSDT", "Date of First Exposure", "date", numeric_date=True, display_format="DATE9.")
    one = dataset("ADSL", "L", (day,), [{"TRTSDT": "2022-02-05"}], keys=("TRTSDT",), structure="s", class_name="c")
    tree = json.loads(dataset_json(one, study()))
    assert tree["columns"][0] == {
        "itemOID": "IT.ADSL.TRTSDT",
        "name": "TRTSDT",
        "label": "Date of First Exposure",
        "dataType": "date",
        "targetDataType": "integer",
        "displayFormat": "DATE9.",
        "keySequence": 1,
    }
    assert tree["rows"] == [["2022-02-05"]]


@given(any_dataset())
def test_whatever_is_written_is_read_back(one: Dataset) -> None:
    back = read_dataset_json(dataset_json(one, study()))
    assert back.rows == one.rows
    assert [v.name for v in back.variables] == [v.name for v in one.variables]
    assert back.keys == one.keys


def test_a_real_file_of_cdiscs_is_read() -> None:
    """First columns and record of examples/sdtm/dm.json of CDISC (MIT), shortened."""
    text = """{"datasetJSONCreationDateTime":"2024-11-11T15:09:15","datasetJSONVersion":"1.1.0","fileOID":"x",
    "itemGroupOID":"IG.DM","records":1,"name":"DM","label":"Demographics","columns":[
    {"itemOID":"IT.DM.STUDYID","name":"STUDYID","label":"Study Identifier","dataType":"string",
    "length":12,"keySequence":1},
    {"itemOID":"IT.DM.RFSTDTC","name":"RFSTDTC","label":"Subject Reference Start Date/Time","dataType":"date"},
    {"itemOID":"IT.DM.DTHDTC","name":"DTHDTC","label":"Date/Time of Death","dataType":"date"},
    {"itemOID":"IT.DM.AGE","name":"AGE","label":"Age","dataType":"integer"}],
    "rows":[["CDISCPILOT01","2012-11-30","",84]]}"""
    one = read_dataset_json(text.encode())
    assert one.records() == ({"STUDYID": "CDISCPILOT01", "RFSTDTC": "2012-11-30", "DTHDTC": None, "AGE": 84},)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (b"", "no Dataset-JSON"),
        (b"[]", "no Dataset-JSON"),
        (b'{"datasetJSONVersion": 1}', "no Dataset-JSON"),
        (b"\xff\xfe", "no Dataset-JSON"),
        (b"[" * 100_000, "no Dataset-JSON"),
    ],
)
def test_what_is_no_dataset_json_is_refused(spoilt: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_dataset_json(spoilt)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"records": 2', '"records": 3', "says 3 records and holds 2"),
        ('"1.1.0"', '"1.0.0"', "read is 1.1"),
        ('["TRIAL","TRIAL-P01",1', '["TRIAL","TRIAL-P01","1"', "LBSEQ is integer"),
        ('["TRIAL","TRIAL-P01",1,', '["TRIAL",1,', "not one value for each"),
        ('["TRIAL","TRIAL-P01",1', '["TRIAL","TRIAL-P01",true', "LBSEQ is integer"),
    ],
)
def test_a_damaged_file_is_refused(before: str, after: str, said: str) -> None:
    text = dataset_json(laboratory(), study()).decode()
    assert before in text
    with pytest.raises(InputError, match=said):
        read_dataset_json(text.replace(before, after).encode())


def test_the_order_of_records_given_does_not_matter() -> None:
    records = [dict(one) for one in laboratory().records()]
    turned = dataset_json(laboratory(records[::-1]), study())
    assert turned == dataset_json(laboratory(records), study())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LBSEQ": 1}, "two records with"),
        ({"LBSEQ": "2"}, "holds '2'"),
        ({"LBTESTCD": None}, "required and missing"),
        ({"LBTESTCD": "  "}, "required and missing"),
        ({"LBSTRESN": float("nan")}, "no data set carries"),
        ({"LBSTRESN": True}, "holds True"),
        ({"UNKNOWN": 1}, "has no variable"),
    ],
)
def test_an_unsound_record_is_refused(change: dict[str, object], said: str) -> None:
    records = [dict(one) for one in laboratory().records()]
    records[1] |= change  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        laboratory(records)


def test_a_permissible_variable_without_any_value_is_left_out_and_an_expected_one_kept() -> None:
    records = [{key: value for key, value in one.items() if key != "LBTOX"} for one in laboratory().records()]
    names = [one.name for one in laboratory(records).variables]
    assert "LBTOX" not in names
    assert "LBNAM" in names
