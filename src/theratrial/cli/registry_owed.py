"""`theratrial registry owed`: what a record owes to its trial; and the state of a trial for the other commands."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from theratrial.cli import EXIT_ERROR, console

if TYPE_CHECKING:
    from theratrial.registry.conscience import Duty, Owed, Proposal
    from theratrial.registry.history import History
    from theratrial.registry.record import RegistrationRecord
    from theratrial.registry.trial_facts import TrialFacts
    from theratrial.registry.words import Language
    from theratrial.trialfolder.records import TrialFolder

_WORDS: Final = {
    "head": ("{number}: what the record owes to its trial, by the trial's data as of {day}",
             "{number}: آنچه سوابق به کارآزمایی بدهکار است، بر پایهٔ داده‌های آن تا {day}"),
    "changes": ("To change: {count}", "آنچه باید تغییر کند: {count}"),
    "no_changes": ("Nothing to change: the record says what the data say", "تغییری لازم نیست: سوابق با داده‌ها می‌خواند"),
    "no_changes_open": ("Nothing that the data alone could change", "چیزی نیست که داده‌ها به‌تنهایی بتوانند تغییرش دهند"),
    "now": ("now", "اکنون"),
    "proposed": ("proposed", "پیشنهاد"),
    "because": ("because", "زیرا"),
    "empty": ("(empty)", "(خالی)"),
    "since": ("untrue since {since}; due {due}", "نادرست از {since}؛ موعد {due}"),
    "overdue": (", {days} days overdue", "، {days} روز از آن گذشته است"),
    "due": ("Due:", "موعدها:"),
    "due_on": ("due {due}", "موعد {due}"),
    "in_days": (", in {days} days", "، {days} روز دیگر"),
    "open": ("For a person to say: {count}", "آنچه باید کسی بگوید: {count}"),
    "reason": ("Draft of the reason for the update:", "پیش‌نویس علت به‌روزرسانی:"),
    "true_now": ("In every field that the data can judge, the record is true today.",
                 "در هر فیلدی که داده‌ها بتوانند بسنجند، سوابق امروز درست است."),
    "never_true": ("The record has not been true on any day since its registration.",
                   "سوابق از روز ثبت تاکنون هیچ روزی درست نبوده است."),
    "last_true": ("The record was last true on {day}, {days} days ago.",
                  "سوابق آخرین بار در {day}، {days} روز پیش، درست بود."),
    "by_status": ("It is the status that the data contradict; what it should be a person has to say, as above.",
                  "داده‌ها با وضعیت نمی‌خوانند؛ وضعیت درست را، چنان که بالا آمد، باید کسی بگوید."),
    "virtual": ("The participants are virtual: try this out, and send nothing of it to a registry.",
                "شرکت‌کنندگان مجازی‌اند: این برای آزمودن است؛ چیزی از آن را به مرکز ثبت نفرستید."),
    "written": ("{path}: the updated record, {count} change(s)", "{path}: سوابق به‌روزشده با {count} تغییر"),
    "how": ("`--write NEW.yaml` writes the record with these changes and the reason.",
            "‎`--write NEW.yaml`‎ سوابق را با این تغییرها و علت آن می‌نویسد."),
}  # fmt: skip


def trial_folder(path: str) -> TrialFolder:
    """The trial folder that a command was given."""
    from theratrial.trialfolder import read_folder

    return read_folder(Path(path))


def facts_of(folder: TrialFolder, day: date) -> TrialFacts:
    """What its records say until the end of a day."""
    from theratrial.pipeline.registry_facts import trial_facts

    return trial_facts(folder, as_of=datetime.combine(day, time.max, folder.zone))


def history_of(folder: TrialFolder, record: RegistrationRecord) -> History | None:
    """The versions that the folder has of this record; None where it is another record, or there are none."""
    history = folder.registration_history
    return history if history is not None and history.current.record == record else None


def print_owed(found: Owed, number: str, today: date, language: Language, *, simulated: bool) -> None:
    """What is owed, in plain lines."""
    from theratrial.registry.duties import DUTIES

    _say(_word("head", language, number=number, day=found.as_of.isoformat()))
    if simulated:
        _say(_word("virtual", language))
    if found.proposals:
        _say("\n" + _word("changes", language, count=len(found.proposals)))
        for one in found.proposals:
            _proposal(one, language)
        for rule in dict.fromkeys(one.rule for one in found.proposals):
            _say(f"  {getattr(DUTIES[rule].title, language)}:\n    {DUTIES[rule].source}")
    else:
        _say("\n" + _word("no_changes_open" if found.undetermined else "no_changes", language))
    if found.duties:
        _say("\n" + _word("due", language))
        for duty in found.duties:
            _duty(duty, today, language)
    if found.undetermined:
        _say("\n" + _word("open", language, count=len(found.undetermined)))
        for sentence in found.undetermined:
            _say(f"  - {getattr(sentence, language)}")
    if found.proposals:
        _say("\n" + _word("reason", language))
        _say(f"  {found.reason.en}")
        _say(f"  {found.reason.fa}")
    _say("\n" + _true(found, language))
    if not found.proposals and found.last_true != today:
        # With no field to change, what is untrue is a status for which the data know no right one.
        _say(_word("by_status", language))


def _true(found: Owed, language: Language) -> str:
    if found.last_true is None:
        return _word("never_true", language)
    if not found.days_since_true:
        return _word("true_now", language)
    return _word("last_true", language, day=found.last_true.isoformat(), days=found.days_since_true)


def _proposal(one: Proposal, language: Language) -> None:
    from theratrial.registry.shown import shown

    _say(f"  {one.field.label(language)}")
    for name, value in (("now", one.old), ("proposed", one.new)):
        words = shown(one.field, value, language) or _word("empty", language)
        _say(f"    {_word(name, language)}: {words}")
    _say(f"    {_word('because', language)}: {getattr(one.evidence, language)}")
    when = _word("since", language, since=one.since.isoformat(), due=one.due.isoformat())
    _say(f"    {when}{_late(one.overdue_days, language)}")


def _duty(duty: Duty, today: date, language: Language) -> None:
    left = (duty.due - today).days
    when = _late(duty.overdue_days, language) or _word("in_days", language, days=left)
    _say(f"  {getattr(duty.title, language)}")
    _say(f"    {_word('due_on', language, due=duty.due.isoformat())}{when}: {getattr(duty.because, language)}")
    _say(f"    {duty.source}")


def _late(days: int, language: Language) -> str:
    return _word("overdue", language, days=days) if days else ""


def owed_as_json(found: Owed, number: str, today: date, *, simulated: bool) -> dict[str, Any]:
    """What is owed, for programs."""
    from theratrial.registry.shown import shown

    return {
        "number": number,
        "simulated": simulated,
        "today": today,
        "as_of": found.as_of,
        "proposals": [
            {
                "path": one.path,
                "label": {"en": one.field.en, "fa": one.field.fa},
                "old": shown(one.field, one.old),
                "new": shown(one.field, one.new),
                "evidence": one.evidence,
                "rule": one.rule,
                "since": one.since,
                "due": one.due,
                "overdue_days": one.overdue_days,
            }
            for one in found.proposals
        ],
        "duties": found.duties,
        "undetermined": found.undetermined,
        "reason": found.reason,
        "last_true": found.last_true,
        "days_since_true": found.days_since_true,
    }


def written(path: Path, count: int, language: Language) -> None:
    """Say that the updated record was written."""
    _say(_word("written", language, path=str(path), count=count))


def how_to_write(language: Language) -> None:
    """Say how the update is made."""
    _say(_word("how", language))


def leave(found: Owed) -> None:
    """1 while something is owed that is overdue or untrue."""
    if found.proposals or any(duty.overdue_days for duty in found.duties):
        raise typer.Exit(EXIT_ERROR)


def _word(key: str, language: Language, **values: object) -> str:
    return _WORDS[key][1 if language == "fa" else 0].format(**values)


def _say(text: str) -> None:
    typer.echo(console.harmless(text))
