"""ADSL: one record for each subject: sets, dates, sessions, activities, response, how treatment ended."""

from __future__ import annotations

from typing import Any, Final

from theratrial.exchange.adam.context import AdamContext, day_text, moment_text
from theratrial.exchange.adam.variables import ADAMIG, DATE, IMPUTED, MOMENT, YES, YES_NO, copied, listed, made
from theratrial.exchange.datasets.values import Comment, Dataset, Method, Origin, Value, Variable, dataset
from theratrial.exchange.sdtm.context import Subject, participation_withdrawn
from theratrial.exchange.sdtm.disposition import ENDINGS

_SET: Final = Method(
    "POPFL",
    "Population flag",
    "Y where the subject is in the analysis set as the protocol defines it and the run judged it, else N.",
)
_START: Final = Method("TRTSDT", "First exposure", "Day, or start, of the first injection of the therapy product (EX).")
_END: Final = Method("TRTEDT", "Last exposure", "Day, or start, of the last injection of the therapy product (EX).")
_CONSENT: Final = Method("RFICDT", "Informed consent", "Day of the first consent (DM.RFICDTC).")
_SCREENED: Final = Method("SCRDT", "Screening", "Day of screening (DM.DMDTC).")
_STATUS: Final = Method(
    "EOTSTT",
    "End of treatment status",
    "COMPLETED where the records end treatment so, DISCONTINUED where they end it otherwise, ONGOING where they do not "
    "end it. Empty for who was not treated.",
)
_REASON: Final = Method(
    "DCTREAS", "Reason of discontinuation", "DS.DSDECOD of the end of treatment, where it was discontinued."
)
_ENDED: Final = Method("EOTDT", "End of treatment", "Day on which the end of treatment was recorded.")
_DEATH: Final = Method(
    "DTHDT",
    "Death",
    "Day of death as DM.DTHDTC says it. Where nobody recorded it, the day on which the subject was first known to have "
    "died (SS), which is the last that it can be; DTHDTF then says what of it is imputed. DTHFL as DM.DTHFL.",
)
_DEATH_FLAG: Final = Method(
    "DTHDTF",
    "What of the day of death is imputed",
    "D: the day, month and year being known; M: month and day; Y: all of it. Empty where the day was recorded.",
)
_ALIVE: Final = Method(
    "LSTALVDT",
    "Last known alive",
    "Last day on which the subject was seen, sampled, treated or told to be alive, also of who died since.",
)
_STUDY: Final = Method(
    "EOSSTT",
    "End of study status",
    "DISCONTINUED where participation ended by death, withdrawal from follow-up, or loss to follow-up, and where "
    "screening ended otherwise than by treatment; else ONGOING: the protocol's follow-up has no recorded end.",
)
_SESSIONS: Final = Method("NSESS", "Sessions", "Number of injections of the therapy product.")
_ACTIVITY: Final = Method(
    "ACTIVITY",
    "Administered activity",
    "Net activity at the start of the injection (EX.EXDOSE): syringe less residual, each corrected for decay.",
)
_SUM: Final = Method(
    "CUMACT",
    "Cumulative administered activity",
    "Sum over the sessions; empty where the activity of a session is not known.",
)
_RESPONSE: Final = Method(
    "RSPCAT",
    "Response",
    "Category by the protocol's rule (ADRS, PARAMCD RSPPROT, ANL01FL Y); NE for who was treated and has none.",
)
_COUNTED: Final = Method(
    "PRIMCNT",
    "Count in the primary endpoint",
    "SUCCESS or FAILURE where analysed, EXCLUDED where in the set and left out, NOT ANALYSED where not in the set.",
)
_NO_RACE: Final = Comment("ADSL.RACE", "Race is not collected in this trial.")


def adsl(context: AdamContext) -> tuple[Dataset, ...]:
    """Subject-level analysis data set."""
    records = [_record(context, one) for one in context.subjects]
    if not records:
        return ()
    most = max(len(one.sessions) for one in context.subjects)
    return (
        dataset(
            "ADSL",
            "Subject-Level Analysis Dataset",
            _variables(context, most),
            records,
            keys=("STUDYID", "USUBJID"),
            structure="One record per subject",
            class_name="SUBJECT LEVEL ANALYSIS DATASET",
            standard=ADAMIG,
            purpose="Analysis",
            repeating=False,
        ),
    )


