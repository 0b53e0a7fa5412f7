"""What a data set of a submission is, for SDTM and ADaM alike: variables with their metadata, records, keys.

A `Dataset` knows everything that Dataset-JSON 1.1, an XPT version 5 file and Define-XML 2.1 say of it. The writers add
nothing and decide nothing: what a variable means stands with the variable, where its values come from in its origin,
how they are made in its method. Names in capitals and terms are CDISC's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from theratrial.errors import InputError

Value = str | int | float | None
"""A cell. Dates and times are text in ISO 8601, whatever a file makes of them. None: missing, never an empty text."""

DataType = Literal[
    "text",
    "integer",
    "float",
    "date",
    "datetime",
    "time",
    "partialDate",
    "partialDatetime",
    "incompleteDatetime",
    "durationDatetime",
    "intervalDatetime",
]
"""Types of Define-XML 2.1. A --DTC that has only whole days is ``date``; days and instants mixed:
``incompleteDatetime``."""

NUMERIC: Final = frozenset({"integer", "float"})

Core = Literal["Req", "Exp", "Perm", "Cond"]
OriginKind = Literal["Collected", "Derived", "Assigned", "Protocol", "Predecessor", "Not Available"]
OriginSource = Literal["Subject", "Investigator", "Vendor", "Sponsor", ""]
Comparator = Literal["EQ", "NE", "IN", "NOTIN", "LT", "LE", "GT", "GE"]
MethodKind = Literal["Computation", "Imputation"]


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard the metadata name: ``SDTMIG`` 3.4, or the terminology of a date (``CDISC/NCI`` of ``SDTM``)."""

    name: str
    kind: Literal["IG", "CT"]
    version: str
    publishing_set: str = ""
    """Of a terminology: SDTM, ADaM, DEFINE-XML."""

    @property
    def oid(self) -> str:
        """Its identifier in Define-XML."""
        return ".".join(("STD", *filter(None, (self.name.replace("/", "-"), self.publishing_set, self.version))))


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a codelist. Without a `code` of NCI it is the sponsor's own, which an extensible list allows."""

    value: str
    decode: str = ""
    code: str = ""
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Codelist:
    """A list of the terms a variable may hold, cut to those that can occur here.

    Parameters
    ----------
    id
        Short and unique in a define file: the submission value of CDISC's list, with a suffix where it is cut.
    code
        NCI's code of the list; empty for a list of the sponsor's own.
    standard
        The terminology that a list with a code is taken from.
    """

    id: str
    name: str
    terms: tuple[Term, ...]
    code: str = ""
    standard: Standard | None = None
    data_type: Literal["text", "integer", "float"] = "text"
    comment: Comment | None = None


@dataclass(frozen=True, slots=True)
class ExternalCodelist:
    """Values from a dictionary outside (CTCAE, ISO 3166), by name and version."""

    id: str
    name: str
    dictionary: str
    version: str
    data_type: Literal["text", "integer"] = "text"


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark on a data set, a variable or a codelist; equal ids are one comment."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Method:
    """How a value is made; equal ids are one method."""

    id: str
    name: str
    description: str
    kind: MethodKind = "Computation"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where values come from, and who stood for them.

    `predecessor` names the source of a copied value, as ``DM.AGE``; only with kind ``Predecessor``.
    """

    kind: OriginKind
    source: OriginSource = ""
    predecessor: str = ""


COLLECTED: Final = Origin("Collected", "Investigator")
DERIVED: Final = Origin("Derived", "Sponsor")
ASSIGNED: Final = Origin("Assigned", "Sponsor")
PROTOCOL: Final = Origin("Protocol", "Sponsor")
MEASURED: Final = Origin("Collected", "Vendor")
"""A laboratory's or an instrument's value."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a where clause: a variable of the same data set against values."""

    variable: str
    values: tuple[str, ...]
    comparator: Comparator = "EQ"


