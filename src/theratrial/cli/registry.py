"""`theratrial registry check | show | import | export | diff | timing | owed | results`: a trial's registration."""

from __future__ import annotations

from collections import Counter
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from theratrial.cli import EXIT_ERROR, console
from theratrial.cli.registry_export import (
    Format,
    PageTongue,
    exported,
    refuse_idle_options,
    tell_addresses_in_words,
    to_standard_output,
)
from theratrial.cli.registry_results import ResultsFormat

if TYPE_CHECKING:
    from theratrial.registry.found import Finding, Sentence
    from theratrial.registry.imported import Imported
    from theratrial.registry.record import RegistrationRecord
    from theratrial.registry.words import Language

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Check, show and convert a registration record.")


class Tongue(StrEnum):
    """Language of words."""

    EN = "en"
    FA = "fa"


_FILE = typer.Argument(
    ...,
    metavar="FILE",
    help="A record: YAML, IRCT's page saved as text, HTML or PDF, ICTRP XML, ClinicalTrials.gov JSON; a trial folder; "
    "or the name of a shipped record.",
)
_JSON = typer.Option(False, "--json", help="Print values as JSON.")
_TODAY = typer.Option(None, "--today", metavar="DATE", help="Day on which it is judged, 2026-06-09; default: today.")
_LANGUAGE = typer.Option(Tongue.EN, "--language", help="Language of the words.")
_TRIAL = typer.Option("", "--trial", metavar="FOLDER", help="Compare with the records of this trial folder too.")
_CONTACTS = typer.Option(False, "--contacts", help="With names, telephones and e-mail addresses; left out by default.")
_FINDINGS = typer.Option(None, "--findings", metavar="OUT.jsonl", help="Of a dump: write every finding, one a line.")
_FIGURE = typer.Option(
    None, "--figure", metavar="OUT.svg", help="Of a dump: draw the counts of each rule (svg or png)."
)
_DRAFT = typer.Option(False, "--draft", help="Also results of data that are not locked; they are marked as a draft.")


def _imported(file: str, today: date) -> Imported:
    from theratrial.errors import InputError
    from theratrial.exchange.registry_files import MAXIMUM_BYTES, read_registry_file
    from theratrial.protocol.documents import suggestion
    from theratrial.registry.reader import shipped_registration_bytes, shipped_registration_names

    path = Path(file)
    if path.is_dir():
        path = path / "registration.yaml"
    if not path.exists():
        shipped = shipped_registration_names()
        if file in shipped:
            return read_registry_file(shipped_registration_bytes(file), f"{file}.yaml", today=today)
        remedy = suggestion(file, shipped)
        raise InputError(f"there is no file or folder '{path}', and no record of that name is shipped; {remedy}")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror or error}") from None
    return read_registry_file(content, str(path), today=today)


def _day(text: str | None) -> date:
    if text is None:
        return date.today()
    from theratrial.registry.dates import read_date

    return read_date(text, today=date.today()).gregorian


def _say(text: str) -> None:
    """Plain lines: rich alone would take longer than reading and checking a record."""
    typer.echo(console.harmless(text))


def _language(tongue: Tongue) -> Language:
    return "fa" if tongue is Tongue.FA else "en"


@app.command()
def check(
    file: str = _FILE,
    protocol: str = typer.Option("", "--protocol", metavar="FILE", help="Compare with this protocol too."),
    trial: str = _TRIAL,
    today: str | None = _TODAY,
    language: Tongue = _LANGUAGE,
    as_json: bool = _JSON,
    findings_file: Path | None = _FINDINGS,
    figure: Path | None = _FIGURE,
) -> None:
    """Tell what is wrong, missing, unlikely or overdue in a record, by rule and source.

    An ICTRP file of many trials (XML of either dialect, also .gz) is read trial by trial: counts of each rule at the
    end, trials that cannot be read named. Exit code 0: all was read and nothing is an error; 1: there is an error, or
    a trial or the file cannot be read; 2: wrong usage.
    """
    from theratrial.registry.check import check as checked
    from theratrial.registry.completeness import completeness

    day = _day(today)
    if _checked_as_dump(file, day, findings_file, figure, language, as_json=as_json, alone=not (protocol or trial)):
        return
    imported = _imported(file, day)
    plan, facts, history = None, None, None
    if trial:
        from theratrial.cli.registry_owed import facts_of, history_of, trial_folder

        folder = trial_folder(trial)
        plan, facts, history = folder.protocol, facts_of(folder, day), history_of(folder, imported.record)
    if protocol:
        from theratrial.cli.protocol import _load

        plan, _document = _load(protocol)
    record, unplaced = imported.record, imported.unplaced
    findings = checked(record, today=day, protocol=plan, facts=facts, history=history, unplaced=unplaced)
    score = completeness(imported.record, today=day)
    counts = Counter(finding.severity.value for finding in findings)
    if as_json:
        console.print_json(
            {
                "file": file,
                "format": imported.format,
                "today": day.isoformat(),
                "number": imported.record.registration.number,
                "counts": {severity: counts.get(severity, 0) for severity in ("error", "warning", "info")},
                "completeness": {"present": score.present, "applicable": score.applicable, "items": score.items},
                "findings": [_plain(finding) for finding in findings],
                "unplaced": imported.unplaced,
                "notes": imported.notes,
            }
        )
    else:
        _print_findings(findings, imported.record, _language(language))
        _print_unplaced(imported)
        _say(f"{imported.record.registration.number or file}: {_counted(counts, score.score, _language(language))}")
    if counts.get("error"):
        raise typer.Exit(EXIT_ERROR)


