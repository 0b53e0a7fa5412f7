"""Records of a domain into its data sets: identifiers, numbers, study days, epochs, visits and SUPP-- are added here.

A domain gives its records as dictionaries of what is its own, with the participant under `SUBJECT`; dates and instants
as they are. What it does not say is filled in as far as the variables it names ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from theratrial.exchange.datasets.values import (
    ASSIGNED,
    Comment,
    Condition,
    Dataset,
    DataType,
    Origin,
    OriginKind,
    OriginSource,
    Value,
    ValueLevel,
    Variable,
    dataset,
)
from theratrial.exchange.sdtm.context import SdtmContext, Subject, dtc
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.exchange.sdtm.terminology import codelist, has_list, term_list
from theratrial.exchange.sdtm.variables import SDTMIG, class_of, codelists_of, standard_variables

SUBJECT: Final = "subject"
"""Key of a record under which its `Subject` stands."""
VISIT: Final = "visit"
"""Key under which a record may name its visit as ``(visit id, session)``."""
Record = Mapping[str, Any]
MAXIMUM_TEXT: Final = 200
_MOMENTS: Final = ("DTC", "STDTC", "ENDTC")


@dataclass(frozen=True, slots=True)
class Supplement:
    """A qualifier that the domain's own variables have no place for: one line of SUPP-- for each record that has it.

    Parameters
    ----------
    name
        QNAM, at most 8 letters; records give the value under it.
    origin
        QORIG, in Define's words.
    evaluator
        QEVAL, for judgements.
    """

    name: str
    label: str
    origin: Origin = ASSIGNED
    evaluator: str = ""


def observations(
    context: SdtmContext,
    domain: str,
    label: str,
    names: str,
    records: Iterable[Record],
    *,
    keys: str,
    structure: str,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    supplements: Sequence[Supplement] = (),
    comment: Comment | None = None,
    non_standard: bool = False,
) -> tuple[Dataset, ...]:
    """The domain's data set and, where a supplement is filled, its SUPP--. Without records: none at all.

    Parameters
    ----------
    names
        Variables beside the required and expected ones, parted by blanks.
    keys
        Variables behind STUDYID and USUBJID that tell a subject's records apart and order them.
    changes
        Variable -> fields of its metadata that are not the usual ones.
    """
    records = list(records)
    variables = _with_days(standard_variables(domain, names.split(), changes), records)
    known = {one.name for one in variables}
    filled = [_filled(context, domain, known, record) for record in records]
    if not filled:
        return ()
    order = keys.split()
    filled.sort(key=lambda record: tuple(_sortable(record.get(key)) for key in ("USUBJID", *order)))
    _number(filled, f"{domain}SEQ")
    supplements = (*supplements, *_split_texts(variables, filled))
    extra = {one.name for one in supplements}
    whole = [{key: value for key, value in record.items() if key not in extra} for record in filled]
    main = dataset(
        domain,
        label,
        with_terms(domain, typed(variables, whole), whole),
        whole,
        keys=("STUDYID", "USUBJID", *order, f"{domain}SEQ"),
        structure=structure,
        class_name=class_of(domain).upper(),
        standard=None if non_standard else SDTMIG,
        non_standard=non_standard,
        comment=comment,
    )
    # The sequence number makes keys unique at any rate; it is named only where the others do not.
    main = _least_keys(main)
    supplemental = _supplemental(context, domain, label, filled, supplements)
    return (main, supplemental) if supplemental is not None else (main,)


def _with_days(variables: Sequence[Variable], records: Sequence[Record]) -> tuple[Variable, ...]:
    """Study days stay beside their dates, also where nobody has one: SDTM wants the pair, or neither of both."""
    dates = {one.name for one in variables if one.name.endswith("DTC")}
    kept = {one.name for one in variables if one.core != "Perm"} | {
        name for name in dates if any(record.get(name) is not None for record in records)
    }
    days = {name.replace("DTC", "DY") for name in dates & kept}
    return tuple(replace(one, core="Exp") if one.name in days else one for one in variables)


def _filled(context: SdtmContext, domain: str, known: set[str], record: Record) -> dict[str, Value]:
    subject: Subject = record[SUBJECT]
    given = {key: value for key, value in record.items() if key not in (SUBJECT, VISIT)}
    made: dict[str, Value] = {"STUDYID": context.study_id, "DOMAIN": domain, "USUBJID": subject.usubjid}
    start = given.get(f"{domain}STDTC", given.get(f"{domain}DTC"))
    if "EPOCH" in known:
        made["EPOCH"] = context.epoch(subject, start)
    if "VISITNUM" in known or "VISIT" in known:
        visit = context.visit(subject, start, *record.get(VISIT, ()))
        if visit is not None:
            made |= {"VISITNUM": visit.number, **({"VISIT": visit.name} if "VISIT" in known else {})}
    for stem in _MOMENTS:
        name, day = f"{domain}{stem}", f"{domain}{stem.replace('DTC', 'DY')}"
        if name in given and day in known:
            made[day] = context.study_day(subject, given[name])
    made |= {key: dtc(value) if key.endswith("DTC") else _plain(value) for key, value in given.items()}
    return made


def _split_texts(variables: Sequence[Variable], records: Sequence[dict[str, Value]]) -> list[Supplement]:
    """What of a text goes beyond 200 letters moves into qualifiers, as SDTMIG 4.5.3.2 has it: AETERM1, AETERM2 ..."""
    made: dict[str, Supplement] = {}
    for one in variables:
        for record in records:
            text = record.get(one.name)
            if not isinstance(text, str) or len(text) <= MAXIMUM_TEXT:
                continue
            first, *others = pieces(text)
            record[one.name] = first
            for number, piece in enumerate(others, 1):
                name = f"{one.name[: 8 - len(str(number))]}{number}"
                record[name] = piece
                label = f"{one.label[: 36 - len(str(number))]} ({number})"
                made[name] = Supplement(name, label, one.origin or ASSIGNED)
    return [made[name] for name in sorted(made)]


def pieces(text: str) -> list[str]:
    """A text in pieces of at most 200 letters, parted between words where there are any.

    >>> [len(piece) for piece in pieces("word " * 50 + "end")]
    [199, 53]
    """
    found = []
    while len(text) > MAXIMUM_TEXT:
        cut = text.rfind(" ", 1, MAXIMUM_TEXT + 1)
        cut = cut if cut > 0 else MAXIMUM_TEXT
        found.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return [*found, text]


def _plain(value: Any) -> Value:
    return ascii_text(value) if isinstance(value, str) else value


def _sortable(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (1, float(value), "")


def _number(records: Sequence[dict[str, Value]], name: str) -> None:
    counts: dict[Value, int] = {}
    for record in records:
        whose = record["USUBJID"]
        counts[whose] = counts.get(whose, 0) + 1
        record[name] = counts[whose]


def _least_keys(one: Dataset) -> Dataset:
    keys = one.keys[:-1]
    columns = [one.column(key) for key in keys]
    different = {tuple(row[at] for at in columns) for row in one.rows}
    return replace(one, keys=keys) if len(different) == len(one.rows) else one


def typed(variables: Sequence[Variable], records: Sequence[Mapping[str, Value]]) -> tuple[Variable, ...]:
    """The variables with the types that dates turn out to have: whole days, instants, or of both."""
    return tuple(
        replace(one, data_type=_date_type([str(r[one.name]) for r in records if r.get(one.name) is not None]))
        if one.name.endswith("DTC")
        else one
        for one in variables
    )


def _date_type(values: Sequence[str]) -> DataType:
    days = sum("T" not in value and len(value) == 10 for value in values)
    instants = sum("T" in value for value in values)
    if days == len(values):
        return "date"
    if instants == len(values):
        return "datetime"
    return "incompleteDatetime" if instants else "partialDate"


def with_terms(
    domain: str, variables: Sequence[Variable], records: Sequence[Mapping[str, Value]]
) -> tuple[Variable, ...]:
    """The variables with CDISC's codelist, where the guide ties exactly one and the shipped terminology has it."""
    made = []
    for one in variables:
        codes = codelists_of(domain, one.name)
        values = {str(r[one.name]) for r in records if r.get(one.name) is not None}
        if one.codelist is None and len(codes) == 1 and has_list(codes[0]) and values and not _is_result(one.name):
            made.append(replace(one, codelist=codelist(term_list(codes[0]).name, values, domain=domain)))
        else:
            made.append(one)
    return tuple(made)


