"""Eligibility as it is shown and signed: criterion, sentence, value, age, source, what would make it met."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from theratrial.eligibility import CriterionResult, EligibilityResult, Verdict, eligibility, eligibility_moment
from theratrial.errors import InputError
from theratrial.protocol.condition_words import condition_words
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.models import Record
from theratrial.web.capture.naming import language
from theratrial.web.capture.selectors import Rows, participant_rows
from theratrial.web.capture.value_words import value_words
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, sign, signatures_of, signer_confirmed
from theratrial.web.participants.models import Participant
from theratrial.web.participants.plan import said
from theratrial.web.participants.renewal import Renewal, renewal_of
from theratrial.web.participants.selectors import trial_now
from theratrial.web.sentences.shown import said_plain
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone

KIND = "eligibility"
_SHOWN_FOR = timedelta(minutes=60)
"""How long a page may stand open between looking and signing."""


def truth_words(truth: str) -> str:
    """Answer of a criterion."""
    return {"met": _("met"), "not_met": _("not met"), "not_known": _("not known")}[truth]


def verdict_words(verdict: str) -> str:
    """Overall answer."""
    return {"eligible": _("eligible"), "not_eligible": _("not eligible"), "not_known": _("not known")}[verdict]


def moment_shown(participant: Participant, folder: TrialFolder, asked: str = "") -> datetime:
    """The instant that eligibility is judged at: fixed by treatment or screening failure, else now.

    Raises
    ------
    InputError
        The page stood open for too long; look again.
    """
    # To the second: what was entered a moment ago counts.
    now = trial_now().replace(microsecond=0)
    moment, line = eligibility_moment(folder.protocol, folder, participant.code, now)
    if line != "now" or not asked:
        return moment
    try:
        found = datetime.fromisoformat(asked)
    except ValueError:
        found = now - 2 * _SHOWN_FOR
    if found.utcoffset() is None or not now - _SHOWN_FOR <= found <= now:
        raise InputError(
            _("The page was open for more than an hour, so the ages it shows are old. Look again, then sign.")
        )
    return found.astimezone(trial_zone())


def judged(participant: Participant, folder: TrialFolder, at: datetime) -> EligibilityResult:
    """The core's answer."""
    return eligibility(folder.protocol, folder, participant.code, at)


def content_of(
    participant: Participant, folder: TrialFolder, result: EligibilityResult, *, outcome: str = "", override: str = ""
) -> dict[str, Any]:
    """Everything the page shows, as plain JSON: what is signed and digested.

    Parameters
    ----------
    outcome
        What the signer decides, ``eligible`` or ``not_eligible``.
    override
        Why she decides against the computed verdict.
    """
    version = the_trial().in_force
    return {
        "participant": participant.code,
        "at": result.at.isoformat(timespec="seconds" if result.at.second else "minutes"),
        "protocol": f"{version.label} sha256:{version.sha256}" if version else "",
        "verdict": result.verdict.value,
        "outcome": outcome,
        "override": override.strip(),
        "criteria": [_criterion(one) for one in result.criteria],
        "prior_therapy": _prior(participant, folder, result.at),
        "last_trastuzumab": _last_trastuzumab(participant, folder, result.at.date()),
    }


def _criterion(one: CriterionResult) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "title": one.title,
        "verbatim": list(one.verbatim),
        "condition": one.condition,
        "truth": one.truth.value,
        "decision": one.decision.value,
        "values": [
            {
                "variable": value.variable,
                "label": value.label,
                "value": _plain(value.value),
                "unit": value.unit,
                "as_of": value.as_of.isoformat() if value.as_of else "",
                "age_days": None if value.age_days is None else round(value.age_days, 1),
                "sources": list(value.sources),
                "why_not_known": value.why_not_known,
            }
            for value in one.values
        ],
        "to_be_known": list(one.to_be_known),
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | str) else f"{value:g}"


def _prior(participant: Participant, folder: TrialFolder, at: datetime) -> list[dict[str, Any]]:
    lines = []
    for row in folder.rows("prior_therapy", participant_id=participant.code):
        begun = row["first_given_on"] or row["last_given_on"]
        if begun is not None and begun > at.date():
            continue
        lines.append(
            {
                "agent": row["agent"],
                "category": row["category"],
                "first": row["first_given_on"].isoformat() if row["first_given_on"] else "",
                "last": row["last_given_on"].isoformat() if row["last_given_on"] else "",
                "outcome": row["outcome"] or "",
                "source": row.source,
            }
        )
    return lines


def _last_trastuzumab(participant: Participant, folder: TrialFolder, today: date) -> dict[str, Any]:
    given = [
        row["last_given_on"]
        for row in folder.rows("prior_therapy", participant_id=participant.code, category="trastuzumab")
        if row["last_given_on"] is not None and row["last_given_on"] <= today
    ]
    return {"on": max(given).isoformat(), "days_since": (today - max(given)).days} if given else {}


def source_link(source: str, code: str) -> str:
    """Address of the record behind a source; empty where there is none."""
    place = source.removeprefix("record:")
    record_id = place.partition("/")[2].partition("@")[0]
    try:
        return reverse("ledger:row", args=["capture_record", record_id]) if record_id else ""
    except NoReverseMatch:
        return ""


def criteria_shown(content: dict[str, Any], participant: Participant) -> list[dict[str, Any]]:
    """The criteria of a content with words and links, for the page."""
    lines = []
    for one in content["criteria"]:
        values = [
            {
                **value,
                "links": [source_link(source, participant.code) for source in value["sources"]],
                "shown": _shown(value["value"]),
                "flag": isinstance(value["value"], bool),
            }
            for value in one["values"]
        ]
        if one["kind"] == "exclusion":
            words = {"met": _("not excluded"), "not_met": _("excluded"), "not_known": _("not known")}[one["truth"]]
        else:
            words = truth_words(one["truth"])
        lines.append({**one, "words": words, "title": _title(one), "values": values, "make": _to_make_it(one)})
    return lines


