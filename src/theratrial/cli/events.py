"""`theratrial events`: look up CTCAE terms and grades; check a trial folder's adverse and serious events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theratrial.cli import console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.results.toxicity import Pregnancy, SeriousEvent, SeriousReport
    from theratrial.safety.adverse.dictionary import Dictionary
    from theratrial.trialfolder import TrialFolder

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="CTCAE terms; adverse and serious events of a trial."
)
_VERSIONS = {"5": "5.0", "5.0": "5.0", "6": "6.0", "6.0": "6.0"}


def _version(given: str) -> str:
    if given not in _VERSIONS:
        raise InputError(f"--ctcae is 5 or 6, got {given!r}")
    return _VERSIONS[given]


@app.command("term")
def term(
    words: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="A term, its beginning, or an everyday word; of several words too."),
    ],
    ctcae: Annotated[str, typer.Option(help="5 or 6.")] = "5",
    grade: Annotated[int | None, typer.Option(help="Say whether this grade exists for the term.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """A CTCAE term with its system organ class and the text of each grade, or the terms that fit what was typed.

    Ends with 1 where the name is no term of the version, or the grade none of the term.
    """
    from theratrial.safety.adverse import term_finding, terms_matching

    name = " ".join(words)
    version = _version(ctcae)
    found = term_finding(name, grade, version)
    fitting = () if found.term else terms_matching(name, version)
    if as_json:
        console.print_json(
            {
                "version": version,
                "term": found.term.term if found.term else None,
                "system_organ_class": found.term.system_organ_class if found.term else None,
                "grades": {str(one): text for one, text in found.term.grades.items()} if found.term else {},
                "definition": found.term.definition if found.term else "",
                "note": found.term.note if found.term else "",
                "problems": list(found.problems),
                "fitting": [one.term for one in fitting],
            }
        )
    elif found.term:
        console.say(f"{found.term.term}  ({found.term.system_organ_class}, CTCAE {version})", style="bold")
        for text in (found.term.definition, found.term.note):
            if text:
                console.say(f"  {text}")
        for one in range(1, 6):
            console.say(f"  grade {one}  {found.term.grades.get(one, 'does not exist for this term')}")
    for other in fitting if not as_json else ():
        console.say(f"  {other.term}  ({other.system_organ_class})")
    for text in found.problems if not as_json else ():
        console.note(text)
    if found.problems:
        raise typer.Exit(1)


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(help="A trial folder.")],
    dictionary: Annotated[
        Path | None, typer.Option(help="CSV of your own licensed dictionary: term, code, name (docs/methods).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """Adverse events that are odd, serious events and pregnancies with the clock of each report, and dictionary codes.

    The clock is read as of the end of the records. Ends with 1 where a report is overdue or something is odd.
    """
    from theratrial.pipeline.serious_events import pregnancies_at, serious_events_at, unmatched_reports
    from theratrial.pipeline.trial import cut_off
    from theratrial.trialfolder import read_folder

    read = read_folder(folder)
    now = cut_off(read)
    events = _events(read, _dictionary(dictionary))
    serious = [(who, one) for who in read.participant_ids for one in serious_events_at(read, who, now)]
    expected = [(who, one) for who in read.participant_ids for one in pregnancies_at(read, who, now)]
    unmatched = [(who, text) for who in read.participant_ids for text in unmatched_reports(read, who)]
    if as_json:
        console.print_json(
            {
                "as_of": now.isoformat(),
                "events": events,
                "serious": [_serious_values(who, one) for who, one in serious],
                "pregnancies": [_pregnancy_values(who, one) for who, one in expected],
                "reports_without_event": [{"participant": who, "problem": text} for who, text in unmatched],
            }
        )
    else:
        _say(events, serious, unmatched)
        _say_pregnancies(expected)
    reports = [report for _, one in serious for report in one.all_reports] + [one.report for _, one in expected]
    late = any(report.state in ("late", "overdue", "not_known") for report in reports)
    lacking = any(one.missing for _, one in serious) or any(one.missing for _, one in expected)
    if late or unmatched or lacking or any(one["problems"] for one in events):
        raise typer.Exit(1)


def _dictionary(file: Path | None) -> Dictionary:
    from theratrial.safety.adverse.dictionary import Dictionary, dictionary_from_csv

    if file is None:
        return Dictionary()
    try:
        return dictionary_from_csv(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {file}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None


def _events(read: TrialFolder, dictionary: Dictionary) -> list[dict[str, Any]]:
    from theratrial.safety.adverse import event_term
    from theratrial.safety.adverse.consistency import event_problems

    found = []
    for row in read.tables["adverse_events"]:
        term_found = event_term(row["term"], row["ctcae_version"])
        coded = dictionary.coded(row["term"])
        problems = list(event_problems(row))
        if dictionary.entries and coded is None:
            problems.append("not in the dictionary that was given")
        found.append(
            {
                "line": row.line,
                "participant": row["participant_id"],
                "term": row["term"],
                "system_organ_class": term_found.system_organ_class if term_found else None,
                "grade": row["grade"],
                "started_on": row["started_on"].isoformat(),
                "serious": row["serious"],
                "code": coded.code if coded else None,
                "coded_name": coded.name if coded else None,
                "problems": problems,
            }
        )
    return found


def _serious_values(who: str, one: SeriousEvent) -> dict[str, Any]:
    return {
        "participant": who,
        "term": one.term,
        "started_on": one.started_on.isoformat() if one.started_on else None,
        "grade": one.grade,
        "missing": list(one.missing),
        "reports": [_report_values(report) for report in one.reports],
        "expedited": {
            "verdict": one.expedited.verdict,
            "urgent": one.expedited.urgent,
            "because": one.expedited.because,
            "reports": [_report_values(report) for report in one.expedited.reports],
        }
        if one.expedited
        else None,
    }


def _report_values(report: SeriousReport) -> dict[str, Any]:
    return {
        "report": report.report,
        "recipient": report.recipient,
        "became_aware_at": report.became_aware_at.isoformat() if report.became_aware_at else None,
        "due_at": report.due_at.isoformat() if report.due_at else None,
        "sent_at": report.sent_at.isoformat() if report.sent_at else None,
        "state": report.state,
        "because": report.because,
    }


def _pregnancy_values(who: str, one: Pregnancy) -> dict[str, Any]:
    return {
        "participant": who,
        "whose": one.whose,
        "conceived_on": one.conceived_on.isoformat() if one.conceived_on else None,
        "exposure": one.exposure,
        "missing": list(one.missing),
        "report": _report_values(one.report),
    }


def _say(
    events: list[dict[str, Any]], serious: list[tuple[str, SeriousEvent]], unmatched: list[tuple[str, str]]
) -> None:
    odd = [one for one in events if one["problems"]]
    console.say(f"{len(events)} adverse events, {len(odd)} of them odd; {len(serious)} serious.")
    for one in odd:
        console.say(f"  {one['participant']}, line {one['line']}, {one['term']}: {'; '.join(one['problems'])}")
    for who, event in serious:
        console.say(f"{who}: {event.term}, grade {event.grade}, {event.started_on}", style="bold")
        for text in event.missing:
            console.say(f"  missing or contradictory: {text}")
        for report in event.reports:
            _say_report(report)
        if event.expedited:
            verdict = event.expedited.verdict.replace("_", " ")
            console.say(f"  to the authority within days: {verdict}; {event.expedited.because}")
            for report in event.expedited.reports:
                _say_report(report)
    for who, text in unmatched:
        console.say(f"{who}: {text}")


def _say_report(report: SeriousReport) -> None:
    state = report.state.replace("_", " ")
    kind = report.report.replace("_", " ")
    due = f"; due {report.due_at:%Y-%m-%d %H:%M}" if report.due_at and not report.sent_at else ""
    console.say(f"  {kind} to {report.recipient or 'nobody named'}: {state}; {report.because}{due}")


def _say_pregnancies(expected: list[tuple[str, Pregnancy]]) -> None:
    for who, one in expected:
        console.say(f"{who}: pregnancy of the {one.whose or 'person not named'}; {one.exposure}", style="bold")
        for text in one.missing:
            console.say(f"  missing or contradictory: {text}")
        state = one.report.state.replace("_", " ")
        console.say(f"  report to {one.report.recipient or 'nobody named'}: {state}; {one.report.because}")
