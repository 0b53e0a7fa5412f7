"""XD: dosimetry, a findings domain of the sponsor's own, for SDTM has none (docs/methods/sdtm_findings.md).

A record is one number about one region: activity at a scan, half-life, time-integrated activity, absorbed dose of a
session and over all sessions; also what was administered and what was measured outside the body. The determinacy of a
curve stands in XDRESCAT, bounds and method in SUPPXD. What could not be determined is NOT DONE for the stated reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, Codelist, Comment, Dataset, Method, Term
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.exposure import NET_ACTIVITY
from theratrial.exchange.sdtm.findings import (
    location,
    number_result,
    number_text,
    quantity_result,
    result_levels,
    spread,
)
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Supplement, observations
from theratrial.exchange.sdtm.planned import TREATMENT, ascii_text
from theratrial.exchange.sdtm.procedures import image_method
from theratrial.exchange.sdtm.terminology import codelist
from theratrial.results.places import dose_place, participant_place, session_place
from theratrial.results.values import CumulativeDose, RegionDoseResult, ScanResult, SessionResult
from theratrial.trace import Quantity

DOMAIN: Final = "XD"
TESTS: Final = {
    "ADMACT": "Net Administered Activity",
    "ACTIVITY": "Activity in Region",
    "VOLUME": "Volume of Region",
    "TEFF": "Effective Half-Life",
    "TIA": "Time-Integrated Activity",
    "EXTFRAC": "Extrapolated Fraction of TIA",
    "ABSDOSE": "Absorbed Dose of Session",
    "BED": "Biologically Effective Dose of Session",
    "CUMDOSE": "Absorbed Dose Over All Sessions",
    "CUMBED": "Biologically Eff Dose Over All Sessions",
    "JUDGEUP": "Upper Bound Held Against the Limit",
    "NETRATE": "Net Whole-Body Count Rate",
    "DOSERATE": "Ambient Dose Equivalent Rate",
}
RATIONALE: Final = Comment(
    "XD",
    "Sponsor-defined findings domain. SDTMIG 3.4 has none for internal dosimetry: PC and PP hold concentrations in "
    "samples and their parameters, not activity in regions of images or absorbed dose; FA wants an event or "
    "intervention as object. Code XD is among those that CDISC leaves to sponsors (X, Y, Z).",
)
_FOUND: Final = Method(
    "XDRES",
    "Dosimetric result",
    "As computed by the method named in XDANMETH, with its version; XDSPID is the place of the value in the results, "
    "whose trace names every input. In a place brackets hold the id of an entry, field and value where the id is a "
    "number ([session=2]), or a position counted from 0. XDRESCAT tells what the curve determines: DETERMINED, "
    "BOUNDED, RISING, EXTRAPOLATED. Bounds of 95 % in XDLOW95 and XDUPP95.",
)
_METHODS: Final = {code: _FOUND for code in TESTS if code != "DOSERATE"} | {"ADMACT": NET_ACTIVITY}
"""Test -> how its result is made; a dose rate is read from an instrument."""
_SUPPLEMENTS: Final = (
    Supplement("XDLOW95", "Lower Bound of 95 %", DERIVED),
    Supplement("XDUPP95", "Upper Bound of 95 %", DERIVED),
    Supplement("XDRESWHY", "Why This Determinacy", DERIVED),
    Supplement("XDNOTE", "Note to the Result", DERIVED),
    Supplement("XDASSUME", "Clauses That Are Assumptions", ASSIGNED),
    Supplement("XDMISSNG", "What the Dose Does Not Contain", DERIVED),
    Supplement("XDLIMGY", "Dose Limit of the Protocol [Gy]", ASSIGNED),
    Supplement("XDLIMSRC", "Source of the Limit", ASSIGNED),
    Supplement("XDNSESS", "Sessions Counted of Sessions Given", DERIVED),
    Supplement("XDHOURS", "Hours after Injection", DERIVED),
    Supplement("XDDISTM", "Distance [m]", COLLECTED),
    Supplement("XDBACKGR", "Background Rate [uSv/h]", COLLECTED),
)


def xd(context: SdtmContext) -> tuple[Dataset, ...]:
    """Dosimetry."""
    found = [record for one in context.subjects for record in _of(context, one)]
    records, supplements = spread([_settled(one) for one in (*found, *_dose_rates(context))], _SUPPLEMENTS)
    units = {str(one["XDSTRESU"]) for one in records if one.get("XDSTRESU")}
    unit = codelist("UNIT", units, domain=DOMAIN) if units else None
    codes = {code: TESTS[code] for code in sorted({str(one["XDTESTCD"]) for one in records})}
    return observations(
        context,
        DOMAIN,
        "Dosimetry of Radionuclide Therapy",
        "DOMAIN USUBJID XDSEQ XDGRPID XDSPID XDLNKID XDLNKGRP XDTESTCD XDTEST XDCAT XDSCAT XDORRES XDORRESU "
        "XDSTRESC XDSTRESN XDSTRESU "
        "XDRESCAT XDSTAT XDREASND XDLOC XDMETHOD XDANMETH XDDRVFL VISITNUM VISIT EPOCH XDDTC XDDY",
        records,
        keys="XDTESTCD XDGRPID XDDTC XDSPID XDDISTM",
        structure="One record per dosimetric result per region per session or scan per subject",
        changes={
            **result_levels(DOMAIN, records, _METHODS),
            "XDTESTCD": {"codelist": _own_list("XDTESTCD", "Dosimetry Test Code", codes)},
            "XDTEST": {"codelist": _own_list("XDTEST", "Dosimetry Test Name", dict.fromkeys(codes.values(), ""))},
            "XDRESCAT": {"origin": DERIVED, "method": _FOUND},
            "XDORRESU": {"origin": ASSIGNED, "codelist": unit},
            "XDSTRESU": {"origin": ASSIGNED, "codelist": unit},
            **{
                name: {"origin": ASSIGNED}
                for name in ("XDGRPID", "XDSPID", "XDLOC", "XDDRVFL", "XDSTAT", "XDMETHOD", "XDANMETH")
            },
            "XDREASND": {"origin": DERIVED, "method": _FOUND},
        },
        supplements=supplements,
        comment=RATIONALE,
        non_standard=True,
    )


def _own_list(name: str, title: str, terms: Mapping[str, str]) -> Codelist:
    """A list of the sponsor's own, cut to what occurs; its order does not depend on that of the records."""
    return Codelist(name, title, tuple(Term(value, decode) for value, decode in sorted(terms.items())))


