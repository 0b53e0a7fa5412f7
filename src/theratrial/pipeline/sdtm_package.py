"""From a result folder to the SDTM package: data sets in each format, define.xml, definitions, reviewer's guide."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from theratrial.errors import InputError
from theratrial.exchange.datasets.study import StudyMetadata
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.domains import datasets_of
from theratrial.exchange.sdtm.package import FORMATS, Format, newest_record, package_files, study_metadata
from theratrial.pipeline.manifest import folder_files, input_files
from theratrial.pipeline.outputs import RESULTS, read_run_record
from theratrial.pipeline.verify import trial_folder_of
from theratrial.report.datasets.definitions import definitions_page
from theratrial.report.datasets.guide import guide_page, package_head
from theratrial.report.pdf import pdf_bytes
from theratrial.results.plain import read_results
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.reader import IMAGES
from theratrial.trialfolder.records import TrialFolder

DEFINITIONS = "define.html"
GUIDE = "csdrg.html"


@dataclass(frozen=True, slots=True)
class SdtmPackage:
    """A package before it is written: file name, with its folder, -> content."""

    files: Mapping[str, bytes]
    datasets: tuple[Dataset, ...]
    left_out: int
    """Participants who withdrew the use of their data."""
    without_pdf_because: str = ""

    @property
    def records(self) -> tuple[tuple[str, int], ...]:
        """(data set, number of records)."""
        return tuple((one.name, len(one.rows)) for one in self.datasets)

    @property
    def listed(self) -> tuple[tuple[str, str, int], ...]:
        """(data set, label, number of records)."""
        return tuple((one.name, one.label, len(one.rows)) for one in self.datasets)


def opened_result(out: Path, trial: Path | None = None) -> tuple[TrialFolder, TrialResult]:
    """The trial folder of a result and its values; records and protocol are those that it was computed from.

    Raises
    ------
    InputError
        The result or its trial folder cannot be read, or a record or the protocol changed since.
    """
    stored = rebuilt(TrialResult, read_results(out / RESULTS))
    folder = read_folder(trial_folder_of(out, read_run_record(out), trial))
    images = folder.path / IMAGES
    paths = [path for path in folder_files(folder.path) if images not in path.parents]
    before = {one.path: one.content_hash for one in stored.inputs if not one.path.startswith(f"{IMAGES}/")}
    now = {one.path: one.content_hash for one in input_files(folder.path, paths)}
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        raise InputError(f"{out}: {changed[0]} changed since this run -> run `theratrial run` again")
    return folder, stored


def sdtm_package(
    folder: TrialFolder,
    result: TrialResult,
    *,
    made_at: str | datetime = "",
    pdf: bool = True,
    formats: Sequence[str] = FORMATS,
    leave_out: frozenset[str] = frozenset(),
    dates_moved: bool = False,
    gone_before: int = 0,
) -> SdtmPackage:
    """The package: each format complete in a folder of its own. The same arguments give the same bytes.

    Parameters
    ----------
    made_at
        The moment of making; without it that of the newest record, so that nothing depends on the clock.
    leave_out
        Participants who withdrew the use of their data after the folder was written.
    dates_moved
        Whether the dates of each participant are moved by days of her own. The first and last of them are then no
        days of the trial: TS masks start, end and cut-off, and without a moment given the files say that of making
        as 1970-01-01, which nobody takes for one.
    gone_before
        Participants who withdrew the use of their data and are not in `folder` any more: the guide counts them too.
    """
    context = SdtmContext(folder, result, leave_out, dates_moved=dates_moved)
    datasets, left_out = datasets_of(context), context.left_out + gone_before
    study = study_metadata(folder, result, moment_of_making(made_at, folder, dates_moved), dates_moved=dates_moved)
    definitions, guide, without = _pages(folder, result, datasets, study, left_out, pdf)
    files: dict[str, bytes] = {}
    for form in formats:
        for name, content in {**package_files(datasets, study, cast(Format, form)), **definitions, **guide}.items():
            files[f"{form}/{name}"] = content
    return SdtmPackage(files, datasets, left_out, without)


def _pages(
    folder: TrialFolder,
    result: TrialResult,
    datasets: tuple[Dataset, ...],
    study: StudyMetadata,
    left_out: int,
    pdf: bool,
) -> tuple[dict[str, bytes], dict[str, bytes], str]:
    definitions = definitions_page(datasets, study, package_head(result, "Definitions of the data sets"))
    guide = guide_page(folder, result, datasets, study, left_out=left_out)
    pages = {GUIDE: guide.encode()}
    without = ""
    if pdf:
        try:
            pages["csdrg.pdf"] = pdf_bytes(guide)
        except InputError as error:
            without = str(error)
    return {DEFINITIONS: definitions.encode()}, pages, without


def moment_of_making(given: str | datetime, folder: TrialFolder, dates_moved: bool = False) -> datetime:
    """The moment that was given, else that of the newest record, if its date is true; never the clock's.

    Raises
    ------
    InputError
        The text is no moment with its offset.
    """
    if isinstance(given, datetime):
        return given
    if given:
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            raise InputError(f"--made-at {given!r} is no moment -> write it as 2026-03-05T09:30+03:30") from None
        if moment.tzinfo is None:
            raise InputError(f"--made-at {given!r} has no offset -> write it as 2026-03-05T09:30+03:30")
        return moment
    newest = None if dates_moved else newest_record(folder)
    return newest if newest is not None else datetime(1970, 1, 1, tzinfo=UTC)


def folder_written(out: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a new folder: under another name first, so that nothing half-written bears the right one.

    Raises
    ------
    InputError
        Something stands there already, or the place cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: something is there already -> give a new folder")
    half = out.with_name(f".{out.name}.half")
    try:
        shutil.rmtree(half, ignore_errors=True)
        for name, content in files.items():
            place = half / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if out.exists():
            out.rmdir()
        half.rename(out)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        raise InputError(f"{out}: cannot be written ({error.strerror})") from None
