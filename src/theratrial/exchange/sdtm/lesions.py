"""TU: lesions as their readers identified them, on CT or MRI and on the PET of the tracer (SDTMIG 3.4, 6.3.12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, MEASURED, Dataset
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import location
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Supplement, observations
from theratrial.exchange.sdtm.procedures import image_method
from theratrial.results.values import ScanResult
from theratrial.trialfolder.records import Row

ANATOMY: Final = "RECIST"
UPTAKE: Final = "PET"
CLASSES: Final = "CLASS"
"""First part of a lesion's link: by which reading it is known. One name in two readings is one lesion: --LNKGRP."""
READER: Final = "READER"
_ROLES: Final = {"target": "TARGET", "non_target": "NON-TARGET", "new": "NEW"}
_MODALITIES: Final = {"CT": "CT SCAN", "MR": "MRI", "MRI": "MRI", "PET": "PET SCAN", "PET/CT": "PET/CT SCAN"}
_KNOWN_FROM: Final = {"ct": "CT SCAN", "fdg_pet": "PET SCAN"}
_SUPPLEMENTS: Final = (
    Supplement("NODAL", "Lymph Node", COLLECTED),
    Supplement("KNOWNFR", "Image That Shows the Lesion", COLLECTED),
    Supplement("ROI", "Name of the Region in the Image", COLLECTED),
)


def lesion_link(kind: str, reader: str, lesion_id: str) -> str:
    """--LNKID of a lesion in one reader's reading.

    >>> lesion_link("PET", "NM-02", "lesion_1")
    'PET-NM-02-LESION_1'
    """
    return f"{kind}-{reader}-{lesion_id}".upper()


def pet_group(timepoint: str, reader: str) -> str:
    """--LNKGRP of what one reader read on one PET."""
    return f"{UPTAKE}-{timepoint}-{reader}".upper()


def recist_group(on: date, reader: str) -> str:
    """--LNKGRP of what one reader measured on one day."""
    return f"{ANATOMY}-{on.isoformat()}-{reader}".upper()


def pet_scan(subject: Subject, timepoint: str) -> ScanResult | None:
    """The PET of a time point, where it was done."""
    scans = subject.result.pet_scans if subject.result is not None else ()
    return next((one for one in scans if one.timepoint == timepoint and one.status == "done"), None)


def pet_place(context: SdtmContext, subject: Subject, timepoint: str, domain: str) -> dict[str, Any]:
    """Image, method, moment and visit of what was read on the PET of a time point."""
    scan = pet_scan(subject, timepoint)
    if scan is None:
        return {}
    return {
        f"{domain}METHOD": image_method(context, scan.imaging_id) or None,
        f"{domain}REFID": scan.series_instance_uid or None,
        f"{domain}DTC": scan.acquired_at,
        VISIT: (scan.imaging_id, None),
    }


def modality_method(modality: str | None) -> str | None:
    """CDISC's method of a modality as people write it; what is not known stays as written."""
    if not modality:
        return None
    return _MODALITIES.get(modality.upper(), modality.upper())


def evaluator(domain: str, reader: str) -> dict[str, str]:
    """--EVAL and --EVALID: a reader, by the code in the delegation log."""
    return {f"{domain}EVAL": READER, f"{domain}EVALID": reader}


def tu(context: SdtmContext) -> tuple[Dataset, ...]:
    """Tumor/lesion identification: each lesion of each reader once, when that reader first named it."""
    return observations(
        context,
        "TU",
        "Tumor/Lesion Identification",
        "TUREFID TULNKID TULNKGRP TUEVAL TUEVALID VISIT EPOCH TUDY",
        (*_anatomical(context), *_metabolic(context), *_classed(context)),
        keys="TULNKID TUDTC",
        structure="One record per identified tumor per subject per assessor",
        changes={
            "TUREFID": {"origin": MEASURED},
            "TUSTRESC": {"origin": ASSIGNED},
            "TUEVAL": {"origin": ASSIGNED},
        },
        supplements=_SUPPLEMENTS,
    )


def first_lines(rows: Iterable[tuple[Subject, Row]], key: str) -> Iterator[tuple[Subject, Row]]:
    """The first line of each participant, reader and lesion, by the moment in `key`."""
    first: dict[tuple[str, str, str], tuple[Subject, Row]] = {}
    for subject, row in rows:
        name = (subject.participant_id, row["reader"], row["lesion_id"])
        if name not in first or _sooner(row, first[name][1], key):
            first[name] = (subject, row)
    return iter(first.values())


def _sooner(one: Row, other: Row, key: str) -> bool:
    """By moment; of one moment (two time points read in one sitting) by what else the lines say."""
    said = [(row[key], sorted((name, str(value)) for name, value in row.values.items())) for row in (one, other)]
    return bool(said[0] < said[1])


def _anatomical(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in first_lines(context.rows("tumour_measurements"), "measured_on"):
        yield _lesion(subject, row, ANATOMY, row["role"]) | {
            "TULOC": location(row["organ"]),
            "TUMETHOD": modality_method(row["modality"]),
            "TUDTC": row["measured_on"],
            "NODAL": "Y" if row["nodal"] else "N",
        }


def _metabolic(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in first_lines(context.rows("lesion_readings"), "read_at"):
        yield (
            _lesion(subject, row, UPTAKE, row["role"])
            | pet_place(context, subject, row["timepoint"], "TU")
            | {"TULOC": location(row["site"]), "ROI": row["region_name"]}
        )


def _classed(context: SdtmContext) -> Iterator[dict[str, Any]]:
    """Lesions whose uptake was classed by eye; the table has no site, which is that of the lesion's other readings."""
    for subject, row in first_lines(context.rows("lesion_classes"), "read_at"):
        place = pet_place(context, subject, row["timepoint"], "TU")
        made = _lesion(subject, row, CLASSES, "") | place
        if row["known_from"] != "tracer":
            made |= {"TUMETHOD": _KNOWN_FROM.get(row["known_from"]), "TUREFID": None}
        site = _sites(context, subject).get(row["lesion_id"], "")
        yield made | {"TULOC": location(site), "KNOWNFR": row["known_from"].replace("_", " ").upper()}


def _lesion(subject: Subject, row: Row, kind: str, role: str) -> dict[str, Any]:
    result = _ROLES.get(role, "DISEASE SITE")
    return {
        SUBJECT: subject,
        "TULNKID": lesion_link(kind, row["reader"], row["lesion_id"]),
        "TULNKGRP": row["lesion_id"].upper(),
        "TUTESTCD": "TUMIDENT" if role else "LESIDENT",
        "TUTEST": "Tumor Identification" if role else "Lesion Identification",
        "TUORRES": result,
        "TUSTRESC": result,
        **evaluator("TU", row["reader"]),
    }


def _sites(context: SdtmContext, subject: Subject) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for table, column in (("tumour_measurements", "organ"), ("lesion_readings", "site")):
        rows = context.folder.rows(table, participant_id=subject.participant_id)
        for row in sorted(rows, key=lambda one: (str(one.moment), one["reader"])):
            found[row["lesion_id"]] = row[column]
    return found
