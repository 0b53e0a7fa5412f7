"""Data sets for the tests of their formats: made by hand, and any at all."""

from __future__ import annotations

import string
from datetime import UTC, datetime

from hypothesis import strategies as st

from theratrial.exchange.datasets.study import Document, StudyMetadata
from theratrial.exchange.datasets.values import (
    ASSIGNED,
    COLLECTED,
    DERIVED,
    Codelist,
    Comment,
    Condition,
    Dataset,
    ExternalCodelist,
    Method,
    Standard,
    Term,
    Value,
    ValueLevel,
    Variable,
    dataset,
)

MADE_AT = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
SDTMIG = Standard("SDTMIG", "IG", "3.4")
TERMINOLOGY = Standard("CDISC/NCI", "CT", "2025-03-28", "SDTM")
UNITS = Codelist(
    "UNIT.LB",
    "Unit",
    (Term("10^9/L", "Billion per Liter", "C67255"), Term("odd", "Sponsor's own")),
    "C71620",
    TERMINOLOGY,
)


def study(**changes: object) -> StudyMetadata:
    made = {
        "oid": "TRIAL",
        "name": "TRIAL",
        "description": "A trial",
        "version_oid": "MDV.TRIAL",
        "version_name": "Data of TRIAL",
        "version_description": "Made by hand",
        "made_at": MADE_AT,
        "originator": "A university",
        "system": "theratrial",
        "system_version": "0.1.0",
        "documents": (Document("csdrg", "Reviewer's guide", "csdrg.html"),),
    }
    return StudyMetadata(**{**made, **changes})  # type: ignore[arg-type]


def laboratory(records: list[dict[str, Value]] | None = None) -> Dataset:
    """LB with everything that define.xml can say of a data set."""
    where = (Condition("LBTESTCD", ("PLAT",)),)
    method = Method("LBSTRESN", "Conversion", "Cells per microlitre divided by 1000.")
    variables = (
        Variable("STUDYID", "Study Identifier", role="Identifier", core="Req", origin=ASSIGNED),
        Variable("USUBJID", "Unique Subject Identifier", role="Identifier", core="Req", origin=ASSIGNED),
        Variable("LBSEQ", "Sequence Number", "integer", role="Identifier", core="Req", origin=DERIVED),
        Variable("LBTESTCD", "Lab Test or Examination Short Name", role="Topic", core="Req", origin=ASSIGNED),
        Variable(
            "LBORRES",
            "Result or Finding in Original Units",
            origin=COLLECTED,
            value_levels=(ValueLevel(where, "float", COLLECTED, label="Platelets"),),
        ),
        Variable("LBSTRESN", "Numeric Result/Finding in Standard Units", "float", origin=DERIVED, method=method),
        Variable("LBSTRESU", "Standard Units", origin=ASSIGNED, codelist=UNITS, comment=Comment("LBU", "As CT has it")),
        Variable("LBNAM", "Vendor Name", core="Exp", origin=COLLECTED),
        Variable("LBTOX", "Toxicity", origin=DERIVED, codelist=ExternalCodelist("CTCAE", "CTCAE", "CTCAE", "5.0")),
        Variable("LBDTC", "Date/Time of Specimen Collection", "datetime", origin=COLLECTED),
    )
    made = records if records is not None else [_record(1, "PLAT", 150.25), _record(2, "HGB", None)]
    return dataset(
        "LB",
        "Laboratory Test Results",
        variables,
        made,
        keys=("STUDYID", "USUBJID", "LBSEQ"),
        structure="One record per test per subject",
        class_name="FINDINGS",
        standard=SDTMIG,
    )


def _record(number: int, test: str, value: float | None) -> dict[str, Value]:
    return {
        "STUDYID": "TRIAL",
        "USUBJID": "TRIAL-P01",
        "LBSEQ": number,
        "LBTESTCD": test,
        "LBORRES": None if value is None else f"{value:g}",
        "LBSTRESN": value,
        "LBSTRESU": None if value is None else "10^9/L",
        "LBTOX": "Platelet count decreased" if value is not None else None,
        "LBDTC": "2022-02-05T10:19",
    }


TEXTS = st.text(string.ascii_letters + string.digits + " .,;<>&'\"/-+()", max_size=200).map(
    lambda t: " ".join(t.split())
)
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(1e-70, 1e70),
    st.floats(-1e70, -1e-70),
    st.just(0.0),
)


@st.composite
def any_dataset(draw: st.DrawFn) -> Dataset:
    """A data set with a key of its own and columns of texts, numbers and dates, each cell maybe missing."""
    kinds = draw(st.lists(st.sampled_from(["text", "float", "integer", "date"]), min_size=1, max_size=5))
    variables = [Variable("KEY", "Key", "integer", core="Req")]
    variables += [Variable(f"V{n}", f"Variable {n}", kind, core="Exp") for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
    cells = {
        "text": TEXTS,
        "float": NUMBERS.map(float),
        "integer": st.integers(-(2**53), 2**53),
        "date": st.dates().map(str),
    }
    rows = draw(st.lists(st.tuples(*(st.none() | cells[kind] for kind in kinds)), max_size=8))
    records = [{"KEY": n, **{f"V{i}": cell for i, cell in enumerate(row)}} for n, row in enumerate(rows, 1)]
    return dataset("ANY", "Any data set", variables, records, keys=("KEY",), structure="One", class_name="EVENTS")
