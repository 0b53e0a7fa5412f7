"""What a run leaves: ``results.json``, ``registry_results.json``, the report with its figures, and how it was made.

The output folder appears whole or not at all: it is written beside its place and moved there.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.pipeline.manifest import manifest_hash, program_hash
from theratrial.pipeline.registry_files import REGISTRY_RESULTS, reported_text
from theratrial.pipeline.trial import TrialRun
from theratrial.results.plain import results_text
from theratrial.trace import file_hash

RESULTS = "results.json"
REPORT = "report.html"
REPORT_PDF = "report.pdf"
RUN = "run.json"
DOSIMETRY = "dosimetry"
_OURS = frozenset({RESULTS, REGISTRY_RESULTS, REPORT, REPORT_PDF, RUN, "figures", DOSIMETRY})


@dataclass(frozen=True, slots=True)
class RunRecord:
    """How the outputs were made."""

    schema_version: str
    product_version: str
    program: str
    environment: dict[str, str]
    trial_folder: str
    """Relative to the output folder."""
    inputs: str
    """Hash of the manifest of all inputs."""
    outputs: dict[str, str] = field(default_factory=dict)
    """File -> content hash, of every output but this one."""


def environment() -> dict[str, str]:
    """Versions of what draws and computes."""
    import matplotlib
    import numpy
    import scipy

    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "matplotlib": matplotlib.__version__,
    }


def output_hashes(out: Path) -> dict[str, str]:
    """File -> content hash of every output but the run record and the PDFs (whose bytes carry the renderer's state)."""
    return {
        name: file_hash(path)
        for path in sorted(out.rglob("*"))
        if path.is_file() and (name := path.relative_to(out).as_posix()) != RUN and not _is_pdf(name)
    }


def _is_pdf(name: str) -> bool:
    return name == REPORT_PDF or (name.startswith(f"{DOSIMETRY}/") and name.endswith(".pdf"))


def has_dosimetry_pdfs(out: Path) -> bool:
    """Whether every dosimetry page there stands beside its PDF."""
    return all(page.with_suffix(".pdf").is_file() for page in (out / DOSIMETRY).glob("*.html"))


def read_run_record(out: Path) -> RunRecord:
    """The record of how an output folder was made.

    Raises
    ------
    InputError
        If it is absent or not a run record.
    """
    path = out / RUN
    try:
        record = RunRecord(**json.loads(path.read_text(encoding="utf-8")))
        texts = (record.schema_version, record.product_version, record.program, record.trial_folder, record.inputs)
        tables = (record.environment, record.outputs)
        if not all(isinstance(one, str) for one in texts) or not all(isinstance(one, dict) for one in tables):
            raise TypeError("a value is of another type")
        return record
    except FileNotFoundError:
        raise InputError(f"{path}: absent -> give the folder that `theratrial run --out` wrote") from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: is not a run record of theratrial ({error}) -> run again") from None


def is_current(out: Path, folder: Path, inputs: str) -> bool:
    """Whether the outputs there were made by this program from these inputs, and are all still as written."""
    try:
        record = read_run_record(out)
    except InputError:
        return False
    return (
        record.program == program_hash()
        and record.inputs == inputs
        and Path(os.path.normpath(out.resolve() / record.trial_folder)) == folder.resolve()
        and output_hashes(out) == record.outputs
    )


def check_place(out: Path, folder: Path) -> None:
    """Refuse an output place that would hurt somebody's files.

    Raises
    ------
    InputError
        The place is a file, lies in the trial folder, or is a folder with something else in it.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, a folder is needed for the results -> give another --out")
    above = next(place for place in (out.resolve().parent, *out.resolve().parents) if place.exists())
    if not above.is_dir():
        raise InputError(f"{out}: {above} is a file, no folder can be made in it -> give another --out")
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(f"{out}: nothing can be written in {above} -> give an --out where you may write")
    resolved = out.resolve()
    if resolved == folder.resolve() or folder.resolve() in resolved.parents:
        raise InputError(f"{out}: lies in the trial folder, which is input only -> give an --out outside of it")
    if out.is_dir():
        strangers = sorted(entry.name for entry in out.iterdir() if entry.name not in _OURS)
        ours = (out / RUN).is_file()
        if any(out.iterdir()) and (strangers or not ours):
            names = ", ".join(strangers[:3]) or ", ".join(sorted(entry.name for entry in out.iterdir())[:3])
            raise InputError(
                f"{out}: holds files that are not results of theratrial ({names}) -> give an empty or new folder"
            )


def write_outputs(run: TrialRun, out: Path, folder: Path, *, pdf: bool = True, dosimetry_pdf: bool = False) -> str:
    """Write all outputs of a run; returns why there is no PDF, or "".

    Parameters
    ----------
    pdf
        Whether a PDF is wanted, where one can be made.
    dosimetry_pdf
        Whether the dosimetry pages are wanted as PDF too.

    Raises
    ------
    InputError
        The place cannot be used.
    """
    from theratrial.report.dosimetry_page import write_dosimetry_pdfs
    from theratrial.report.write import write_report

    check_place(out, folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        (temporary / RESULTS).write_text(results_text(run.result), encoding="utf-8")
        if run.reported is not None:
            (temporary / REGISTRY_RESULTS).write_text(reported_text(run.reported), encoding="utf-8")
        because = write_report(run.result, run.pictures, temporary, pdf=pdf).without_pdf_because
        if dosimetry_pdf:
            because = write_dosimetry_pdfs(run.result, run.pictures, temporary)
        record = RunRecord(
            schema_version=run.result.schema_version,
            product_version=__version__,
            program=program_hash(),
            environment=environment(),
            trial_folder=Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix(),
            inputs=manifest_hash(run.result.inputs),
            outputs=output_hashes(temporary),
        )
        (temporary / RUN).write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.chmod(0o755)
        _replace(temporary, out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return because


def _replace(new: Path, place: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}-old-", dir=place.parent))
    try:
        place.rename(old / "old")
        new.rename(place)
    except BaseException:
        if not place.exists():
            (old / "old").rename(place)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
