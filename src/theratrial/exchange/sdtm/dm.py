"""DM: one record for each participant, with her reference dates and arm (SDTMIG 3.4, 5.2)."""

from __future__ import annotations

from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset, Method, Value, dataset
from theratrial.exchange.sdtm.context import SdtmContext, Subject, dtc
from theratrial.exchange.sdtm.observations import typed, with_terms
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.exchange.sdtm.study import arm_of, country_of
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables

_SEX: Final = {"female": "F", "male": "M"}
_FIRST: Final = Method("RFSTDTC", "First injection", "Start of the first injection of the therapy product.")
_LAST: Final = Method("RFXENDTC", "Last injection", "Start of the last injection of the therapy product.")
_ENDED: Final = Method(
    "RFENDTC", "End of treatment", "Day on which treatment was recorded as ended (DS); empty while it goes on."
)
_CONSENT: Final = Method("RFICDTC", "Informed consent", "The first consent that the participant signed.")
_CONTACT: Final = Method(
    "RFPENDTC",
    "End of participation",
    "Day of death; of who is only known to have died, the contact that told of it; else the last day on which she was "
    "seen, sampled, treated, known to be alive, or her end of treatment or screening was recorded.",
)
_AGE: Final = Method("AGE", "Age", "Age at screening in whole years, rounded down.")
_SEX_METHOD: Final = Method("SEX", "Sex", "female: F, male: M; any other answer has no term in the closed list: U.")
_ARM_NULL: Final = Method(
    "ARMNRS",
    "Why an arm is missing",
    "SCREEN FAILURE where the records say so; ASSIGNED, NOT TREATED where she was found eligible and never injected; "
    "NOT ASSIGNED where neither is so; UNPLANNED TREATMENT does not occur in a trial of one arm.",
)
_DIED: Final = Method(
    "DTHDTC",
    "Death",
    "Day of death where the disposition says it. Where a contact only told that the subject had died, nobody recorded "
    "the day: DTHDTC is then the month, or the year, that the last day alive (SS) and the contact have in common, and "
    "empty where they have none. DTHFL is Y in either case. The contact is DSDTC of the death in DS and SSDTC in SS.",
)


def dm(context: SdtmContext) -> tuple[Dataset, ...]:
    """Demographics."""
    names = ["RFICDTC", "RFPENDTC", "DMDTC", "DMDY", "AGE", "AGEU", "ARMNRS"]
    variables = standard_variables(
        "DM",
        names,
        {
            "SUBJID": {"origin": ASSIGNED},
            "RFSTDTC": {"origin": DERIVED, "method": _FIRST},
            "RFXSTDTC": {"origin": DERIVED, "method": _FIRST},
            "RFXENDTC": {"origin": DERIVED, "method": _LAST},
            "RFENDTC": {"origin": DERIVED, "method": _ENDED},
            "RFICDTC": {"origin": DERIVED, "method": _CONSENT},
            "RFPENDTC": {"origin": DERIVED, "method": _CONTACT},
            "DTHDTC": {"origin": DERIVED, "method": _DIED},
            "DTHFL": {"origin": DERIVED, "method": _DIED},
            "AGE": {"origin": DERIVED, "method": _AGE},
            "AGEU": {"origin": ASSIGNED},
            "SEX": {"method": _SEX_METHOD},
            **{name: {"origin": ASSIGNED} for name in ("ARM", "ARMCD", "ACTARM", "ACTARMCD", "COUNTRY", "SITEID")},
            "ARMNRS": {"origin": DERIVED, "method": _ARM_NULL},
        },
    )
    records = [_record(context, one) for one in context.subjects]
    return (
        dataset(
            "DM",
            "Demographics",
            with_terms("DM", typed(variables, records), records),
            records,
            keys=("STUDYID", "USUBJID"),
            structure="One record per subject",
            class_name="SPECIAL PURPOSE",
            standard=SDTMIG,
            repeating=False,
        ),
    )


def _record(context: SdtmContext, subject: Subject) -> dict[str, Value]:
    row, treated = subject.row, bool(subject.sessions)
    first = subject.reference_start
    last = subject.sessions[-1]["injected_at"] if treated else None
    over = subject.ended["occurred_on"] if treated and subject.ended is not None else None
    age = row["age_years"]
    return {
        "STUDYID": context.study_id,
        "DOMAIN": "DM",
        "USUBJID": subject.usubjid,
        "SUBJID": subject.participant_id,
        "RFSTDTC": dtc(first),
        "RFENDTC": dtc(over),
        "RFXSTDTC": dtc(first),
        "RFXENDTC": dtc(last),
        "RFICDTC": dtc(subject.consented_at),
        "RFPENDTC": dtc(subject.last_contact),
        "DTHDTC": (subject.death.text or None) if subject.death is not None else None,
        "DTHFL": "Y" if subject.death is not None else None,
        "SITEID": ascii_text(row["site_id"]),
        "AGE": int(age) if age is not None else None,
        "AGEU": "YEARS" if age is not None else None,
        "SEX": _SEX.get(row["sex"], "U"),
        "COUNTRY": country_of(context),
        "DMDTC": dtc(row["screened_on"]),
        "DMDY": context.study_day(subject, row["screened_on"]),
        **_arms(context, subject),
    }


def _arms(context: SdtmContext, subject: Subject) -> dict[str, Value]:
    code, title = arm_of(context.protocol)
    if subject.sessions:
        return {"ARMCD": code, "ARM": title, "ACTARMCD": code, "ACTARM": title}
    if subject.screen_failure:
        return {"ARMNRS": "SCREEN FAILURE"}
    result = subject.result
    selected = result is not None and result.selection.result == "positive"
    if result is not None and result.eligibility.verdict == "eligible" and selected:
        return {"ARMCD": code, "ARM": title, "ARMNRS": "ASSIGNED, NOT TREATED"}
    return {"ARMNRS": "NOT ASSIGNED"}
