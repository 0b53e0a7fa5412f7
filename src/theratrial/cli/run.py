"""`theratrial run` and `theratrial verify`."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.results.values import TrialResult


def _default_workers() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def run(
    folder: Path = typer.Argument(help="Trial folder: protocol.yaml, records/, images/."),
    out: Path = typer.Option(..., "--out", help="Folder for report.html, results.json and figures."),
    workers: int = typer.Option(0, "--workers", min=0, help="Processes; 0 means one for each core."),
    force: bool = typer.Option(False, "--force", help="Compute again even if the result there is up to date."),
    pdf: bool = typer.Option(True, help="Also write report.pdf, where Pango is installed."),
    dosimetry_pdf: bool = typer.Option(
        False, "--dosimetry-pdf", help="Also write each participant's dosimetry page as PDF; some seconds each."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the endpoint and the paths as JSON."),
) -> None:
    """Run a trial folder to its result and report."""
    from theratrial.pipeline.manifest import folder_files, input_files, manifest_hash
    from theratrial.pipeline.outputs import RESULTS, check_place, has_dosimetry_pdfs, is_current, write_outputs
    from theratrial.pipeline.trial import steps, trial_run
    from theratrial.results.plain import plain, read_results
    from theratrial.trialfolder import read_folder

    check_place(out, folder)
    trial = read_folder(folder)
    if not force and (out / RESULTS).is_file():
        inputs = manifest_hash(input_files(trial.path, folder_files(trial.path)))
        if is_current(out, trial.path, inputs) and (not dosimetry_pdf or has_dosimetry_pdfs(out)):
            console.note("The result there is up to date; --force computes it again.")
            _show(read_results(out / RESULTS), out, as_json)
            return
    with console.progress(f"Running {trial.path.name}", total=steps(trial) + 1) as progress:
        done = trial_run(trial.path, workers=workers or _default_workers(), advance=progress.advance, folder=trial)
        without_pdf_because = write_outputs(done, out, trial.path, pdf=pdf, dosimetry_pdf=dosimetry_pdf)
        progress.advance("report")
    _tell_notes(done.result)
    if (pdf or dosimetry_pdf) and without_pdf_because:
        console.note(f"No PDF: {without_pdf_because}. The HTML page prints as well.")
    _show(plain(done.result), out, as_json)


def _tell_notes(result: TrialResult) -> None:
    counts = {
        severity: sum(note.severity == severity for note in result.notes) for severity in ("deviation", "warning")
    }
    said = [f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    if said:
        console.note(f"{' and '.join(said)} are listed in the report.")
    if result.open_conflicts:
        count = len(result.open_conflicts)
        what = "1 clause of the protocol is" if count == 1 else f"{count} clauses of the protocol are"
        console.warn(f"{what} open: this result cannot be used.")


def _show(results: dict[str, Any], out: Path, as_json: bool) -> None:
    from theratrial.pipeline.outputs import REPORT, RESULTS

    endpoint = results["endpoint"]
    if as_json:
        console.print_json(
            {
                "trial_id": results["trial_id"],
                "endpoint": {
                    key: endpoint[key] for key in ("title", "successes", "analysed", "proportion", "sentence")
                },
                "demonstration_assumptions": len(results["assumptions"]),
                "report": str(out / REPORT),
                "results": str(out / RESULTS),
            }
        )
        return
    console.say(endpoint["sentence"], style="bold")
    if results["simulated"]:
        console.say("The participants are virtual.")
    if results["assumptions"]:
        count = len(results["assumptions"])
        console.say(f"Rests on {count} demonstration assumptions of the protocol; the report names each.")
    console.say(f"Report: {out / REPORT}")


def _refuse_no_archive(file: Path) -> None:
    from theratrial.errors import InputError
    from theratrial.sharing.archive.verifier import is_no_zip

    if is_no_zip(file):
        raise InputError(
            f"{file}: no results here, and no archive (it is no zip file) -> "
            "give the folder that `theratrial run --out` wrote, or the file that `theratrial archive build` wrote"
        )


def verify(
    out: Path = typer.Argument(help="Folder that `theratrial run --out` wrote, or an inspector's archive."),
    trial: Path = typer.Option(None, "--trial", help="The trial folder, if it was moved since."),
    manifest_sha256: str = typer.Option("", "--manifest-sha256", help="Of an archive: digest told when it was made."),
    workers: int = typer.Option(0, "--workers", min=0, help="Processes; 0 means one for each core."),
    show_all: bool = typer.Option(False, "--all", help="List every difference, not the first alone."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON."),
) -> None:
    """Recompute every derived number of a result from the stored inputs, and render its report again."""
    from theratrial.pipeline.verify import verification
    from theratrial.pipeline.verify_archive import is_archive
    from theratrial.results.plain import read_results

    if is_archive(out):
        _refuse_no_archive(out)
        from theratrial.cli.verify_archive import archive_verified

        archive_verified(out, manifest_sha256, workers or _default_workers(), show_all, as_json)
        return
    stored = read_results(out / "results.json")
    with console.progress("Verifying", total=len(stored["participants"]) + 4) as progress:
        found = verification(out, trial=trial, workers=workers or _default_workers(), advance=progress.advance)
    if as_json:
        console.print_json(
            {
                "intact": found.intact,
                "inputs_checked": found.inputs_checked,
                "numbers_recomputed": found.numbers_recomputed,
                "outputs_checked": found.outputs_checked,
                "differences": [
                    {
                        "kind": one.kind,
                        "place": one.place,
                        "stored": one.stored,
                        "found": one.found,
                        "meaning": one.meaning,
                    }
                    for one in found.differences
                ],
                "remarks": list(found.remarks),
            }
        )
    elif found.intact:
        console.say(
            f"Intact: {found.inputs_checked} input files as they were, {found.numbers_recomputed} numbers recomputed "
            f"and equal, {found.outputs_checked} outputs rendered again and equal.",
            style="bold",
        )
    else:
        shown = found.differences if show_all else found.differences[:1]
        for index, difference in enumerate(shown):
            console.say(f"{'' if index else 'NOT INTACT: '}{difference}", style="" if index else "bold")
        if more := Counter(one.kind for one in found.differences[len(shown) :]):
            kinds = ", ".join(f"{count} {kind}" for kind, count in more.items())
            what = "1 more difference" if more.total() == 1 else f"{more.total()} more differences"
            console.note(f"{what} ({kinds}); --all lists them.")
    for remark in found.remarks:
        if not as_json:
            console.note(remark)
    if not found.intact:
        raise typer.Exit(1)