@dataclass(frozen=True, slots=True)
class ValueLevel:
    """What a variable is where conditions hold (all of them): LBSTRESN where LBTESTCD is PLAT."""

    where: tuple[Condition, ...]
    data_type: DataType
    origin: Origin | None = None
    codelist: Codelist | ExternalCodelist | None = None
    method: Method | None = None
    comment: Comment | None = None
    label: str = ""
    significant_digits: int | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A column and what Define-XML says of it.

    Parameters
    ----------
    name
        Capitals, at most 8 letters.
    label
        At most 40 letters.
    role
        SDTM's role (Identifier, Topic, Timing ...); empty in ADaM.
    core
        ``Req`` must be there and filled, ``Exp`` must be there, ``Perm`` is left out where it is empty throughout.
    numeric_date
        ADaM's dates as numbers: the cells hold ISO 8601 text all the same, the writers count from 1960-01-01.
    significant_digits
        Digits behind the point of a ``float``; None: found from the values.
    display_format
        As ``DATE9.`` or ``8.3``.
    """

    name: str
    label: str
    data_type: DataType = "text"
    role: str = ""
    core: Core = "Perm"
    origin: Origin | None = None
    codelist: Codelist | ExternalCodelist | None = None
    method: Method | None = None
    comment: Comment | None = None
    value_levels: tuple[ValueLevel, ...] = ()
    numeric_date: bool = False
    significant_digits: int | None = None
    display_format: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether cells are numbers, not text."""
        return self.data_type in NUMERIC


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set: metadata and records. Made with `dataset`, which orders, cuts and checks.

    Parameters
    ----------
    keys
        Names of the variables that tell records apart, in the order of sorting.
    structure
        As ``One record per subject``.
    class_name
        CDISC's class: ``FINDINGS``, ``TRIAL DESIGN``, ``BASIC DATA STRUCTURE`` ...
    non_standard
        A data set that the guide does not know.
    no_data_because
        Why it is empty, where it is described all the same.
    """

    name: str
    label: str
    variables: tuple[Variable, ...]
    rows: tuple[tuple[Value, ...], ...]
    keys: tuple[str, ...]
    structure: str
    class_name: str
    standard: Standard | None = None
    purpose: Literal["Tabulation", "Analysis"] = "Tabulation"
    sub_class: str = ""
    reference_data: bool = False
    repeating: bool = True
    non_standard: bool = False
    domain: str = ""
    """The domain whose data it holds, where it is another than its name (AE of SUPPAE)."""
    comment: Comment | None = None
    no_data_because: str = ""

    def column(self, name: str) -> int:
        """Position of a variable (KeyError: there is none)."""
        for at, one in enumerate(self.variables):
            if one.name == name:
                return at
        raise KeyError(f"{self.name} has no variable {name}")

    def has(self, name: str) -> bool:
        """Whether it has the variable."""
        return any(one.name == name for one in self.variables)

    def values(self, name: str) -> tuple[Value, ...]:
        """The cells of a variable, in the order of the records."""
        at = self.column(name)
        return tuple(row[at] for row in self.rows)

    def records(self) -> tuple[dict[str, Value], ...]:
        """The records by name of variable."""
        names = [one.name for one in self.variables]
        return tuple(dict(zip(names, row, strict=True)) for row in self.rows)

    def length(self, name: str) -> int:
        """Longest text of a variable in bytes of UTF-8, at least 1; digits of the longest number."""
        return max((len(cell_text(one).encode()) for one in self.values(name) if one is not None), default=1)


def cell_text(value: Value) -> str:
    """A cell as text: whole floats without a point, other numbers as short as they stay exact.

    >>> cell_text(1500.0), cell_text(0.1), cell_text(None)
    ('1500', '0.1', '')
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def digits_behind_point(values: Iterable[Value]) -> int:
    """Most digits behind the point of any number.

    >>> digits_behind_point((1.5, 2, 0.125))
    3
    """
    found = (cell_text(one).lower() for one in values if isinstance(one, float | int))
    return max((_digits(text) for text in found), default=0)


