"""`theratrial protocol check FILE` and `show FILE`: what hinders a protocol, and how it is read."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from theratrial.cli import EXIT_ERROR, console
from theratrial.cli.export_usdm import from_usdm

if TYPE_CHECKING:
    from theratrial.protocol.documents import Document
    from theratrial.protocol.findings import Finding
    from theratrial.protocol.schema import Protocol

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Check or show a protocol and its open conflicts.")

_FILE = typer.Argument(
    ..., metavar="FILE", help="A protocol file, a trial folder with protocol.yaml, or the name of a shipped protocol."
)
_JSON = typer.Option(False, "--json", help="Print values as JSON.")
_WIDEST = 100


def _load(file: str) -> tuple[Protocol, Document]:
    from theratrial.errors import InputError
    from theratrial.protocol.documents import parse_document, read_document, suggestion
    from theratrial.protocol.reader import shipped_protocol_bytes, shipped_protocol_names, unchecked_protocol

    path = Path(file)
    shipped = shipped_protocol_names()
    if path.is_dir():
        document = read_document(path / "protocol.yaml")
    elif path.exists():
        document = read_document(path)
    elif file in shipped:
        document = parse_document(shipped_protocol_bytes(file), f"{file}.yaml")
    else:
        remedy = suggestion(file, shipped)
        raise InputError(f"there is no file or folder '{path}', and no protocol of that name is shipped; {remedy}")
    return unchecked_protocol(document), document


def _surroundings() -> Any:
    from theratrial.dosimetry.population.prior import prior_names
    from theratrial.dosimetry.transport.s_value_files import shipped_s_values
    from theratrial.protocol.findings import Surroundings
    from theratrial.reference import table
    from theratrial.safety.terms import terms
    from theratrial.trialfolder.tables import TABLES

    columns = {table.name: {column.name: column.type for column in table.columns} for table in TABLES}
    tests = {version: frozenset(terms(version)) for version in ("5.0", "6.0")}
    phantoms = {name: frozenset(shipped_s_values(name, "Lu-177").masses_g) for name in ("adult_female", "adult_male")}
    limits = frozenset(row.text("limit") for row in table("safety/release_criteria"))
    constraints = frozenset(row.text("constraints") for row in table("safety/dose_constraints"))
    events = {
        version: frozenset(row.text("term") for row in table(f"safety/ctcae_v{version.replace('.', '_')}_events"))
        for version in ("5.0", "6.0")
    }
    return Surroundings(columns, tests, phantoms, frozenset(prior_names()), limits, constraints, events)


@app.command()
def check(file: str = _FILE, as_json: bool = _JSON) -> None:
    """Tell errors, open conflicts with the sentences that clash, and what is only assumed; 1 while one is open."""
    from theratrial.protocol.check import protocol_findings

    protocol, document = _load(file)
    findings = protocol_findings(protocol, _surroundings())
    count: dict[str, int] = defaultdict(int)
    for finding in findings:
        count[finding.severity.value] += 1
    runnable = not count["error"]
    decided = not count["error"] and not count["open"]
    if as_json:
        console.print_json(
            {
                "file": document.name,
                "trial_id": protocol.identity.reading.trial_id if protocol.identity.reading else None,
                "can_run": runnable,
                "every_conflict_answered": decided,
                "may_start_a_real_trial": decided and not count["demonstration"],
                "counts": dict(sorted(count.items())),
                "findings": [_finding_values(finding, document) for finding in findings],
            }
        )
    else:
        _print_findings(protocol, document, findings)
        _print_verdict(count)
    if not decided:
        raise typer.Exit(EXIT_ERROR)


def _finding_values(finding: Finding, document: Document) -> dict[str, Any]:
    from theratrial.protocol.reader import path_key

    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "path": finding.path,
        "line": document.line(path_key(finding.path)),
        "message": finding.message,
        "remedy": finding.remedy,
        "sentences": [{"text": sentence.text, "where": sentence.where} for sentence in finding.sentences],
    }


def _print_findings(protocol: Protocol, document: Document, findings: tuple[Finding, ...]) -> None:
    from theratrial.protocol.reader import located

    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule if finding.severity in ("open", "demonstration") else finding.severity].append(finding)
    for severity, heading in (("error", "Errors: the protocol cannot be run"), ("warning", "Worth a second look")):
        if by_rule[severity]:
            _heading(heading, len(by_rule[severity]))
            for finding in by_rule[severity]:
                _text(f"- {located(finding, document)} [{finding.rule}]", "", "  ")
    for rule, heading, answered in (
        ("open_conflict", "Open: nobody decided", False),
        ("demonstration_conflict", "Answered for the demonstration only", True),
    ):
        if by_rule[rule]:
            _heading(heading, len(by_rule[rule]))
            for number, finding in enumerate(by_rule[rule], 1):
                _print_conflict(protocol, document, finding, number, answered)
    if by_rule["open_clause"] or by_rule["no_ethics_approval"]:
        _heading("Open clauses", len(by_rule["open_clause"] + by_rule["no_ethics_approval"]))
        for finding in by_rule["open_clause"] + by_rule["no_ethics_approval"]:
            _text(f"- {located(finding, document)}", "", "  ")
            _print_sentences(finding.sentences)
    if by_rule["demonstration_clause"]:
        _heading("Clauses whose reading is assumed for the demonstration", len(by_rule["demonstration_clause"]))
        for message, paths in _grouped(by_rule["demonstration_clause"]).items():
            _text(f"- {', '.join(paths)}: {message}", "", "  ")


def _grouped(findings: list[Finding]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        grouped[finding.message].append(finding.path)
    return grouped


def _print_conflict(protocol: Protocol, document: Document, finding: Finding, number: int, answered: bool) -> None:
    from theratrial.protocol.reader import path_key

    conflict = protocol.conflicts[int(path_key(finding.path)[1])]
    line = document.line(path_key(finding.path))
    console.say("")
    _text(f"{number}. {conflict.title}", "", "   ", style="bold")
    _text(f"{conflict.kind.value}, {conflict.id}, line {line}", "   ", "   ", style="dim")
    _print_sentences(conflict.sentences)
    _text(f"Question: {conflict.question}", "   ", "   ")
    if answered:
        _text(f"Assumed: {conflict.answer}", "   ", "   ", style="yellow")
        _text(f"Because: {conflict.decision.why}", "   ", "   ")
    _text(f"Affects: {', '.join(conflict.affects)}", "   ", "   ")


def _print_sentences(sentences: tuple[Any, ...]) -> None:
    for sentence in sentences:
        _text(f"“{sentence.text}” ({sentence.where})", "   | ", "   | ")


def _heading(text: str, count: int) -> None:
    console.say("")
    console.say(f"{text} ({count})", style="bold underline")


def _text(text: str, first: str, rest: str, *, style: str = "") -> None:
    import shutil
    import textwrap

    width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    options: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}
    console.say(
        textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, **options) or first, style=style
    )


def _print_verdict(count: dict[str, int]) -> None:
    console.say("")
    if count["error"]:
        _text(f"{count['error']} error(s): the protocol cannot be run.", "", "", style="bold red")
    if count["open"]:
        _text(f"{count['open']} open: the trial must not start until they are decided.", "", "", style="bold red")
    if count["error"] or count["open"]:
        return
    if count["demonstration"]:
        message = (
            "No conflict is left open, and a demonstration can run. But "
            f"{count['demonstration']} answers are theratrial's assumptions: they do not allow a real trial to start. "
            "Each must first be decided by those responsible (decision: decided, by, on, why)."
        )
        _text(message, "", "", style="bold yellow")
    else:
        _text("No conflict is open, and nothing rests on an assumption.", "", "", style="bold green")


@app.command()
def show(
    file: str = _FILE,
    clause: str = typer.Argument("", help="Path of a clause or group, like eligibility.age; all if not given."),
    as_json: bool = _JSON,
) -> None:
    """Show the protocol: registered text, its reading and the decision, clause by clause."""
    from theratrial.errors import InputError
    from theratrial.protocol.documents import suggestion
    from theratrial.protocol.findings import clauses

    protocol, _ = _load(file)
    shown = [(path, one) for path, one in clauses(protocol) if not clause or path == clause or _within(path, clause)]
    conflicts = [one for one in protocol.conflicts if not clause or clause in ("conflicts", f"conflicts.{one.id}")]
    variables = [one for one in protocol.variables if not clause or clause in ("variables", f"variables.{one.id}")]
    if not shown and not conflicts and not variables:
        known = [path for path, _ in clauses(protocol)] + [f"conflicts.{one.id}" for one in protocol.conflicts]
        known += [f"variables.{one.id}" for one in protocol.variables] + ["conflicts", "variables"]
        raise InputError(f"the protocol has no clause '{clause}'; {suggestion(clause, tuple(known))}")
    if as_json:
        values: dict[str, Any] = {path: one.model_dump(mode="json") for path, one in shown}
        if variables:
            values["variables"] = [one.model_dump(mode="json") for one in variables]
        if conflicts:
            values["conflicts"] = [one.model_dump(mode="json") for one in conflicts]
        console.print_json(values)
        return
    for path, one in shown:
        _print_clause(path, one, protocol)
    for variable in variables:
        where = "".join(f", {key} = {value}" for key, value in variable.where.items())
        age = f", at most {variable.maximum_age_days:g} d old" if variable.maximum_age_days else ""
        unit = f" [{variable.unit}]" if variable.unit else ""
        text = f"variables.{variable.id}{unit}: {variable.label}; {variable.pick} of {variable.table}.{variable.column}"
        _text(text + where + age, "", "  ")
    for conflict in conflicts:
        console.say("")
        _text(f"conflicts.{conflict.id}: {conflict.title} ({conflict.kind.value})", "", "  ", style="bold")
        _print_sentences(conflict.sentences)
        _text(f"Question: {conflict.question}", "   ", "   ")
        if conflict.answer:
            _text(f"Answer ({conflict.decision.status.value}): {conflict.answer}", "   ", "   ", style="yellow")
            _text(f"Because: {conflict.decision.why}", "   ", "   ")


def _within(path: str, group: str) -> bool:
    return path.startswith((f"{group}.", f"{group}["))


def _print_clause(path: str, clause: Any, protocol: Protocol) -> None:
    from rich.table import Table
    from rich.text import Text

    status = clause.decision.status.value
    stdout = console.stdout_console()
    stdout.width = min(_WIDEST, stdout.width) if stdout.is_terminal else _WIDEST
    table = Table(title=Text(path, style="bold"), title_justify="left", expand=True, show_lines=False)
    for heading, ratio in (("verbatim", 4), ("reading", 5), ("decision", 3)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    verbatim = "\n\n".join(f"“{sentence.text}”\n({sentence.where})" for sentence in clause.verbatim)
    reading = "\n".join(_lines(clause.reading.model_dump(mode="json"))) if clause.reading is not None else "none"
    decision = status.replace("_", " ")
    if clause.decision.by:
        decision += f" by {clause.decision.by} on {clause.decision.on}"
    if clause.decision.why:
        decision += f"\n{clause.decision.why}"
    related = [one.id for one in protocol.conflicts if any(path == at or _within(path, at) for at in one.affects)]
    style = {"open": "red", "demonstration": "yellow", "decided": "green"}.get(status, "")
    cells = (verbatim or "(the text is silent)", reading, decision)
    styles = ("" if verbatim else "dim", "", style)
    texts = [Text(console.harmless(cell), style=one) for cell, one in zip(cells, styles, strict=True)]
    table.add_row(*texts)
    stdout.print(table, soft_wrap=False)
    if related:
        _text(f"conflicts: {', '.join(related)}", "  ", "  ")
    console.say("")


def _lines(value: Any, indent: str = "") -> list[str]:
    """A reading as indented lines; what is empty is left out."""
    lines: list[str] = []
    for key, entry in value.items():
        if entry in (None, "", [], {}):
            continue
        if isinstance(entry, dict) and set(entry) == {"minimum", "maximum"}:
            lines.append(f"{indent}{key}: {entry['minimum']:g} to {entry['maximum']:g}")
        elif isinstance(entry, dict):
            lines += [f"{indent}{key}:", *_lines(entry, indent + "  ")]
        elif isinstance(entry, list) and isinstance(entry[0], dict):
            lines.append(f"{indent}{key}:")
            lines += [f"{indent}- {_short(one)}" for one in entry]
        elif isinstance(entry, list):
            lines.append(f"{indent}{key}: {', '.join(str(one) for one in entry)}")
        else:
            lines.append(f"{indent}{key}: {_word(entry)}")
    return lines


def _short(entry: dict[str, Any]) -> str:
    if "label" not in entry:
        return ", ".join(f"{key} {_word(value)}" for key, value in entry.items() if value not in (None, "", [], {}))
    unit = f" [{entry['unit']}]" if entry.get("unit") else ""
    choices = f": {' | '.join(entry['choices'])}" if entry.get("choices") else ""
    return f"{entry['id']}{unit} ({entry['type']}{choices})" + ("" if entry.get("required", True) else ", optional")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


app.command("from-usdm")(from_usdm)
