"""Dataset-JSON 1.1 (CDISC, final of 5 December 2024): a data set as one JSON file, written and read.

Attributes stand in the order of the specification. A missing text is ``""`` and a missing number ``null``, as CDISC's
own examples have it. Dates of SDTM are text; a date of ADaM that is a number in SAS is told by ``targetDataType``.
"""

from __future__ import annotations

import json
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.exchange.datasets.study import StudyMetadata, instant_text
from theratrial.exchange.datasets.values import Dataset, DataType, Value, Variable

VERSION: Final = "1.1.0"
_ISO: Final = frozenset({"date", "datetime", "time"})
_COLUMN: Final = ("itemOID", "name", "label", "dataType", "targetDataType", "length", "displayFormat", "keySequence")


def dataset_json(one: Dataset, study: StudyMetadata, *, metadata_file: str = "define.xml") -> bytes:
    """The file of a data set: UTF-8, one record a line, the same bytes for the same arguments."""
    head: dict[str, Any] = {
        "datasetJSONCreationDateTime": instant_text(study.made_at),
        "datasetJSONVersion": VERSION,
        "fileOID": f"{study.oid}/{study.version_oid}/{one.name.lower()}",
        "dbLastModifiedDateTime": instant_text(study.changed_at) if study.changed_at else None,
        "originator": study.originator,
        "sourceSystem": {"name": study.system, "version": study.system_version},
        "studyOID": study.oid,
        "metaDataVersionOID": study.version_oid,
        "metaDataRef": metadata_file,
        "itemGroupOID": f"IG.{one.name}",
        "records": len(one.rows),
        "name": one.name,
        "label": one.label,
        "columns": [_column(one, variable) for variable in one.variables],
    }
    kept = {key: value for key, value in head.items() if value is not None}
    opening = json.dumps(kept, ensure_ascii=False, allow_nan=False)[:-1]
    numeric = [variable.is_numeric for variable in one.variables]
    rows = (_text([_cell(cell, is_number) for cell, is_number in zip(row, numeric, strict=True)]) for row in one.rows)
    body = ",\n".join(rows)
    return f'{opening}, "rows": [\n{body}\n]}}\n'.encode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _cell(cell: Value, is_number: bool) -> Value:
    if cell is None:
        return None if is_number else ""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


def _column(one: Dataset, variable: Variable) -> dict[str, Any]:
    kind = variable.data_type if variable.data_type in _ISO or variable.is_numeric else "string"
    found = {
        "itemOID": f"IT.{one.name}.{variable.name}",
        "name": variable.name,
        "label": variable.label,
        "dataType": kind,
        "targetDataType": "integer" if variable.numeric_date else None,
        "length": one.length(variable.name) if kind == "string" else None,
        "displayFormat": variable.display_format or None,
        "keySequence": one.keys.index(variable.name) + 1 if variable.name in one.keys else None,
    }
    return {key: found[key] for key in _COLUMN if found[key] is not None}


_TYPES: Final[dict[str, DataType]] = {
    "string": "text",
    "integer": "integer",
    "float": "float",
    "double": "float",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
}


def read_dataset_json(content: bytes) -> Dataset:
    """The data set of a Dataset-JSON 1.1 file, as far as such a file describes one.

    Raises
    ------
    InputError
        It is no such file, of another version, or its records do not fit its columns.
    """
    try:
        tree = json.loads(content.decode("utf-8-sig"))
        version, columns, rows = tree["datasetJSONVersion"], tree["columns"], tree.get("rows", [])
        name, label, records = str(tree["name"]), str(tree["label"]), tree["records"]
        variables = tuple(_variable(one) for one in columns)
        keyed = sorted((int(one["keySequence"]), str(one["name"])) for one in columns if "keySequence" in one)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"this is no Dataset-JSON file ({type(error).__name__}: {error})") from None
    if not str(version).startswith("1.1"):
        raise InputError(f"{name}: Dataset-JSON {version}; read is 1.1")
    if records != len(rows):
        raise InputError(f"{name}: says {records} records and holds {len(rows)} -> the file is damaged")
    cells = tuple(_row(name, at, row, variables) for at, row in enumerate(rows, 1))
    return Dataset(name, label, variables, cells, tuple(key for _, key in keyed), structure="", class_name="")


def _variable(column: dict[str, Any]) -> Variable:
    kind = column["dataType"]
    if kind not in _TYPES:
        raise ValueError(f"dataType {kind} of {column['name']} is not read here")
    return Variable(
        name=str(column["name"]),
        label=str(column["label"]),
        data_type=_TYPES[kind],
        numeric_date="targetDataType" in column,
        display_format=str(column.get("displayFormat", "")),
    )


def _row(name: str, at: int, row: Any, variables: tuple[Variable, ...]) -> tuple[Value, ...]:
    if not isinstance(row, list) or len(row) != len(variables):
        raise InputError(f"{name}: record {at} has not one value for each of the {len(variables)} columns")
    for cell, variable in zip(row, variables, strict=True):
        number = isinstance(cell, int | float) and not isinstance(cell, bool)
        if cell is not None and (number is not variable.is_numeric or not (number or isinstance(cell, str))):
            raise InputError(f"{name}: record {at}, {variable.name} is {variable.data_type} and holds {cell!r}")
    return tuple(None if cell == "" else cell for cell in row)