def _is_result(name: str) -> bool:
    return name.endswith(("ORRES", "STRESC"))


def _supplemental(
    context: SdtmContext,
    domain: str,
    label: str,
    records: Sequence[Mapping[str, Value]],
    supplements: Sequence[Supplement],
) -> Dataset | None:
    lines = [
        {
            "STUDYID": context.study_id,
            "RDOMAIN": domain,
            "USUBJID": record["USUBJID"],
            "IDVAR": f"{domain}SEQ",
            "IDVARVAL": str(record[f"{domain}SEQ"]),
            "QNAM": one.name,
            "QLABEL": one.label,
            "QVAL": str(record[one.name]),
            "QORIG": one.origin.kind,
            "QEVAL": one.evaluator or None,
        }
        for record in records
        for one in supplements
        if record.get(one.name) not in (None, "")
    ]
    return supplemental_dataset(domain, label, lines) if lines else None


def supplemental_dataset(domain: str, label: str, lines: Sequence[Mapping[str, Value]]) -> Dataset:
    """SUPP-- of a domain from its finished lines."""
    levels = tuple(_supplemental_level(name, lines) for name in sorted({str(line["QNAM"]) for line in lines}))
    assigned = {name: {"origin": ASSIGNED} for name in ("IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QORIG", "QEVAL")}
    variables = standard_variables("SUPPQUAL", (), {**assigned, "QVAL": {"value_levels": levels, "origin": None}})
    return dataset(
        f"SUPP{domain}",
        f"Supplemental Qualifiers for {domain}",
        variables,
        lines,
        keys=("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM"),
        structure=f"One record per supplemental qualifier per record of {label}"[:MAXIMUM_TEXT],
        class_name="RELATIONSHIP",
        standard=SDTMIG,
        domain=domain,
    )


def _supplemental_level(name: str, lines: Sequence[Mapping[str, Value]]) -> ValueLevel:
    first = next(line for line in lines if line["QNAM"] == name)
    kind = cast(OriginKind, first["QORIG"])
    source: OriginSource = "Investigator" if kind == "Collected" else "Sponsor"
    return ValueLevel((Condition("QNAM", (name,)),), "text", origin=Origin(kind, source), label=str(first["QLABEL"]))