def _settled(record: dict[str, Any]) -> dict[str, Any]:
    """Without a result nothing is derived and nothing categorised; why stands in the reason, the state before it."""
    if record.get("XDSTRESC") is not None:
        return record
    state, why = record.get("XDRESCAT"), record["XDREASND"]
    told = state is not None and str(why).upper().startswith(state)
    return {**record, "XDDRVFL": None, "XDRESCAT": None, "XDREASND": f"{state}: {why}" if state and not told else why}


def _of(context: SdtmContext, subject: Subject) -> Iterator[dict[str, Any]]:
    if subject.result is None:
        return
    for session in subject.result.sessions:
        yield from _session(context, subject, session)
    for at, dose in enumerate(subject.result.cumulative_doses):
        yield from _cumulative(subject, dose, at)


def _session(context: SdtmContext, subject: Subject, session: SessionResult) -> Iterator[dict[str, Any]]:
    place = session_place(subject.participant_id, session.session)
    whole = _base(subject, session) | {"XDLOC": "BODY", "XDGRPID": _group(session, "whole_body")}
    yield (
        whole
        | _test("ADMACT", "ADMINISTRATION")
        | _result(session.administered_activity_MBq, f"{place}.administered_activity_MBq")
        | {"XDDRVFL": "Y"}
    )
    if session.whole_body is not None:
        for point in session.whole_body.points:
            where = f"{place}.whole_body.points[{point.imaging_id}].net_rate_cps"
            yield (
                whole
                | _at(context, session, point.imaging_id, point.hours_after)
                | _test("NETRATE", "WHOLE BODY")
                | _result(point.net_rate_cps, where)
            )
        for code, one in (("TEFF", "effective_half_life_h"), ("TIA", "time_integrated_activity_MBq_h")):
            yield (
                whole
                | _test(code, "WHOLE BODY")
                | _result(getattr(session.whole_body, one), f"{place}.whole_body.{one}")
                | {"XDDRVFL": "Y"}
            )
    for dose in session.doses:
        yield from _region(context, subject, session, dose)


def _region(
    context: SdtmContext, subject: Subject, session: SessionResult, dose: RegionDoseResult
) -> Iterator[dict[str, Any]]:
    place = dose_place(subject.participant_id, session.session, dose.region_name)
    common = _base(subject, session) | _where(subject, dose.kind, dose.region_id, dose.region_name)
    common |= {"XDGRPID": _group(session, dose.region_name)}
    for point in dose.points:
        at = _at(context, session, point.imaging_id, point.hours_after)
        for code, name, one in (
            ("ACTIVITY", "activity_MBq", point.activity_MBq),
            ("VOLUME", "volume_mL", point.volume_mL),
        ):
            where = f"{place}.points[{point.imaging_id}].{name}"
            yield common | at | _test(code, "REGION AT SCAN") | _result(one, where)
    curve = {
        "XDDRVFL": "Y",
        "XDRESCAT": dose.determinacy.replace("_", " ").upper() or None,
        "XDRESWHY": dose.determinacy_reason or None,
    }
    found: list[tuple[str, str, Quantity]] = [
        ("TEFF", "effective_half_life_h", dose.effective_half_life_h),
        ("TIA", "time_integrated_activity_MBq_h", dose.time_integrated_activity_MBq_h),
        ("EXTFRAC", "extrapolated_fraction", dose.extrapolated_fraction),
        ("ABSDOSE", "absorbed_dose_Gy", dose.absorbed_dose_Gy),
    ]
    if dose.details.biological is not None:
        found.append(("BED", "details.biological.bed_Gy", dose.details.biological.bed_Gy))
    for code, name, one in found:
        missing = "; ".join(dose.missing_parts) if code == "ABSDOSE" else ""
        yield (
            common
            | curve
            | _test(code, "REGION IN SESSION")
            | _result(one, f"{place}.{name}")
            | {"XDMISSNG": missing or None}
        )