def _checked_as_dump(
    file: str, day: date, findings: Path | None, figure: Path | None, tongue: Tongue, *, as_json: bool, alone: bool
) -> bool:
    """Whether the file holds many trials; they are then checked."""
    from theratrial.cli.registry_dump import check_dump, is_dump
    from theratrial.errors import InputError

    path = Path(file)
    if not (is_dump(path) or (path.is_file() and (findings or figure))):
        return False
    if not alone:
        raise InputError(f"'{file}' holds many trials; --protocol and --trial compare with one record")
    if not check_dump(path, today=day, findings=findings, figure=figure, language=_language(tongue), as_json=as_json):
        raise typer.Exit(EXIT_ERROR)
    return True


def _counted(counts: Counter[str], score: Sentence, language: Language) -> str:
    if language == "fa":
        said = "، ".join(f"{counts.get(name, 0)} {words}" for name, words in _SEVERITIES.items())
        return f"{said}؛ {score.fa} بند مجموعه‌دادهٔ سازمان جهانی بهداشت"
    said = ", ".join(f"{counts.get(name, 0)} {name}" for name in _SEVERITIES)
    return f"{said}; {score.en} items of the WHO data set"


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "path": finding.path,
        "message": {"en": finding.message.en, "fa": finding.message.fa},
        "remedy": {"en": finding.remedy.en, "fa": finding.remedy.fa},
        "source": finding.source,
        "quotes": [{"text": one.text, "path": one.path, "source": one.source} for one in finding.quotes],
    }


_SEVERITIES = {"error": "خطا", "warning": "هشدار", "info": "آگاهی"}


def _print_findings(findings: tuple[Finding, ...], record: RegistrationRecord, language: Language) -> None:
    from theratrial.registry.fields import field_of, value_at
    from theratrial.registry.rules.quoting import shortened
    from theratrial.registry.shown import shown

    empty = "(خالی)" if language == "fa" else "(empty)"
    for finding in findings:
        message, remedy = (getattr(one, language) or one.en for one in (finding.message, finding.remedy))
        print_ = _say
        severity = _SEVERITIES[finding.severity.value] if language == "fa" else finding.severity.value
        print_(f"{severity}  {finding.rule}")
        print_(f"    {message}")
        for quote in finding.quotes:
            label, text = quote.source, quote.text
            if quote.path:
                field = field_of(quote.path)
                label = field.label(language)
                text = shown(field, value_at(record, quote.path), language) if field.kind == "code" else text
            words = " ".join(text.split())
            print_(f"      {label}: " + (f"“{shortened(words)}”" if words else empty))
        print_(f"    -> {remedy}")
        print_(f"    {finding.source}\n")


def _print_unplaced(imported: Imported) -> None:
    for one in imported.unplaced:
        meant = f"; probably {one.suggestion}" if one.suggestion else ""
        _say(f"not placed  {one.where}, {one.name}: '{one.value}' {one.why}{meant}")
    for note in imported.notes:
        _say(f"note  {note}")


@app.command()
def show(
    file: str = _FILE,
    today: str | None = _TODAY,
    language: Tongue = _LANGUAGE,
    as_json: bool = _JSON,
    contacts: bool = _CONTACTS,
) -> None:
    """Print a record field by field, in the order of the registry's page."""
    from theratrial.registry.fields import filled_fields, sections
    from theratrial.registry.people import public_record
    from theratrial.registry.shown import shown

    imported = _imported(file, _day(today))
    record = imported.record if contacts else public_record(imported.record)
    if as_json:
        console.print_json(record.model_dump(mode="json"))
        return
    titles = {one.name: one.title(_language(language)) for one in sections()}
    section = ""
    for one in filled_fields(record):
        if one.blank:
            continue
        if one.field.section != section:
            section = one.field.section
            _say(f"\n{titles[section]}")
        words = shown(one.field, one.value, _language(language))
        _say(f"  {one.field.label(_language(language))}: {words}")
    _print_unplaced(imported)


