"""AE: adverse events by CTCAE, with a dictionary's codes where a centre has plugged one in (SDTMIG 3.4, 6.2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, Dataset, Method, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import spread
from theratrial.exchange.sdtm.observations import SUBJECT, Supplement, observations
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import AdverseEvent
from theratrial.safety.adverse.dictionary import Dictionary
from theratrial.trialfolder.records import Row

_CODED: Final = Method(
    "AEDECOD",
    "Coded term",
    "The name of the term in the dictionary that AEDICT names. Where none is plugged in: the term of CTCAE, which NCI "
    "prints with MedDRA's lowest level terms and classes. Where it is neither: the term as reported, in capitals.",
)
_EMERGENT: Final = Method(
    "AETRTEM",
    "Treatment emergent",
    "Y where the event began on the day of the first injection of the therapy product or later, N where before. Of who "
    "was not treated: empty.",
)
_OUTCOMES: Final = {
    "recovered": "RECOVERED/RESOLVED",
    "recovering": "RECOVERING/RESOLVING",
    "not_recovered": "NOT RECOVERED/NOT RESOLVED",
    "recovered_with_sequelae": "RECOVERED/RESOLVED WITH SEQUELAE",
    "fatal": "FATAL",
    "not_known": "UNKNOWN",
}
_CRITERIA: Final = {
    "AESCONG": ("congenital",),
    "AESDISAB": ("disab", "incapacity"),
    "AESDTH": ("death", "fatal"),
    "AESHOSP": ("hospital",),
    "AESLIFE": ("life-threatening", "life threatening"),
    "AESMIE": ("important medical",),
}
"""Criterion of seriousness -> words by which the protocol's phrase is known (those of ICH E2A)."""
_ACTIONS: Final = {
    "treatment not changed": "DOSE NOT CHANGED",
    "next session postponed": "DRUG INTERRUPTED",
    "next session withheld": "DRUG INTERRUPTED",
    "treatment ended": "DRUG WITHDRAWN",
    "treatment stopped": "DRUG WITHDRAWN",
    "dose reduced": "DOSE REDUCED",
    "activity reduced": "DOSE REDUCED",
}
"""What was done with the treatment, in the words that protocols suggest -> ACN. Other words leave AEACN empty."""
_SUPPLEMENTS: Final = (
    Supplement("AETRTEM", "Treatment Emergent Flag", DERIVED),
    Supplement("AEDICT", "Dictionary of the Coded Term", ASSIGNED),
    Supplement("AECTCSOC", "System Organ Class of CTCAE", ASSIGNED),
    Supplement("AEACTION", "Action Taken as Recorded", COLLECTED),
    Supplement("AESREAS", "Seriousness as Recorded", COLLECTED),
    Supplement("AECOMM", "Remark of the Investigator", COLLECTED),
)


def ae(context: SdtmContext, dictionary: Dictionary | None = None) -> tuple[Dataset, ...]:
    """Adverse events; coded by `dictionary`, where one is given."""
    records, supplements = spread(_events(context, dictionary or Dictionary()), _SUPPLEMENTS)
    return observations(
        context,
        "AE",
        "Adverse Events",
        "AETERM AETOXGR AESER AESCONG AESDISAB AESDTH AESHOSP AESLIFE AESMIE AEREL AEACN AEOUT EPOCH AESTDTC AEENDTC "
        "AESTDY AEENDY AEENRTPT AEENTPT",
        records,
        keys="AEDECOD AESTDTC AETERM",
        structure="One record per adverse event per subject",
        changes={
            "AEDECOD": {"origin": ASSIGNED, "method": None},
            "AEBODSYS": {"origin": ASSIGNED},
            "AEENRTPT": {"origin": ASSIGNED},
            "AEENTPT": {"origin": DERIVED, "method": _LAST_CONTACT},
        },
        supplements=supplements,
    )


_LAST_CONTACT: Final = Method(
    "LASTCONT",
    "Last contact",
    "The last day on which anything was seen, taken, given or decided of the participant; of who died without a "
    "recorded day of death, the last day on which she was seen alive.",
)


def _events(context: SdtmContext, dictionary: Dictionary) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("adverse_events"):
        yield _event(subject, row, _known(subject, row), dictionary)


def _known(subject: Subject, row: Row) -> AdverseEvent | None:
    events: Sequence[AdverseEvent] = subject.result.adverse_events if subject.result is not None else ()
    return next((one for one in events if (one.term, one.started_on) == (row["term"], row["started_on"])), None)


def _event(subject: Subject, row: Row, known: AdverseEvent | None, dictionary: Dictionary) -> dict[str, Any]:
    made = {
        SUBJECT: subject,
        "AETERM": row["term"],
        "AETOXGR": str(row["grade"]),
        "AESER": "Y" if row["serious"] else "N",
        "AEREL": row["related"].replace("_", " ").upper(),
        "AEOUT": _OUTCOMES.get(row["outcome"] or ""),
        "AESTDTC": row["started_on"],
        "AEENDTC": row["ended_on"],
        "AETRTEM": _emergent(subject, row),
        "AECOMM": row["comment"],
    }
    return made | _code(row, known, dictionary) | _seriousness(row) | _action(row) | _lasting(subject, row)


def _code(row: Row, known: AdverseEvent | None, dictionary: Dictionary) -> dict[str, Value]:
    entry = dictionary.coded(row["term"])
    if entry is not None:
        return {
            "AEDECOD": entry.name,
            "AEBODSYS": entry.organ_class or None,
            "AESOC": entry.organ_class or None,
            "AEPTCD": int(entry.code) if entry.code.isdigit() else None,
            "AEDICT": entry.dictionary or "Dictionary of the centre",
        }
    if known is not None and known.ctcae_term:
        return {
            "AEDECOD": known.ctcae_term,
            "AECTCSOC": known.system_organ_class or None,
            "AEDICT": f"CTCAE {row['ctcae_version']}",
        }
    return {"AEDECOD": ascii_text(row["term"]).upper(), "AEDICT": "NOT CODED"}


def _seriousness(row: Row) -> dict[str, Value]:
    """Each criterion that the reason names; where the event is serious, those that it does not name are N."""
    said = (row["seriousness"] or "").lower()
    made: dict[str, Value] = {"AESREAS": row["seriousness"]}
    if row["serious"] and said:
        made |= {name: "Y" if any(word in said for word in words) else "N" for name, words in _CRITERIA.items()}
    if row["grade"] == 5 or row["outcome"] == "fatal":
        made["AESDTH"] = "Y"
    return made


def _action(row: Row) -> dict[str, Value]:
    said = (row["action_taken"] or "").strip()
    return {"AEACN": _ACTIONS.get(said.lower()), "AEACTION": said or None}


def _lasting(subject: Subject, row: Row) -> dict[str, Value]:
    """An event without an end lasted at the last contact, unless its outcome says that it was over."""
    over = row["outcome"] in ("recovered", "recovered_with_sequelae", "fatal", "not_known")
    last = subject.alive_on if subject.death is not None and subject.death.on is None else subject.last_contact
    if row["ended_on"] is not None or over or last is None:
        return {}
    return {"AEENRTPT": "ONGOING", "AEENTPT": last.isoformat()}


def _emergent(subject: Subject, row: Row) -> Value:
    start = subject.reference_start
    if start is None:
        return None
    return "Y" if row["started_on"] >= start.date() else "N"