def _variables(context: AdamContext, most: int) -> tuple[Variable, ...]:
    reasons = listed("DCTREAS", "Reasons of discontinuation", (str(one) for one in ENDINGS.values()))
    status = listed("SBJTSTAT", "Status of treatment, of study", ("COMPLETED", "DISCONTINUED", "ONGOING"))
    counted = listed("PRIMCNT", "Count in the endpoint", ("SUCCESS", "FAILURE", "EXCLUDED", "NOT ANALYSED"))
    categories = listed("RSPCAT", "Response categories", ("CR", "PR", "SD", "PD", "NE"))
    per_session: list[Variable] = []
    for number in range(1, most + 1):
        per_session += [
            made(f"TR{number:02d}SDT", f"Date of Session {number}", _START, **DATE),
            made(f"ACT{number:02d}", f"Activity of Session {number} (MBq)", _ACTIVITY, data_type="float"),
        ]
    return (
        copied("STUDYID", "Study Identifier", "DM.STUDYID", core="Req"),
        copied("USUBJID", "Unique Subject Identifier", "DM.USUBJID", core="Req"),
        copied("SUBJID", "Subject Identifier for the Study", "DM.SUBJID", core="Req"),
        copied("SITEID", "Study Site Identifier", "DM.SITEID", core="Req"),
        copied("AGE", "Age", "DM.AGE", core="Exp", data_type="integer"),
        copied("AGEU", "Age Units", "DM.AGEU", core="Exp"),
        copied("SEX", "Sex", "DM.SEX", core="Req"),
        Variable("RACE", "Race", core="Exp", origin=Origin("Not Available"), comment=_NO_RACE),
        copied("ARM", "Description of Planned Arm", "DM.ARM", core="Exp"),
        copied("ACTARM", "Description of Actual Arm", "DM.ACTARM", core="Exp"),
        copied("ARMNRS", "Reason Arm and/or Actual Arm is Null", "DM.ARMNRS"),
        copied("TRT01P", "Planned Treatment for Period 01", "DM.ARM", core="Exp"),
        copied("TRT01A", "Actual Treatment for Period 01", "DM.ACTARM", core="Exp"),
        *(made(name, label, _SET, core="Req", codelist=YES_NO) for name, label in context.flags.values()),
        made("RFICDT", "Date of Informed Consent", _CONSENT, **DATE),
        made("SCRDT", "Date of Screening", _SCREENED, **DATE),
        made("TRTSDT", "Date of First Exposure to Treatment", _START, core="Exp", **DATE),
        made("TRTSDTM", "Datetime of First Exposure to Treatment", _START, core="Exp", **MOMENT),
        made("TRTEDT", "Date of Last Exposure to Treatment", _END, core="Exp", **DATE),
        made("NSESS", "Number of Sessions Given", _SESSIONS, data_type="integer", core="Req"),
        *per_session,
        made("CUMACT", "Activity over all Sessions (MBq)", _SUM, data_type="float"),
        made("EOSSTT", "End of Study Status", _STUDY, codelist=status),
        made("EOTSTT", "End of Treatment Status", _STATUS, codelist=status),
        made("EOTDT", "End of Treatment Date", _ENDED, **DATE),
        made("DCTREAS", "Reason for Discontinuation of Treatment", _REASON, codelist=reasons),
        made("RSPCAT", "Response by the Rule of the Protocol", _RESPONSE, codelist=categories),
        made("PRIMCNT", "Count in the Primary Endpoint", _COUNTED, codelist=counted),
        made("DTHFL", "Subject Death Flag", _DEATH, codelist=YES),
        made("DTHDT", "Date of Death", _DEATH, **DATE),
        made("DTHDTF", "Date of Death Imputation Flag", _DEATH_FLAG, codelist=IMPUTED),
        made("LSTALVDT", "Date Last Known Alive", _ALIVE, **DATE),
    )


def _record(context: AdamContext, subject: Subject) -> dict[str, Value]:
    return {**_person(context, subject), **_treatment(subject), **_outcome(context, subject)}


def _person(context: AdamContext, subject: Subject) -> dict[str, Value]:
    copied_names = ("SITEID", "AGE", "AGEU", "SEX", "ARM", "ACTARM", "ARMNRS")
    tabulated = context.demographics(subject)
    row: dict[str, Any] = {name: tabulated.get(name) for name in copied_names}
    return {
        "STUDYID": context.study_id,
        "USUBJID": subject.usubjid,
        "SUBJID": subject.participant_id,
        **row,
        "TRT01P": row["ARM"],
        "TRT01A": row["ACTARM"],
        **{flag: context.in_set(subject, key) for key, (flag, _) in context.flags.items()},
        "RFICDT": day_text(subject.consented_at),
        "SCRDT": day_text(subject.row["screened_on"]),
    }


def _treatment(subject: Subject) -> dict[str, Value]:
    treated = bool(subject.sessions)
    found: dict[str, Value] = {"NSESS": len(subject.sessions)}
    if not treated:
        return found
    result = subject.result
    activities = [one.administered_activity_MBq.value for one in result.sessions] if result is not None else []
    for number, row in enumerate(subject.sessions, 1):
        found[f"TR{number:02d}SDT"] = day_text(row["injected_at"])
        if len(activities) == len(subject.sessions):
            found[f"ACT{number:02d}"] = activities[number - 1]
    known = [one for one in activities if one is not None]
    if known and len(known) == len(subject.sessions):
        found["CUMACT"] = sum(known)
    ended = subject.ended
    done = ended is not None and ended["event"] == "completed"
    return found | {
        "TRTSDT": day_text(subject.reference_start),
        "TRTSDTM": moment_text(subject.reference_start),
        "TRTEDT": day_text(subject.sessions[-1]["injected_at"]),
        "EOTSTT": "ONGOING" if ended is None else "COMPLETED" if done else "DISCONTINUED",
        "EOTDT": day_text(ended["occurred_on"]) if ended is not None else None,
        "DCTREAS": ENDINGS[ended["event"]] if ended is not None and not done else None,
    }


def _outcome(context: AdamContext, subject: Subject) -> dict[str, Value]:
    result = subject.result
    death = subject.death
    found: dict[str, Value] = {
        "EOSSTT": "DISCONTINUED" if _left(context, subject) else "ONGOING",
        "DTHFL": "Y" if death is not None else None,
        "DTHDT": day_text(death.known_on) if death is not None else None,
        "DTHDTF": (death.imputed or None) if death is not None else None,
        "LSTALVDT": day_text(subject.alive_on),
    }
    if result is None:
        return found
    if result.treated:
        found["RSPCAT"] = result.response.category if result.response is not None else "NE"
    return found | {"PRIMCNT": result.counted.upper()}


def _left(context: AdamContext, subject: Subject) -> bool:
    """Whether nothing more of her is awaited in the study."""
    rows = context.folder.rows("dispositions", participant_id=subject.participant_id, event="lost_to_follow_up")
    gone = participation_withdrawn(context.sdtm, subject) is not None
    return subject.death is not None or bool(rows) or gone or (not subject.sessions and subject.ended is not None)
