"""TS: the trial's parameters, each from the protocol, the registration record or the data (SDTMIG 3.4, 7.5).

What nobody stated stays without a value and says why (a null flavour of ISO 21090): NI where there is no information,
NA where the question does not apply, PINF for no upper limit, MSK where it is not told: days of the trial beside dates
that were moved for each participant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.datasets.values import Dataset, Value, dataset
from theratrial.exchange.sdtm.context import SdtmContext, dtc
from theratrial.exchange.sdtm.observations import MAXIMUM_TEXT, with_terms
from theratrial.exchange.sdtm.planned import ascii_text, product_name, sessions_of
from theratrial.exchange.sdtm.study import country_of
from theratrial.exchange.sdtm.terminology import PACKAGE, term_list
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables

VIRTUAL: Final = ("VIRTUAL", "Participants Are Virtual (Simulated)")
"""Parameter of the sponsor's own: no term of CDISC's says that the people of a trial do not exist."""

_PHASES: Final = {
    "0": "EARLY PHASE I",
    "1": "PHASE I TRIAL",
    "1-2": "PHASE I/II TRIAL",
    "2": "PHASE II TRIAL",
    "2-3": "PHASE II/III TRIAL",
    "3": "PHASE III TRIAL",
    "4": "PHASE IV TRIAL",
}
_SEXES: Final = {"female": "F", "male": "M", "all": "BOTH"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: a value, or why there is none. `terms` names the list of CDISC's that the value is from."""

    code: str
    value: str = ""
    null: str = ""
    terms: str = ""
    reference: str = ""
    version: str = ""
    value_code: str = ""


def ts(context: SdtmContext) -> tuple[Dataset, ...]:
    """Trial summary."""
    counts: dict[str, int] = {}
    records = []
    for one in parameters(context):
        counts[one.code] = counts.get(one.code, 0) + 1
        records.append(_record(context, one, counts[one.code]))
    variables = standard_variables("TS", ("TSVALNF",))
    return (
        dataset(
            "TS",
            "Trial Summary",
            with_terms("TS", variables, records),
            records,
            keys=("STUDYID", "TSPARMCD", "TSSEQ"),
            structure="One record per trial summary parameter value",
            class_name="TRIAL DESIGN",
            standard=SDTMIG,
            reference_data=True,
        ),
    )


def _record(context: SdtmContext, one: Parameter, number: int) -> dict[str, Value]:
    names = term_list("TSPARMCD").terms
    title = VIRTUAL[1] if one.code == VIRTUAL[0] else names[one.code].decode
    code, reference, version = one.value_code, one.reference, one.version
    if one.terms and one.value:
        found = term_list(one.terms).terms.get(one.value)
        if found is None:
            raise InputError(f"TS {one.code}: {one.value!r} is no term of {one.terms} -> a fault of the export")
        code, reference, version = found.code, "CDISC CT", PACKAGE
    return {
        "STUDYID": context.study_id,
        "DOMAIN": "TS",
        "TSSEQ": number,
        "TSPARMCD": one.code,
        "TSPARM": title,
        "TSVAL": ascii_text(one.value)[:MAXIMUM_TEXT] or None,
        "TSVALNF": one.null or None,
        "TSVALCD": code or None,
        "TSVCDREF": reference or None,
        "TSVCDVER": version or None,
    }


def parameters(context: SdtmContext) -> tuple[Parameter, ...]:
    """Every parameter, in no particular order."""
    return (*_identity(context), *_design(context), *_population(context), *_treatment(context), *_conduct(context))


def _said(code: str, value: str, null: str = "NI") -> Parameter:
    """A text where there is one, else why not."""
    return Parameter(code, value) if value else Parameter(code, null=null)


def _identity(context: SdtmContext) -> Iterator[Parameter]:
    record = context.folder.registration
    sponsor = next((str(one.contact.organization) for one in record.sponsors), "") if record is not None else ""
    yield Parameter("TITLE", context.result.scientific_title)
    yield Parameter(
        "REGID",
        context.study_id,
        reference=ascii_text(context.result.registry)[:MAXIMUM_TEXT],
        value_code=context.study_id,
    )
    yield _said("SPONSOR", sponsor)
    yield Parameter("SDTIGVER", "3.4")
    yield Parameter("SDTMVER", "2.0")
    yield Parameter("TIGVER", null="NA")
    yield Parameter("CTAUG", null="NA")
    yield Parameter(VIRTUAL[0], "Y" if context.result.simulated else "N", terms="NY")


