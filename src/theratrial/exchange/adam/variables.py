"""Variables that analysis data sets share, with ADaM's labels; and how a data set is put together from records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from theratrial.exchange.datasets.values import (
    ASSIGNED,
    DERIVED,
    Codelist,
    Comment,
    Dataset,
    Method,
    Origin,
    Standard,
    Term,
    Value,
    Variable,
    dataset,
)

ADAMIG: Final = Standard("ADaMIG", "IG", "1.3")
DATE: Final[dict[str, Any]] = {"data_type": "date", "numeric_date": True, "display_format": "DATE9."}
MOMENT: Final[dict[str, Any]] = {"data_type": "datetime", "numeric_date": True, "display_format": "DATETIME18."}
"""Dates are numbers in a transport file and ISO 8601 in Dataset-JSON."""

YES: Final = Codelist("Y", "Yes, or empty", (Term("Y", "Yes"),))
IMPUTED: Final = Codelist(
    "DATEFL",
    "What of a date is imputed",
    (Term("D", "Day Imputed"), Term("M", "Month Day Imputed"), Term("Y", "Year Month Day Imputed")),
)
YES_NO: Final = Codelist("YN", "Yes or no", (Term("N", "No"), Term("Y", "Yes")))

RELATIVE_DAY: Final = Method(
    "ADY",
    "Analysis relative day",
    "Days from TRTSDT, which is day 1; the day before it is day -1 and there is no day 0. Whole days of the calendar "
    "at the trial.",
)
SOURCE: Final = Method(
    "SRCSEQ",
    "Source record",
    "The one record of the SDTM domain in SRCDOM that holds what was analysed; SRCVAR is its variable, SRCSEQ its "
    "--SEQ. All three are empty where no single record of SDTM does: SRCREF then leads to the results.",
)
PLACE: Final = Method(
    "SRCREF",
    "Place in the results",
    "Where the value stands in the results of the trial (results.json), below the participant: names of fields, in "
    "brackets which entry of a list: its id, as [liver]; field and value where the id is a number, as [session=2]; a "
    "number alone is a position counted from 0. What begins with analysis stands at the top of the results: the times "
    "to event, in the entry of the participant, and the further counts.",
)
NUMBER: Final = Method("ASEQ", "Sequence number", "Records of a subject numbered from 1 in the order of the keys.")


def predecessor(source: str) -> Origin:
    """Origin of a variable copied from another data set, as ``ADSL.SAFFL``."""
    return Origin("Predecessor", "", source)


def made(name: str, label: str, method: Method | None = None, **more: Any) -> Variable:
    """A variable of an analysis data set: derived by a method, or assigned where there is none."""
    more.setdefault("origin", ASSIGNED if method is None else DERIVED)
    return Variable(name, label, method=method, **more)


def copied(name: str, label: str, source: str, **more: Any) -> Variable:
    """A variable taken over unchanged."""
    return Variable(name, label, origin=predecessor(source), **more)


def listed(identifier: str, title: str, values: Iterable[str | None]) -> Codelist:
    """A list of our own of the values that occur."""
    return Codelist(identifier, title, tuple(Term(one) for one in sorted({one for one in values if one is not None})))


def subject_variables(*flags: tuple[str, str]) -> tuple[Variable, ...]:
    """What every data set below ADSL says of the subject, copied from there; `flags` as (name, label)."""
    return (
        copied("STUDYID", "Study Identifier", "ADSL.STUDYID", core="Req"),
        copied("USUBJID", "Unique Subject Identifier", "ADSL.USUBJID", core="Req"),
        copied("SUBJID", "Subject Identifier for the Study", "ADSL.SUBJID", core="Req"),
        copied("TRTP", "Planned Treatment", "ADSL.TRT01P", core="Exp"),
        copied("TRTA", "Actual Treatment", "ADSL.TRT01A", core="Exp"),
        copied("TRTSDT", "Date of First Exposure to Treatment", "ADSL.TRTSDT", core="Exp", **DATE),
        *(copied(name, label, f"ADSL.{name}", core="Req", codelist=YES_NO) for name, label in flags),
    )


def source_variables() -> tuple[Variable, ...]:
    """Where a record comes from: SDTM, and the results of the trial."""
    return (
        made("SRCDOM", "Source Data", SOURCE),
        made("SRCVAR", "Source Variable", SOURCE),
        made("SRCSEQ", "Source Sequence Number", SOURCE, data_type="integer"),
        made("SRCREF", "Place in the Results of the Trial", PLACE, core="Req"),
    )


def parameter_variables() -> tuple[Variable, ...]:
    """PARCAT1, PARAM, PARAMCD; their codelists follow from the records."""
    return (
        made("PARCAT1", "Parameter Category 1"),
        made("PARAM", "Parameter", core="Req"),
        made("PARAMCD", "Parameter Code", core="Req"),
    )


def with_parameter_lists(
    name: str, variables: Sequence[Variable], records: Sequence[Mapping[str, Value]]
) -> tuple[Variable, ...]:
    """PARAMCD with PARAM as its decode."""
    pairs = sorted({(str(one["PARAMCD"]), str(one["PARAM"])) for one in records})
    codes = Codelist(f"PARAMCD.{name}", f"Parameters of {name}", tuple(Term(code, said) for code, said in pairs))
    said = Codelist(f"PARAM.{name}", f"Parameter names of {name}", tuple(Term(text) for _, text in pairs))
    lists = {"PARAMCD": codes, "PARAM": said}
    return tuple(replace(one, codelist=lists.get(one.name, one.codelist)) for one in variables)


def analysis_dataset(
    name: str,
    label: str,
    variables: Sequence[Variable],
    records: Iterable[Mapping[str, Value]],
    *,
    keys: str,
    structure: str,
    class_name: Literal[
        "SUBJECT LEVEL ANALYSIS DATASET", "BASIC DATA STRUCTURE", "OCCURRENCE DATA STRUCTURE", "ADAM OTHER"
    ] = "BASIC DATA STRUCTURE",
    sub_class: str = "",
    comment: Comment | None = None,
) -> tuple[Dataset, ...]:
    """The data set with its records numbered (ASEQ); without records none at all.

    Parameters
    ----------
    keys
        Variables behind STUDYID and USUBJID, parted by blanks; ASEQ is added and tells twins apart.
    """
    order = ("USUBJID", *keys.split())
    held = sorted((dict(one) for one in records), key=lambda one: tuple(_sortable(one.get(key)) for key in order))
    if not held:
        return ()
    counts: dict[Value, int] = {}
    for record in held:
        counts[record["USUBJID"]] = record["ASEQ"] = counts.get(record["USUBJID"], 0) + 1
    numbered = (*variables, made("ASEQ", "Analysis Sequence Number", NUMBER, data_type="integer", core="Req"))
    kinds = with_parameter_lists(name, numbered, held) if any(one.name == "PARAMCD" for one in numbered) else numbered
    return (
        dataset(
            name,
            label,
            kinds,
            held,
            keys=("STUDYID", *order, "ASEQ"),
            structure=structure,
            class_name=class_name,
            standard=ADAMIG,
            purpose="Analysis",
            sub_class=sub_class,
            comment=comment,
        ),
    )


def _sortable(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (1, float(value), "")