@app.command("import")
def import_(
    file: str = _FILE,
    out: Path = typer.Option(Path("registration.yaml"), "--out", help="File to write; it must not exist yet."),
    today: str | None = _TODAY,
    as_json: bool = _JSON,
) -> None:
    """Read a record in any format and write it as YAML; what found no place in it is listed."""
    from theratrial.registry.reader import registration_yaml

    imported = _imported(file, _day(today))
    _write(out, registration_yaml(imported.record).encode())
    if as_json:
        console.print_json(
            {"out": str(out), "format": imported.format, "unplaced": imported.unplaced, "notes": imported.notes}
        )
        return
    _print_unplaced(imported)
    left = f"{len(imported.unplaced)} piece(s) found no place" if imported.unplaced else "everything found its place"
    _say(f"{out}: read as {imported.format}; {left}")


@app.command()
def export(
    file: str = _FILE,
    to: Format = typer.Option(..., "--to", help="Format to write."),
    out: Path | None = typer.Option(None, "--out", help="File to write; default: standard output."),
    language: PageTongue | None = typer.Option(
        None, "--language", help="Of irct-html, irct-pdf and sheet-html; both: side by side. Default: en."
    ),
    earlier: str = typer.Option(
        "", "--earlier", metavar="FILE", help="For sheet-html: the registered version; what differs from it is marked."
    ),
    results: str = typer.Option(
        "", "--results", metavar="OUT", help="With the results in this folder, which `theratrial run --out OUT` wrote."
    ),
    draft: bool = _DRAFT,
    today: str | None = _TODAY,
    contacts: bool = _CONTACTS,
    as_json: bool = _JSON,
) -> None:
    """Write a record as page, as sheet, or for another registry; names and telephone numbers only with --contacts."""
    refuse_idle_options(to, language, earlier)
    day = _day(today)
    record = _imported(file, day).record
    before = _imported(earlier, day).record if earlier else None
    if results:
        from theratrial.cli.registry_results import exported_with_results

        content = exported_with_results(record, results, to.value, contacts=contacts, draft=draft)
    else:
        content = exported(record, to, language or PageTongue.EN, earlier=before, contacts=contacts)
    if not contacts:
        tell_addresses_in_words(record)
    if out is None:
        to_standard_output(content, to)
        return
    _write(out, content)
    if as_json:
        console.print_json({"out": str(out), "format": to.value, "bytes": len(content), "contacts": contacts})
    else:
        left_out = ", without people's names, telephone numbers and e-mail addresses"
        _say(f"{out}: written as {to.value}" + ("" if contacts else left_out))


def _write(path: Path, content: bytes) -> None:
    from theratrial.errors import InputError

    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise InputError(f"'{path}' exists already; give another --out or remove it") from None
    except OSError as error:
        raise InputError(f"'{path}' cannot be written: {error.strerror or error}") from None


@app.command()
def diff(
    first: str = _FILE,
    second: str = _FILE,
    today: str | None = _TODAY,
    language: Tongue = _LANGUAGE,
    as_json: bool = _JSON,
    contacts: bool = _CONTACTS,
) -> None:
    """Tell what differs between two records, field by field; of names and telephone numbers only that they differ."""
    from theratrial.cli.registry_export import WITHHELD
    from theratrial.registry.difference import difference
    from theratrial.registry.shown import shown_apart

    day = _day(today)
    changes = difference(_imported(first, day).record, _imported(second, day).record)
    hidden = WITHHELD[_language(language)]
    words = [
        (hidden if one.old is not None else "", hidden if one.new is not None else "")
        if one.field.personal and not contacts
        else shown_apart(one.field, one.old, one.new, _language(language))
        for one in changes
    ]
    if as_json:
        console.print_json(
            [
                {
                    "path": one.path,
                    "label": one.field.label(_language(language)),
                    "kind": one.kind,
                    "old": old,
                    "new": new,
                }
                for one, (old, new) in zip(changes, words, strict=True)
            ]
        )
        return
    for one, (old, new) in zip(changes, words, strict=True):
        _say(f"{one.kind}  {one.path} ({one.field.label(_language(language))})")
        for mark, value, said in (("-", one.old, old), ("+", one.new, new)):
            if value is not None:
                _say(f"    {mark} {said}")
    _say(f"{len(changes)} field(s) differ" if changes else "the records are the same")


