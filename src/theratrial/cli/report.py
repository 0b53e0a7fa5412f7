"""`theratrial report`: the documents of the trial."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from theratrial.cli import console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.report.study.inputs import PlanInputs, StudyInputs
    from theratrial.report.study.state import DocumentKind
    from theratrial.report.study.voice import DocumentLanguage

app = typer.Typer(
    no_args_is_help=True,
    help="Clinical study report, statistical analysis plan and data-safety report, as HTML and PDF.",
)

_FOLDER = typer.Argument(help="Trial folder, or what `theratrial run --out` wrote of it (nothing is computed twice).")
_LANGUAGE = typer.Option("en", "--language", help="en or fa.")
_CUT_OFF = typer.Option(None, "--cut-off", help="Day (YYYY-MM-DD) after which no record exists for the document.")
_OUT = typer.Option(Path("."), "--out", help="Folder for the HTML and the PDF.")
_DRAFT = typer.Option(False, "--draft", help="Say DRAFT although the data are locked; data that are not say it anyway.")
_PDF = typer.Option(True, help="Also write the PDF, where Pango is installed.")
_WORKERS = typer.Option(1, "--workers", min=1, help="Processes, where the trial has to be computed.")
_JSON = typer.Option(False, "--json", help="Print paths and state as JSON.")


@app.command("csr")
def csr(
    folder: Path = _FOLDER,
    language: str = _LANGUAGE,
    cut_off: str = _CUT_OFF,
    out: Path = _OUT,
    draft: bool = _DRAFT,
    pdf: bool = _PDF,
    workers: int = _WORKERS,
    as_json: bool = _JSON,
) -> None:
    """Write the clinical study report in the order of ICH E3."""
    spoken = _language(language)
    _written("csr", _inputs(folder, cut_off, draft, workers), spoken, out, pdf, as_json)


@app.command("sap")
def sap(
    folder: Path = typer.Argument(help="Trial folder, or a protocol.yaml; no record is read."),
    language: str = _LANGUAGE,
    out: Path = _OUT,
    draft: bool = _DRAFT,
    pdf: bool = _PDF,
    as_json: bool = _JSON,
) -> None:
    """Write the statistical analysis plan, from the protocol alone."""
    _written("sap", _plan_inputs(folder, draft), _language(language), out, pdf, as_json)


@app.command("protocol")
def protocol_document(
    folder: Path = typer.Argument(help="Trial folder, or a protocol.yaml; no record is read."),
    language: str = _LANGUAGE,
    out: Path = _OUT,
    draft: bool = _DRAFT,
    pdf: bool = _PDF,
    as_json: bool = _JSON,
) -> None:
    """Write the protocol as a document in the order of ICH M11, from protocol and registration record."""
    _written("m11", _plan_inputs(folder, draft), _language(language), out, pdf, as_json)


def _plan_inputs(folder: Path, draft: bool) -> PlanInputs:
    from theratrial.pipeline.study_documents import plan_inputs
    from theratrial.protocol.reader import parse_protocol
    from theratrial.registry.reader import parse_registration

    place = folder / "protocol.yaml" if folder.is_dir() else folder
    if not place.is_file():
        raise InputError(f"{place}: no protocol here -> give a trial folder or a protocol file")
    beside = place.with_name("registration.yaml")
    record = parse_registration(beside.read_bytes(), beside.name) if beside.is_file() else None
    return plan_inputs(parse_protocol(place.read_bytes(), place.name), record, draft=draft)


@app.command("safety")
def safety(
    folder: Path = _FOLDER,
    language: str = _LANGUAGE,
    cut_off: str = _CUT_OFF,
    out: Path = _OUT,
    draft: bool = _DRAFT,
    pdf: bool = _PDF,
    workers: int = _WORKERS,
    as_json: bool = _JSON,
) -> None:
    """Write the data-safety report for a monitoring board."""
    spoken = _language(language)
    _written("safety", _inputs(folder, cut_off, draft, workers), spoken, out, pdf, as_json)


def _language(text: str) -> DocumentLanguage:
    if text == "en":
        return "en"
    if text == "fa":
        return "fa"
    raise InputError(f"--language {text!r} is not known; documents are written in en and fa")


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError(f"--cut-off {text!r} is not a day -> write it Gregorian, as 2022-03-05") from None


def _inputs(path: Path, cut_off: str | None, draft: bool, workers: int) -> StudyInputs:
    from theratrial.pipeline.study_documents import opened, study_inputs, study_inputs_as_of
    from theratrial.pipeline.trial import steps, trial_run

    day = _day(cut_off) if cut_off is not None else None
    folder, result = opened(path)
    if result is not None and day is None:
        return study_inputs(folder, result, draft=draft)
    with console.progress(f"Running {folder.path.name}", total=steps(folder)) as progress:
        if day is not None:
            return study_inputs_as_of(folder, day, draft=draft, workers=workers, advance=progress.advance)
        done = trial_run(folder.path, workers=workers, advance=progress.advance, folder=folder)
    return study_inputs(folder, done.result, draft=draft)


def _written(
    kind: DocumentKind,
    inputs: StudyInputs | PlanInputs,
    language: DocumentLanguage,
    out: Path,
    pdf: bool,
    as_json: bool,
) -> None:
    from theratrial.report.study.inputs import StudyInputs
    from theratrial.report.study.make import document, voice_of
    from theratrial.report.study.render import page, pdf_written
    from theratrial.web.sentences.matching import said  # knows no Django: the table of the core's sentences

    protocol = inputs.folder.protocol if isinstance(inputs, StudyInputs) else inputs.protocol
    voice = voice_of(protocol, language, lambda text: said(text, jalali=True, words=str).text)
    made = document(kind, inputs, voice)
    out.mkdir(parents=True, exist_ok=True)
    name = f"{inputs.state.trial_id}-{kind}-{language}"
    html = page(made, voice)
    place = out / f"{name}.html"
    place.write_text(html, encoding="utf-8")
    because = pdf_written(made, voice, out / f"{name}.pdf") if pdf else "not asked for"
    final = "no clause open" if kind in ("sap", "m11") else "locked"
    standing = "DRAFT" if inputs.state.draft else final
    if as_json:
        paths = {"html": str(place), "pdf": "" if because else str(out / f"{name}.pdf")}
        console.print_json({**paths, "state": standing, "source": inputs.state.source})
        return
    if pdf and because:
        console.note(f"No PDF: {because}. The HTML page prints as well.")
    console.say(f"{made.title} ({standing}): {place}")