def _cumulative(subject: Subject, dose: CumulativeDose, position: int) -> Iterator[dict[str, Any]]:
    place = f"{participant_place(subject.participant_id)}.cumulative_doses[{position}]"
    region = dose.title if dose.kind == "lesion" else dose.region_id
    common = {
        SUBJECT: subject,
        **_where(subject, dose.kind, dose.region_id, region),
        "XDGRPID": f"ALL-{region}".upper(),
        "XDDTC": subject.sessions[-1]["injected_at"] if subject.sessions else None,
        "XDDRVFL": "Y",
        "XDRESCAT": dose.determinacy.replace("_", " ").upper() or None,
        "XDLIMGY": None if dose.limit_Gy is None else f"{dose.limit_Gy:.15g}",
        "XDLIMSRC": dose.limit_citation or None,
        "XDNSESS": f"{dose.sessions_counted} of {dose.sessions_given}",
    }
    found = (
        ("CUMDOSE", "absorbed_dose_Gy", dose.absorbed_dose_Gy),
        ("JUDGEUP", "judged_upper_Gy", dose.judged_upper_Gy),
        ("CUMBED", "bed_Gy", dose.bed_Gy),
    )
    for code, name, one in found:
        if one is not None:
            yield common | _test(code, "REGION OVER ALL SESSIONS") | _result(one, f"{place}.{name}")


def _dose_rates(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("dose_rates"):
        background = row["background_uSv_per_h"]
        yield {
            SUBJECT: subject,
            VISIT: (TREATMENT, row["session"]),
            **_test("DOSERATE", "OUTSIDE THE BODY"),
            **number_result(DOMAIN, row["dose_rate_uSv_per_h"], "uSv/h", ""),
            "XDLNKID": f"SESSION-{row['session']}",
            "XDGRPID": f"SESSION-{row['session']}-OUTSIDE",
            "XDDTC": row["measured_at"],
            "XDDISTM": f"{row['distance_m']:.15g}",
            "XDBACKGR": None if background is None else f"{background:.15g}",
        }


def _base(subject: Subject, session: SessionResult) -> dict[str, Any]:
    return {
        SUBJECT: subject,
        VISIT: (TREATMENT, session.session),
        "XDLNKID": f"SESSION-{session.session}",
        "XDDTC": session.injected_at,
    }


def _group(session: SessionResult, region: str) -> str:
    return f"SESSION-{session.session}-{region}".upper()


def _where(subject: Subject, kind: str, region_id: str, region_name: str) -> dict[str, Any]:
    """Where a region is. A lesion's place is known by the reading that its outline belongs to; else by nothing."""
    made: dict[str, Any] = {"XDSCAT": kind.upper()}
    if kind != "lesion":
        return made | {"XDLOC": location(region_id)}
    courses = subject.result.criteria.lesions if subject.result is not None else ()
    course = next((one for one in courses if one.dose_region == region_name), None)
    if course is None:
        return made
    return made | {"XDLOC": location(course.site), "XDLNKGRP": course.lesion_id.upper()}


def _at(context: SdtmContext, session: SessionResult, imaging_id: str, hours_after: float) -> dict[str, Any]:
    scan = next((one for one in session.scans if one.imaging_id == imaging_id), None)
    return {
        VISIT: (imaging_id, session.session),
        "XDDTC": _acquired(scan),
        "XDMETHOD": image_method(context, imaging_id) or None,
        "XDHOURS": f"{hours_after:.15g}",
    }


def _acquired(scan: ScanResult | None) -> Any:
    return scan.acquired_at if scan is not None else None


def _test(code: str, category: str) -> dict[str, Any]:
    return {"XDTESTCD": code, "XDTEST": TESTS[code], "XDCAT": category}


def _result(one: Quantity, place: str) -> dict[str, Any]:
    return {
        **quantity_result(DOMAIN, one, "Undetermined"),
        "XDSPID": place,
        "XDLOW95": _bound(one.lower),
        "XDUPP95": _bound(one.upper),
        "XDNOTE": ascii_text(one.note) if one.note and one.value is not None else None,
        "XDANMETH": f"{one.trace.method} {one.trace.version}",
        "XDASSUME": ", ".join(one.trace.demonstration) or None,
    }


def _bound(value: float | None) -> str | None:
    """A bound as text; what nothing bounds is said, not left empty."""
    if value is None:
        return None
    return "NOT BOUNDED" if math.isinf(value) else number_text(value)
