"""The whole SDTM package as files: data sets in one format, and their define.xml."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.exchange.datasets.dataset_json import dataset_json
from theratrial.exchange.datasets.define import define_xml
from theratrial.exchange.datasets.study import Document, StudyMetadata
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.datasets.xpt import xpt
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

Format = Literal["dataset-json", "xpt"]
FORMATS: Final[tuple[Format, ...]] = ("dataset-json", "xpt")
GUIDE: Final = Document("csdrg", "Reviewer's guide of the study data", "csdrg.html")
_ENDINGS: Final = {"dataset-json": "json", "xpt": "xpt"}


def study_metadata(
    folder: TrialFolder, result: TrialResult, made_at: datetime, *, dates_moved: bool = False
) -> StudyMetadata:
    """What the files say of study and making; `made_at` with its zone, so that nobody guesses it.

    Parameters
    ----------
    dates_moved
        Whether each participant's dates are moved by days of her own: then no last change of the data can be said.

    Raises
    ------
    InputError
        `made_at` has no zone.
    """
    if made_at.tzinfo is None:
        raise InputError("the moment of making has no zone")
    virtual = "SIMULATED DATA: the participants are virtual, no person exists. " if result.simulated else ""
    draft = "" if folder.locked else "The data were not locked when this was made. "
    assumed = (
        f"{len(result.assumptions)} clauses of the protocol rest on demonstration assumptions. "
        if result.assumptions
        else ""
    )
    zone = f"Times are those of the clock in {result.timezone}."
    return StudyMetadata(
        oid=result.trial_id,
        name=result.trial_id,
        description=f"{virtual}{ascii_text(result.scientific_title)}",
        version_oid=f"MDV.{result.trial_id}.SDTMIG.3.4",
        version_name=f"SDTM data sets of {result.trial_id}",
        version_description=f"{virtual}{draft}{assumed}{zone}",
        made_at=made_at,
        changed_at=None if dates_moved else newest_record(folder),
        originator=_originator(folder),
        system="theratrial",
        system_version=result.product_version,
        documents=(GUIDE,),
    )


def newest_record(folder: TrialFolder) -> datetime | None:
    """The moment of the newest line of the records: before it the data cannot have been complete."""
    moments = [row.moment for rows in folder.tables.values() for row in rows]
    instants = [_instant(moment, folder.zone) for moment in moments if moment is not None]
    return max(instants, default=None)


def _instant(moment: date | datetime, zone: tzinfo | ZoneInfo) -> datetime:
    if isinstance(moment, datetime):
        return moment
    # A day counts as its end, which is a boundary of the calendar and no invented minute.
    at = datetime.combine(moment + timedelta(days=1), time(), zone)
    # The offset alone, so that the same moment is written the same way whatever zone data say later.
    return at.astimezone(zone)


def _originator(folder: TrialFolder) -> str:
    record = folder.registration
    sponsor = next((str(one.contact.organization) for one in record.sponsors), "") if record is not None else ""
    return ascii_text(sponsor) or "not stated"


def package_files(datasets: Sequence[Dataset], study: StudyMetadata, form: Format) -> dict[str, bytes]:
    """File name -> content: every data set, and ``define.xml`` of them.

    Raises
    ------
    Problems
        A transport file cannot hold a data set; nothing is made then.
    """
    made = {}
    for one in datasets:
        content = dataset_json(one, study) if form == "dataset-json" else xpt(one, study.made_at)
        made[f"{one.name.lower()}.{_ENDINGS[form]}"] = content
    made["define.xml"] = define_xml(datasets, study, ending=_ENDINGS[form])
    return made
