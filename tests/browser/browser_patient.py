"""One simulated participant: records and DICOM files, and a clock that follows her through the trial."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pydicom

from theratrial.forms import Answer, FormDefinition, answers_of, form_definition
from theratrial.protocol.reader import parse_protocol, shipped_protocol_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL

ZONE = ZoneInfo("Asia/Tehran")
CODE = "P01"


@cache
def form(key: str) -> FormDefinition:
    """A form of the shipped protocol, in English."""
    return form_definition(parse_protocol(shipped_protocol_bytes(SEED_PROTOCOL), "protocol"), key, "en")


def answers(key: str, rows: Iterable[Mapping[str, str]], *, calendar: str = "gregorian") -> dict[str, Answer]:
    """What a person types into the form to say what the rows say."""
    return answers_of(form(key), list(rows), zone=ZONE, calendar="jalali" if calendar == "jalali" else "gregorian")


class VirtualPatient:
    """Records and images of a simulated trial folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, table: str, only: Callable[[dict[str, str]], bool] = lambda _row: True) -> list[dict[str, str]]:
        """Rows of the participant (or of nobody) in a table."""
        with (self.folder / "records" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
            return [row for row in csv.DictReader(stream) if row.get("participant_id", CODE) == CODE and only(row)]

    def images(self, into: Path, *days: str) -> Path:
        """The DICOM files of some study dates, in a folder as a disc would have them."""
        into.mkdir(parents=True)
        for file in sorted((self.folder / "images" / CODE).rglob("*")):
            if file.is_file() and pydicom.dcmread(file, stop_before_pixels=True).StudyDate in days:
                shutil.copyfile(file, into / f"{file.parent.name}{file.name}")
        return into


def clock_patched(folder: Path) -> dict[str, str]:
    """Environment in which the site's clock says what the file `clock` says, and goes on from there."""
    (folder / "sitecustomize.py").write_text(_CLOCK.format(file=str(folder / "clock")), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


_CLOCK = """from datetime import datetime
from pathlib import Path
import django.utils.timezone as timezone

_real, _file = timezone.now, Path({file!r})


def _now():
    since = _real().timestamp() - _file.stat().st_mtime
    moment = datetime.fromisoformat(_file.read_text()).timestamp() + since
    return datetime.fromtimestamp(moment, _real().tzinfo)


timezone.now = _now
"""