def _digits(text: str) -> int:
    mantissa, _, exponent = text.partition("e")
    behind = len(mantissa.partition(".")[2])
    return max(0, behind - int(exponent or 0))


def dataset(
    name: str,
    label: str,
    variables: Sequence[Variable],
    records: Iterable[Mapping[str, Value]],
    *,
    keys: Sequence[str],
    structure: str,
    class_name: str,
    standard: Standard | None = None,
    purpose: Literal["Tabulation", "Analysis"] = "Tabulation",
    sub_class: str = "",
    reference_data: bool = False,
    repeating: bool = True,
    non_standard: bool = False,
    domain: str = "",
    comment: Comment | None = None,
) -> Dataset:
    """A sound data set: sorted by its keys, permissible variables without any value left out, empty texts made missing.

    The result does not depend on the order of `records`, if the keys tell them apart.

    Raises
    ------
    InputError
        A record has a variable that the data set does not have, a cell is of the wrong kind, a required one is
        missing, or two records have the same keys.
    """
    kinds = {one.name: one for one in variables}
    cleaned = [_cleaned(name, kinds, record) for record in records]
    cleaned.sort(key=lambda record: tuple(_sortable(record.get(key)) for key in keys))
    _refuse_twins(name, cleaned, keys)
    filled = {key for record in cleaned for key, value in record.items() if value is not None}
    kept = tuple(one for one in variables if one.core in ("Req", "Exp") or one.name in filled)
    for one in kept:
        if one.core == "Req" and any(record.get(one.name) is None for record in cleaned):
            raise InputError(f"{name}: {one.name} is required and missing in a record -> this is a fault of the export")
    return Dataset(
        name=name,
        label=label,
        variables=kept,
        rows=tuple(tuple(record.get(one.name) for one in kept) for record in cleaned),
        keys=tuple(key for key in keys if any(one.name == key for one in kept)),
        structure=structure,
        class_name=class_name,
        standard=standard,
        purpose=purpose,
        sub_class=sub_class,
        reference_data=reference_data,
        repeating=repeating,
        non_standard=non_standard,
        domain=domain,
        comment=comment,
    )


def _cleaned(name: str, kinds: Mapping[str, Variable], record: Mapping[str, Value]) -> dict[str, Value]:
    cleaned: dict[str, Value] = {}
    for key, value in record.items():
        if key not in kinds:
            raise InputError(f"{name} has no variable {key} -> this is a fault of the export")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and number is not kinds[key].is_numeric:
            raise InputError(f"{name}.{key} is {kinds[key].data_type} and holds {value!r} -> a fault of the export")
        if isinstance(value, float) and value - value != 0:
            raise InputError(f"{name}.{key} holds {value}, which no data set carries -> a fault of the export")
        # Line breaks and outer blanks do not survive a transport file; both formats must hold the same text.
        cleaned[key] = (" ".join(value.split()) or None) if isinstance(value, str) else value
    return cleaned


def _sortable(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (1, float(value), "")


def _refuse_twins(name: str, records: Sequence[Mapping[str, Value]], keys: Sequence[str]) -> None:
    seen: set[tuple[Value, ...]] = set()
    for record in records:
        key = tuple(record.get(one) for one in keys)
        if key in seen:
            said = ", ".join(f"{one}={value}" for one, value in zip(keys, key, strict=True))
            raise InputError(f"{name}: two records with {said} -> the keys of the data set do not tell them apart")
        seen.add(key)


def with_variable(one: Dataset, changed: Variable) -> Dataset:
    """The data set with the metadata of one variable exchanged."""
    at = one.column(changed.name)
    return replace(one, variables=(*one.variables[:at], changed, *one.variables[at + 1 :]))
