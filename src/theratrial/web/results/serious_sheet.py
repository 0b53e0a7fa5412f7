"""The printed report of a serious adverse event: what the record knows, and lines for what it does not."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from theratrial.pipeline.serious_events import serious_events_at, serious_plan
from theratrial.results.toxicity import SeriousEvent
from theratrial.safety.adverse.terms import as_written
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.web.capture.value_words import value_words
from theratrial.web.participants.models import Participant
from theratrial.web.results.serious import pk_of
from theratrial.web.trials.selectors import the_trial

_LAST = datetime.max.replace(tzinfo=UTC)
_FONT = "vendor/vazirmatn/Vazirmatn-wght.woff2"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the form: what it asks, what the record says; nothing said leaves a line to write on."""

    label: str
    value: Any = ""
    kind: str = "text"  # text | core | code | day | instant | words | plain


@dataclass(frozen=True, slots=True)
class Told:
    """A text of what happened, and where and when it was written."""

    source: str
    at: datetime | None
    text: str


@cache
def page_css() -> str:
    """The style of the sheet with its font inside: a PDF fetches nothing."""
    root = resources.files("theratrial")
    style = root.joinpath("web/results/static/theratrial/serious_sheet.css").read_text(encoding="utf-8")
    font = root.joinpath(f"web/static/theratrial/{_FONT}").read_bytes()
    return style.replace(_FONT, f"data:font/woff2;base64,{base64.b64encode(font).decode()}")


def sheet_context(folder: TrialFolder, participant: Participant, pk: str, now: datetime) -> dict[str, Any]:
    """What the form shows.

    Raises
    ------
    Http404
        The event is recorded as not serious, or cannot be read.
    """
    found = [
        one
        for one in serious_events_at(folder, participant.code, now)
        if pk_of(one.trace.inputs.get("event", "")) == pk
    ]
    if not found:
        raise Http404(pk)
    event, plan = found[0], serious_plan(folder)
    people = folder.rows("participants", participant_id=participant.code)
    chosen = {one.strip().casefold() for one in event.seriousness.split(";")}
    return {
        "trial": the_trial(),
        "participant": participant,
        "pk": pk,
        "event": event,
        "now": now,
        "plan": plan,
        "criteria": [(one, one.casefold() in chosen) for one in (plan.criteria if plan else ())],
        "other_reason": event.seriousness if not plan else "",
        "parts": (
            (_("Trial and participant"), _trial_lines(participant, people[0] if people else None)),
            (_("The event"), _event_lines(folder, event)),
            (_("Treatment"), _treatment_lines(folder, participant.code, event)),
        ),
        "missing": event.missing,
        "told": _told(folder, participant.code, event),
    }


def _told(folder: TrialFolder, code: str, event: SeriousEvent) -> list[Told]:
    """Everything that the record says of what happened, in the order in which it became known; each text once."""
    found = [Told(_("Remark at the event"), None, event.comment)] if event.comment else []
    reports = [
        row
        for row in folder.rows("serious_reports", participant_id=code)
        if row["narrative"]
        and row["started_on"] == event.started_on
        and as_written(row["term"] or "") == as_written(event.term)
    ]
    # Those of no known day last: what is dated must not look later than it is.
    reports.sort(key=lambda row: (_when(row) is None, _when(row) or _LAST, row.line))
    for row in reports:
        if row["narrative"] not in {one.text for one in found}:
            source = _("First report") if row["report"] == "initial" else _("Follow-up")
            found.append(Told(source, _when(row), row["narrative"]))
    return found


def _when(row: Row) -> datetime | None:
    at: datetime | None = row["sent_at"] or row["became_aware_at"]
    return at


def _trial_lines(participant: Participant, person: Row | None) -> tuple[Line, ...]:
    trial = the_trial()
    return (
        Line(_("Registry number"), trial.trial_id, "code"),
        Line(_("Protocol"), trial.in_force.label if trial.in_force is not None else "", "core"),
        Line(_("Site"), participant.site.code, "code"),
        Line(_("Participant (code)"), participant.code, "code"),
        Line(_("Sex"), person["sex"] if person is not None else "", "words"),
        Line(_("Age at screening, years"), _age(person)),
    )


def _age(person: Row | None) -> Any:
    """Whole years as such; a stored fraction as it is."""
    age = person["age_years"] if person is not None else None
    return int(age) if isinstance(age, float) and age.is_integer() else age


def _event_lines(folder: TrialFolder, event: SeriousEvent) -> tuple[Line, ...]:
    words = value_words(folder.protocol)
    version = f"{event.term} (CTCAE {event.ctcae_version})" if event.term else ""
    return (
        Line(_("CTCAE term"), version, "code"),
        Line(_("System organ class"), event.system_organ_class, "code"),
        Line(_("Grade"), event.grade),
        Line(_("First day"), event.started_on, "day"),
        Line(_("Last day"), event.ended_on, "day"),
        Line(_("Outcome"), words("adverse_events", "outcome", event.outcome), "plain"),
        Line(_("Relation to the treatment"), words("adverse_events", "related", event.related), "plain"),
        Line(
            _("Expected by the reference safety information"),
            words("serious_reports", "expected", event.expected),
            "plain",
        ),
    )


def _treatment_lines(folder: TrialFolder, code: str, event: SeriousEvent) -> tuple[Line, ...]:
    given = [row for row in folder.rows("administrations", participant_id=code) if row["injected_at"]]
    before = [row for row in given if event.started_on is None or row["injected_at"].date() <= event.started_on]
    words = value_words(folder.protocol)
    last = max(before, key=lambda row: row["injected_at"], default=None)
    return (
        Line(_("Last administration before the event"), last["injected_at"] if last else None, "instant"),
        Line(_("Product"), words("administrations", "product_id", last["product_id"] or "") if last else "", "plain"),
        Line(_("Measured activity, MBq"), last["measured_activity_MBq"] if last else ""),
        Line(_("Session"), event.session),
        Line(_("Days after that session"), event.days_after_last_session),
        Line(_("Action taken with the treatment"), event.action_taken, "core"),
    )