def _title(one: dict[str, Any]) -> str:
    clause = protocol_in_force().eligibility.get(one["id"])
    return said(clause.reading) if clause is not None and clause.reading is not None else one["title"]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _to_make_it(one: dict[str, Any]) -> list[str]:
    """What would make a criterion known or met."""
    if one["truth"] == "not_known":
        return list(one["to_be_known"])
    if one["truth"] == "not_met" and one["condition"]:
        word = (
            _("would have to be false: %(condition)s")
            if one["kind"] == "exclusion"
            else _("would have to hold: %(condition)s")
        )
        return [word % {"condition": _in_words(one)}]
    return []


def _in_words(one: dict[str, Any]) -> str:
    """The condition with labels for its names, else its title: the expression itself is for the computer."""
    protocol = protocol_in_force()
    words = value_words(protocol)
    told = condition_words(
        one["condition"],
        {one.id: one for one in protocol.variables},
        language(),
        value=lambda variable, stored: words(variable.table, variable.column, stored),
    )
    return told if told != one["condition"] else said_plain(_title(one))


def eligibility_signed(
    request: HttpRequest, participant: Participant, *, outcome: str, override: str = "", asked_at: str = ""
) -> Signature:
    """Sign eligibility on exactly what was shown; against the computed verdict only with a reason, as a deviation.

    Raises
    ------
    NotConfirmed
        The signer is not confirmed, or what is there is no longer what was shown.
    InputError
        The outcome is not the computed verdict and no reason is given.
    """
    folder = participant_rows(participant).folder
    result = judged(participant, folder, moment_shown(participant, folder, asked_at))
    refuse_outcome(result.verdict, outcome, override)
    content = content_of(participant, folder, result, outcome=outcome, override=override)
    rows = list(Record.objects.filter(pk__in=_record_ids(content)))
    signer_confirmed(request)
    with act(request.user, "eligibility.overrule" if override.strip() else "eligibility.sign", reason=override.strip()):
        if override.strip():
            note(
                "eligibility.overrule",
                participant=participant.code,
                site=participant.site.code,
                deviation=True,
                verdict=result.verdict.value,
                outcome=outcome,
            )
        return sign(
            request,
            kind=KIND,
            key=participant.code,
            content=content,
            meaning="overruled" if override.strip() else "approved",
            statement=statement(outcome, override),
            rows=rows,
            participant=participant,
            permission="eligibility.sign",
        )


def refuse_outcome(verdict: Verdict, outcome: str, override: str) -> None:
    """Refuse to sign what the criteria do not say, unless a reason makes it a deviation."""
    if outcome not in ("eligible", "not_eligible"):
        raise InputError(_("Sign her as eligible or as not eligible."))
    if outcome == verdict.value or override.strip():
        return
    if verdict is Verdict.NOT_KNOWN:
        raise InputError(
            _("Criteria are not known yet, so nobody can be signed as %(outcome)s. Enter what is missing first.")
            % {"outcome": verdict_words(outcome)}
        )
    raise InputError(
        _("The criteria say: %(verdict)s. To decide otherwise is a deviation and needs its reason.")
        % {"verdict": verdict_words(verdict.value)}
    )


def statement(outcome: str, override: str) -> str:
    """The sentence that is signed."""
    if override.strip():
        return _("I decide against the computed verdict that she is %(outcome)s, a deviation. Reason: %(why)s") % {
            "outcome": verdict_words(outcome), "why": override.strip(),
        }  # fmt: skip
    return _("I have seen the criteria as shown and confirm that she is %(outcome)s.") % {
        "outcome": verdict_words(outcome)
    }


def _record_ids(content: dict[str, Any]) -> set[str]:
    sources = [source for one in content["criteria"] for value in one["values"] for source in value["sources"]]
    sources += [line["source"] for line in content["prior_therapy"]]
    return {source.partition("/")[2].partition("@")[0] for source in sources if source.startswith("record:")} - {""}


def signatures_shown(participant: Participant, folder: TrialFolder) -> list[dict[str, Any]]:
    """Every signature on her eligibility, and whether the records of that moment still say what was signed."""
    lines = []
    for one in signatures_of(KIND, participant.code):
        content = one.content
        result = judged(participant, folder, datetime.fromisoformat(content["at"]))
        current = content_of(participant, folder, result, outcome=content["outcome"], override=content["override"])
        same = content_digest(KIND, participant.code, current) == one.digest
        renewal = renewal_of(folder, participant.code, content, trial_now()) if one.voided_at is None else Renewal()
        lines.append(
            {
                "signature": one,
                "outcome": verdict_words(content["outcome"]),
                "override": content["override"],
                "same": same,
                "renewal": renewal,
                "differences": [
                    {
                        "of": other,
                        "title": other.title,
                        "signed": truth_words(other.answer_signed) if other.answer_signed else "",
                        "now": truth_words(other.answer_now),
                    }
                    for other in renewal.differences
                ],
            }
        )
    return lines


def unreadable_shown(participant: Participant, rows: Rows) -> list[dict[str, str]]:
    """Her records that cannot be read: what, why and what to do, and where to correct them."""
    return [
        {
            "table": row.table.replace("_", " "),
            "column": column.replace("_", " "),
            "why": why,
            "link": source_link(row.source, participant.code),
        }
        for lines in rows.folder.tables.values()
        for row in lines
        if row.unreadable and row.values.get("participant_id") == participant.code
        for column, why in row.unreadable.items()
    ]
