"""`theratrial grade`: CTCAE grade of a laboratory value, or of a file of them, under one version or both."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theratrial.cli import console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.safety.sample_tables import SampleLine
    from theratrial.safety.term_grades import TermGrade

_VERSIONS = {"5": "5.0", "5.0": "5.0", "6": "6.0", "6.0": "6.0"}
_COLUMNS = ("line", "subject", "date", "test", "ctcae", "term", "grade", "at_least", "at_most", "why")


def grade(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV with the columns test, value, unit and any of subject, date, lower_limit, upper_limit, baseline, "
            "limit_unit, baseline_unit, symptomatic, fasting, cardiac_finding, new_reduction (yes or no).",
            metavar="[FILE.csv]",
        ),
    ] = None,
    ctcae: Annotated[
        list[str] | None, typer.Option(help="5 or 6; repeat it for both, which is also what happens without it.")
    ] = None,
    test: Annotated[str, typer.Option(help="platelets, creatinine, ALT, LVEF ...")] = "",
    value: Annotated[float | None, typer.Option(help="As reported.")] = None,
    unit: Annotated[str, typer.Option(help="As reported: 10^9/L, umol/L, mg/dL, U/L, %.")] = "",
    lln: Annotated[float | None, typer.Option(help="The laboratory's lower limit of normal.")] = None,
    uln: Annotated[float | None, typer.Option(help="The laboratory's upper limit of normal.")] = None,
    baseline: Annotated[float | None, typer.Option(help="The patient's value before treatment.")] = None,
    limit_unit: Annotated[str, typer.Option(help="Unit of the limits, if not that of the value.")] = "",
    baseline_unit: Annotated[str, typer.Option(help="Unit of the baseline, if not that of the value.")] = "",
    symptomatic: Annotated[bool | None, typer.Option("--symptomatic/--asymptomatic")] = None,
    fasting: Annotated[bool | None, typer.Option("--fasting/--not-fasting")] = None,
    cardiac_finding: Annotated[
        bool | None,
        typer.Option(
            "--cardiac-finding/--no-cardiac-finding",
            help="A fall of longitudinal strain by more than 15 %, or a rise of a cardiac biomarker.",
        ),
    ] = None,
    new_reduction: Annotated[
        bool | None,
        typer.Option("--new-reduction/--no-new-reduction", help="Of an ejection fraction that began below 40 %."),
    ] = None,
    differences: Annotated[
        bool, typer.Option("--differences", help="Of a file: only what version 6.0 grades otherwise than 5.0.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print lines of CSV.")] = False,
) -> None:
    """Grade laboratory values by CTCAE 5.0 and 6.0: the value alone, what it rests on, and what is missing.

    A grade that a limit or the baseline leaves open is said as such, with the grades that are possible. One value that
    cannot be graded at all (no number, a wrong unit, limits swapped) ends with exit code 1; a file tells it by line.
    """
    from theratrial.safety.sample_tables import SampleLine, test_called
    from theratrial.safety.samples import Sample

    versions = _versions(ctcae or ["5", "6"])
    single = (test, value, unit, lln, uln, baseline, limit_unit, baseline_unit)
    stated = {
        "symptomatic": symptomatic,
        "fasting": fasting,
        "cardiac_finding": cardiac_finding,
        "new_reduction": new_reduction,
    }
    if file is not None:
        if any(given not in ("", None) for given in (*single, *stated.values())):
            raise InputError("give a file or one value, not both; in a file limits and facts are columns")
        lines: Sequence[SampleLine] = _read(file)
    elif not test or value is None or not unit:
        raise InputError("one value needs --test, --value and --unit (--test platelets --value 49 --unit 10^9/L)")
    else:
        facts = {name: known for name, known in stated.items() if known is not None}
        sample = Sample(value, unit, lln, uln, baseline, limit_unit, baseline_unit, facts)
        lines = [SampleLine(0, "", "", test_called(test), sample)]
    if differences:
        if file is None or ctcae or as_csv:
            raise InputError("--differences compares both versions on a file, in words or with --json")
        _show_differences(lines, as_json=as_json)
        return
    _show(lines, versions, is_file=file is not None, as_json=as_json, as_csv=as_csv)


def _versions(given: Sequence[str]) -> tuple[str, ...]:
    if odd := [version for version in given if version not in _VERSIONS]:
        raise InputError(f"--ctcae is 5 or 6, got {', '.join(map(repr, odd))}")
    return tuple(dict.fromkeys(_VERSIONS[version] for version in given))


def _read(file: Path) -> tuple[SampleLine, ...]:
    from theratrial.safety.sample_tables import samples_from_csv

    try:
        return samples_from_csv(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {file}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def _show(lines: Sequence[SampleLine], versions: Sequence[str], *, is_file: bool, as_json: bool, as_csv: bool) -> None:
    if as_csv and is_file:
        _print_csv(lines, versions)
        return
    # Files repeat themselves: 80 000 lines of a laboratory hold some thousand different values.
    seen: dict[tuple[Any, ...], tuple[TermGrade, ...]] = {}
    found = [(line, one) for line in lines for version in versions for one in _explained(line, version, seen)]
    if as_json:
        console.print_json({"lab_only": True, "grades": [_values(line, one, is_file=is_file) for line, one in found]})
    elif as_csv:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows([_no_formula(_cells(line, one)[name]) for name in _COLUMNS] for line, one in found)
        console.say(out.getvalue().rstrip("\n"))
    elif is_file:
        columns = ("line", "subject", "date", "ctcae", "term", "grade", "why")
        console.print_table(columns, [[_shown(line, one)[name] for name in columns] for line, one in found])
    else:
        for _, one in found:
            _say(one)
    # One value that no version can grade at all: a script must see it.
    refused = not is_file and all(one.at_most is None for _, one in found)
    if not as_json and not refused:
        console.note(
            "By the laboratory value alone: what a clinician adds (transfusion, symptoms, death) is not in it."
        )
    if refused:
        raise typer.Exit(1)


def _explained(
    line: SampleLine, version: str, seen: dict[tuple[Any, ...], tuple[TermGrade, ...]]
) -> tuple[TermGrade, ...]:
    """The grades of a line with their reasons, taken from `seen` where the same value was graded before."""
    from theratrial.safety.term_grades import term_grades

    of = line.sample
    limits = (of.lower_limit, of.upper_limit, of.baseline, of.limit_unit, of.baseline_unit)
    key = (version, line.test, of.value, of.unit, *limits, tuple(sorted(of.facts.items())))
    if key not in seen:
        seen[key] = term_grades(line.test, of, version)
    return seen[key]


def _print_csv(lines: Sequence[SampleLine], versions: Sequence[str]) -> None:
    """Grades of a file as CSV, by arrays; `why` stands where there is no grade."""
    from theratrial.safety.line_grades import line_grades

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(
        (
            of.line.line,
            _no_formula(of.line.subject),
            _no_formula(of.line.date),
            of.line.test,
            of.ctcae_version,
            of.term,
            of.grade,
            of.at_least,
            of.at_most,
            of.why,
        )
        for of in line_grades(lines, versions)
    )
    typer.echo(console.harmless(out.getvalue()), nl=False)
    console.note("By the laboratory value alone: what a clinician adds (transfusion, symptoms, death) is not in it.")


def _show_differences(lines: Sequence[SampleLine], *, as_json: bool) -> None:
    from theratrial.safety.version_impact import PatientSample, version_impact

    found = version_impact(PatientSample(one.subject, one.test, one.sample, None, str(one.line)) for one in lines)
    rows = [
        {
            "line": int(one.of.record),
            "subject": one.of.patient,
            "test": one.of.test,
            "direction": one.direction,
            **{
                f"ctcae_{version}": "no term" if graded is None else _grade_text(graded)
                for version, graded in zip(found.versions, (one.first, one.second), strict=True)
            },
        }
        for one in found.grades
    ]
    if as_json:
        worst = [
            {"subject": one.patient, "test": one.test, "direction": one.direction}
            | dict(zip((f"ctcae_{version}" for version in found.versions), (one.first, one.second), strict=True))
            for one in found.worst
        ]
        subjects = found.patients_affected
        console.print_json({"values": found.values, "subjects": subjects, "worst_grades": worst, "grades": rows})
        return
    if rows:
        console.print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    console.say(
        f"{len(rows)} grades of {found.values} values differ between version {' and '.join(found.versions)}, "
        f"in {len(found.patients_affected)} of {len(found.patients)} subjects."
    )


def _say(one: TermGrade) -> None:
    console.say(f"CTCAE {one.ctcae_version}  {_grade_text(one)}  {one.why}", style="bold" if one.grade else "")
    if one.clinician and one.at_most:
        console.say(f"  a clinician may add: {one.clinician}")


def _grade_text(one: TermGrade) -> str:
    if one.grade is not None:
        return f"grade {one.grade}"
    return "no grade" if one.at_most is None else f"open, grade {one.at_least} to {one.at_most}"


def _cells(line: SampleLine, one: TermGrade) -> dict[str, Any]:
    return {
        "line": line.line,
        "subject": line.subject,
        "date": line.date,
        "test": line.test,
        "ctcae": one.ctcae_version,
        "term": one.term,
        "grade": one.grade,
        "at_least": one.at_least,
        "at_most": one.at_most,
        "why": one.why,
    }


def _no_formula(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: subjects and dates are what a file says."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell


def _shown(line: SampleLine, one: TermGrade) -> dict[str, Any]:
    return _cells(line, one) | {"grade": _grade_text(one)}


def _values(line: SampleLine, one: TermGrade, *, is_file: bool) -> dict[str, Any]:
    cells = _cells(line, one)
    if not is_file:
        cells = {name: cell for name, cell in cells.items() if name not in ("line", "subject", "date")}
    return cells | {
        "missing": one.missing,
        "printed": one.printed,
        "clinician": one.clinician,
        "lab_only": one.lab_only,
        "table_edition": one.table_edition,
        "trace": one.trace.as_dict(),
    }