@app.command()
def timing(file: str = _FILE, trial: str = _TRIAL, today: str | None = _TODAY, as_json: bool = _JSON) -> None:
    """Tell whether the trial was registered before its first enrolment, and on which days that rests."""
    from theratrial.registry.timing import registration_timing

    day, first = _day(today), None
    if trial:
        from theratrial.cli.registry_owed import facts_of, trial_folder
        from theratrial.registry.recruitment_state import day_of

        first = day_of(facts_of(trial_folder(trial), day).first_consent)
    found = registration_timing(_imported(file, day).record, first_enrolled=first)
    if as_json:
        console.print_json(found)
        return
    _say(f"{found.timing}{' (provisional)' if found.provisional else ''}: {found.because}")


@app.command()
def owed(
    file: str = _FILE,
    trial: str = typer.Option("", "--trial", metavar="FOLDER", help="Trial folder; default: FILE, where it is one."),
    today: str | None = _TODAY,
    language: Tongue = _LANGUAGE,
    write: Path | None = typer.Option(None, "--write", metavar="NEW.yaml", help="Write the updated record there."),
    reason: str = typer.Option("", "--reason", help="Reason for the update, in English; default: the draft."),
    reason_fa: str = typer.Option("", "--reason-fa", help="The same in Persian."),
    as_json: bool = _JSON,
) -> None:
    """Tell what a record owes to its trial: what to change and why, what is due; 1 while something is owed."""
    from theratrial.cli import registry_owed as said
    from theratrial.errors import InputError
    from theratrial.registry.conscience import owed as what_is_owed
    from theratrial.registry.conscience import updated
    from theratrial.registry.reader import registration_yaml
    from theratrial.registry.words import Text

    if not trial and not Path(file).is_dir():
        raise InputError(f"'{file}' is no trial folder; say with --trial FOLDER where the trial's records are")
    day = _day(today)
    imported, folder = _imported(file, day), said.trial_folder(trial or file)
    record = imported.record
    history, facts = said.history_of(folder, record), said.facts_of(folder, day)
    found = what_is_owed(record, facts, today=day, history=history, protocol=folder.protocol)
    number, tongue = record.registration.number or file, _language(language)
    if write is not None and not found.proposals:
        raise InputError(f"the data propose no change of {number}, so '{write}' was not written")
    if as_json:
        console.print_json(said.owed_as_json(found, number, day, simulated=folder.simulated))
    else:
        said.print_owed(found, number, day, tongue, simulated=folder.simulated)
        _print_unplaced(imported)
    if write is None:
        if found.proposals and not as_json:
            said.how_to_write(tongue)
        said.leave(found)
        return
    given = Text(
        en=reason or ("" if reason_fa else found.reason.en), fa=reason_fa or ("" if reason else found.reason.fa)
    )
    _write(write, registration_yaml(updated(record, found.proposals, given)).encode())
    if not as_json:
        said.written(write, len(found.proposals), tongue)


@app.command()
def results(
    folder: str = typer.Argument(..., metavar="OUT", help="Folder that `theratrial run --out OUT` wrote."),
    record: str = typer.Option("", "--record", metavar="FILE", help="The record; default: that of the trial folder."),
    to: ResultsFormat | None = typer.Option(None, "--to", help="Write them so; default: show them."),
    out: Path | None = typer.Option(None, "--out", help="File to write; default: standard output."),
    draft: bool = _DRAFT,
    today: str | None = _TODAY,
    language: Tongue = _LANGUAGE,
    contacts: bool = _CONTACTS,
    as_json: bool = _JSON,
) -> None:
    """Tell what registries are told of a run, and which outcomes are not as registered; or write it for them."""
    from theratrial.cli import registry_results as said
    from theratrial.errors import InputError

    day, tongue = _day(today), _language(language)
    if out is not None and to is None:
        raise InputError("--out needs a format; say with --to what to write")
    if language is not Tongue.EN and to in (ResultsFormat.CTGOV_JSON, ResultsFormat.YAML):
        raise InputError(f"{to.value} has no choice of language; leave --language out")
    registered = _imported(record or said.record_beside(folder), day).record
    reported = said.reported_for(folder, registered, draft=draft or to is None)
    if to is None:
        if as_json:
            console.print_json(said.results_tree(reported, registered))
        else:
            said.say_lines(said.shown_results(reported, registered, tongue))
        return
    content = said.written_results(reported, registered, to, tongue, contacts=contacts, draft=draft)
    if out is None:
        typer.echo(content, nl=False)
        return
    _write(out, content)
    if as_json:
        console.print_json({"out": str(out), "format": to.value, "bytes": len(content), "locked": reported.locked})
    else:
        _say(f"{out}: written as {to.value}" + ("" if reported.locked else ", marked as a draft"))