def _design(context: SdtmContext) -> Iterator[Parameter]:
    phase = _PHASES.get(context.result.phase)
    yield Parameter("STYPE", "INTERVENTIONAL", terms="STYPE")
    yield Parameter("TPHASE", phase, terms="TPHASE") if phase else Parameter("TPHASE", null="NI")
    yield Parameter("TTYPE", "EFFICACY", terms="TTYPE")
    yield Parameter("TTYPE", "SAFETY", terms="TTYPE")
    yield Parameter("TINDTP", "TREATMENT", terms="TINDTP")
    yield Parameter("TBLIND", "OPEN LABEL", terms="TBLIND")
    yield Parameter("TCNTRL", "NONE", terms="TCNTRL")
    yield Parameter("INTMODEL", "SINGLE GROUP", terms="INTMODEL")
    yield Parameter("INTTYPE", "DRUG", terms="INTTYPE")
    yield Parameter("NARMS", str(len(context.protocol.arms)))
    yield Parameter("NCOHORT", "1")
    yield Parameter("RANDOM", "N", terms="NY")
    yield Parameter("STRATFCT", null="NA")
    yield Parameter("ADAPT", "N", terms="NY")
    yield Parameter("COMPTRT", null="NA")
    yield Parameter("OBJPRIM", _primary(context))
    yield Parameter("OUTMSPRI", _primary(context))
    yield (
        Parameter("STOPRULE", "AS IN THE PROTOCOL")
        if context.protocol.stopping is not None
        else Parameter("STOPRULE", "NONE")
    )
    yield Parameter("LENGTH", null="NI")
    yield Parameter("TRGFUDUR", null="NI")


def _primary(context: SdtmContext) -> str:
    reading = context.protocol.endpoint.reading
    return reading.title if reading is not None else ""


def _population(context: SdtmContext) -> Iterator[Parameter]:
    reading = context.protocol.population.reading
    if reading is None:
        return
    oldest = reading.maximum_age_years
    condition = reading.condition
    yield Parameter("AGEMIN", f"P{reading.minimum_age_years:g}Y", reference="ISO 8601")
    yield (
        Parameter("AGEMAX", f"P{oldest:g}Y", reference="ISO 8601")
        if oldest is not None
        else Parameter("AGEMAX", null="PINF")
    )
    yield Parameter("SEXPOP", _SEXES[reading.sex], terms="SEXPOP")
    yield Parameter("HLTSUBJI", "N", terms="NY")
    yield Parameter("INDIC", condition)
    yield Parameter("TDIGRP", condition)
    yield _said("THERAREA", "ONCOLOGY" if reading.icd10.upper().startswith("C") else "")
    yield Parameter("PLANSUB", str(reading.sample_size))
    yield Parameter(
        "PDSTIND",
        "N" if reading.minimum_age_years >= 18 else "",
        "" if reading.minimum_age_years >= 18 else "NI",
        terms="NY",
    )
    yield Parameter("PDPSTIND", null="NI")
    yield Parameter("PIPIND", null="NI")
    yield Parameter("RDIND", null="NI")


def _treatment(context: SdtmContext) -> Iterator[Parameter]:
    sessions = sessions_of(context.protocol)
    clause = context.protocol.products.get(sessions.product)
    route = clause.reading.route.upper() if clause is not None and clause.reading is not None else ""
    yield Parameter("TRT", product_name(context.protocol, sessions.product))
    yield Parameter("PCLAS", null="NI")
    yield Parameter("DOSE", f"{sessions.administered_activity_MBq:g}")
    yield Parameter("DOSU", "MBq", terms="UNIT")
    yield Parameter("DOSFRM", "INJECTION, SOLUTION", terms="FRM")
    yield Parameter("DOSFRQ", null="OTH")
    known = route in term_list("ROUTE").terms
    yield Parameter("ROUTE", route, terms="ROUTE") if known else _said("ROUTE", route)
    yield Parameter("ADDON", null="NI")
    yield Parameter("CURTRT", null="NI")


def _conduct(context: SdtmContext) -> Iterator[Parameter]:
    enrolled = sum(bool(one.sessions) for one in context.subjects)
    yield Parameter("ACTSUB", str(enrolled))
    yield Parameter("FCNTRY", country_of(context), reference="ISO 3166-1 alpha-3", value_code=country_of(context))
    yield from _days(context)
    yield Parameter("DCUTDESC", "DATA LOCKED" if context.folder.locked else "LAST RECORD, DATA NOT LOCKED")
    yield Parameter("ONGOSIND", "N" if context.folder.locked else "Y", terms="NY")
    yield Parameter("DMCIND", null="NI")
    yield Parameter("EXTTIND", "N", terms="NY")


def _days(context: SdtmContext) -> Iterator[Parameter]:
    """Start, end and cut-off of the trial."""
    if context.dates_moved:
        # The first and the last of days that were moved differently are no days of the trial.
        yield from (Parameter(code, null="MSK") for code in ("SSTDTC", "SENDTC", "DCUTDTC"))
        return
    first = min((one.consented_at for one in context.subjects if one.consented_at is not None), default=None)
    last = max((one.last_contact for one in context.subjects if one.last_contact is not None), default=None)
    until = data_until(context)
    yield _said("SSTDTC", dtc(first.date()) or "" if first is not None else "")
    yield _said("SENDTC", (dtc(last) or "") if context.folder.locked and last is not None else "")
    yield _said("DCUTDTC", until.isoformat() if until is not None else "")


def data_until(context: SdtmContext) -> date | None:
    """The day of the newest record of anybody in the export."""
    names = ("visits", "laboratory", "follow_up", "dispositions", "administrations", "examinations", "participants")
    moments = [row.moment for name in names for _, row in context.rows(name)]
    days = [one.date() if isinstance(one, datetime) else one for one in moments if one is not None]
    return max(days, default=None)
