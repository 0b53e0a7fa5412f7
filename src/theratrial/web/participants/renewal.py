"""Whether signed eligibility still rests on the newest values: what differs between what was signed and what is there.

A new row voids no signature by itself, for nobody changed what was signed. But whoever looks must see that newer
values are there, which ones, and whether a criterion is no longer answered as it was signed (then the first injection
is refused until the investigator signs again: `guards.may_inject`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from theratrial.eligibility import CriterionResult, eligibility, eligibility_moment
from theratrial.errors import TheratrialError
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.selectors import records_about, rows_of
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.plan import said


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of a criterion that is not the one that was signed."""

    criterion: str
    title: str
    label: str
    unit: str
    signed: str
    """Empty: not known when it was signed."""
    signed_as_of: str
    now: str
    """Empty: not known, and `why` says why."""
    now_as_of: str
    why: str
    answer_signed: str
    answer_now: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a signature on eligibility stands against what is recorded by now."""

    differences: tuple[Difference, ...] = ()
    unjudged: str = ""
    """Why eligibility cannot be judged at all."""

    @property
    def needed(self) -> bool:
        """Whether a criterion is no longer met as signed: it must be signed again before the first injection."""
        changed = any(one.answer_now not in ("met", one.answer_signed) for one in self.differences)
        return bool(self.unjudged) or changed

    @property
    def answered_otherwise(self) -> bool:
        """Whether a criterion is answered otherwise than it was signed, to whichever side."""
        return any(one.answer_now != one.answer_signed for one in self.differences)

    @property
    def titles(self) -> tuple[str, ...]:
        """Criteria that differ, each once."""
        return tuple(dict.fromkeys(one.title for one in self.differences))

    def __bool__(self) -> bool:
        return bool(self.differences or self.unjudged)


def renewal_of(folder: TrialFolder, code: str, content: Mapping[str, Any], now: datetime) -> Renewal:
    """What differs between a signed content and today's records, judged at the first treatment or now."""
    try:
        at, _line = eligibility_moment(folder.protocol, folder, code, now)
        criteria = eligibility(folder.protocol, folder, code, at).criteria
    except (TheratrialError, TypeError) as error:
        return Renewal(unjudged=str(error))
    signed = {one["id"]: one for one in content["criteria"]}
    return Renewal(
        tuple(
            found
            for one in criteria
            for found in _differences(one, signed.get(one.id), criterion_title(folder.protocol, one))
        )
    )


def criterion_title(protocol: Protocol, one: CriterionResult) -> str:
    """Its title in the user's language, where the protocol has it."""
    clause = protocol.eligibility.get(one.id)
    return said(clause.reading) if clause is not None and clause.reading is not None else one.title


def _differences(now: CriterionResult, signed: Mapping[str, Any] | None, title: str) -> Iterable[Difference]:
    before = {(one["variable"], one["label"]): one for one in signed["values"]} if signed else {}
    after = {(one.variable, one.label): one for one in now.values}
    answers = {"answer_signed": signed["truth"] if signed else "", "answer_now": now.truth.value}
    found = False
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        was = (_text(old["value"]), old["as_of"]) if old else ("", "")
        is_now = (_text(new.value), _day(new.as_of)) if new else ("", "")
        if was == is_now:
            continue
        found = True
        yield Difference(
            criterion=now.id,
            title=title,
            label=key[1],
            unit=new.unit if new else old["unit"] if old else "",
            signed=was[0],
            signed_as_of=was[1],
            now=is_now[0],
            now_as_of=is_now[1],
            why=new.why_not_known if new else "",
            **answers,
        )
    if not found and answers["answer_signed"] != answers["answer_now"]:
        why = "; ".join(now.to_be_known)
        yield Difference(now.id, title, "", "", "", "", "", "", why, **answers)


def _text(value: Any) -> str:
    """As `eligible.content_of` writes a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:g}"


def _day(moment: date | datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def renewals(people: Iterable[Participant], now: datetime) -> dict[str, Renewal]:
    """Code -> what differs, of those whose standing signature rests on other values than are there by now.

    For participants between signing and the first injection: there are few of them at any time. Four queries.
    """
    listed = {one.code: one for one in people}
    signed: dict[str, dict[str, Any]] = {}
    told = Signature.objects.filter(kind="eligibility", key__in=list(listed), voided_at=None)
    for key, content in told.order_by("signed_at", "pk").values_list("key", "content"):
        signed[key] = content
    if not signed:
        return {}
    folder = rows_of(records_about([listed[code] for code in signed])).folder
    found = {code: renewal_of(folder, code, content, now) for code, content in signed.items()}
    return {code: one for code, one in found.items() if one}
