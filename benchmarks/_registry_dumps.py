"""Dumps of invented registration records for the benchmark and the tests: the shipped records, varied at random.

Every record differs from the others in numbers, words, dates, codes and in what is missing; equal seeds give equal
files.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any, Final, Literal
from xml.sax.saxutils import escape

from theratrial.exchange.ictrp.write import ictrp_131, ictrp_2009
from theratrial.registry.codes import code_list
from theratrial.registry.reader import shipped_registration, shipped_registration_names
from theratrial.registry.record import RegistrationRecord

Dialect = Literal["upload-131", "upload-2009", "portal"]
DIALECTS: Final[tuple[Dialect, ...]] = ("upload-131", "upload-2009", "portal")

_WORDS: Final = """
breast prostate kidney thyroid metastatic refractory women men platelets 177Lu-PSMA 177Lu-DOTATATE 131I 90Y 225Ac
trastuzumab 68Ga PET SPECT toxicity CTCAE survival response RECIST placebo randomized left bilateral weeks cycles
Bushehr Boushehr Tehran stopped 7.4 GBq 100 mg LVEF creatinine brain metastases pregnancy contraception > 9 g/dL
≥ 100,000/mm³ 18 years at least 1.5 x 10^9/L infection hiv &nbsp; <br>
بیمار زنان متاستاز عفونت پلاکت پاسخ چپ ۱۸ سال
""".split()  # noqa: SIM905
_CODED: Final = {
    "recruitment.status": "recruitment_status",
    "design.phase": "phase",
    "design.blinding": "blinding",
    "eligibility.sex": "sex",
    "sharing.individual_participant_data": "sharing",
}


def varied_records(count: int, *, seed: int = 1) -> Iterator[RegistrationRecord]:
    """That many records, each the shipped ones in turn with some forty changes."""
    rng = random.Random(seed)
    plain = [shipped_registration(name).model_dump(mode="json") for name in shipped_registration_names()]
    for index in range(count):
        tree = _varied(plain[index % len(plain)], rng)
        opened = date(2010, 1, 1) + timedelta(days=index % 5000)
        tree.setdefault("registration", {})["number"] = f"IRCT{opened:%Y%m%d}{index:06d}N{index % 9 + 1}"
        for path, name in _CODED.items():
            group, _, field = path.partition(".")
            if rng.random() < 0.5:
                tree.setdefault(group, {})[field] = rng.choice([*code_list(name)])
        yield RegistrationRecord.model_validate(tree)


def _varied(value: Any, rng: random.Random) -> Any:
    """A copy in which words, numbers and dates are others here and there, and a field in twenty is gone."""
    if isinstance(value, dict):
        if "gregorian" in value:
            day = date.fromisoformat(value["gregorian"]) + timedelta(days=rng.randrange(-400, 400))
            return {"gregorian": day.isoformat()}
        kept = {key: one for key, one in value.items() if rng.random() > 0.05 or key in ("schema_version", "code")}
        return {key: one if key in ("schema_version", "code") else _varied(one, rng) for key, one in kept.items()}
    if isinstance(value, list):
        members = [_varied(one, rng) for one in value]
        return members[: rng.randrange(len(members) + 1)] if rng.random() < 0.1 else members
    if isinstance(value, str) and " " in value:
        return _reworded(value, rng)
    return value


def _reworded(words: str, rng: random.Random) -> str:
    pieces = re.split("( )", words)
    for _ in range(rng.randrange(4)):
        pieces[rng.randrange(0, len(pieces), 2)] = rng.choice(_WORDS)
    found = "".join(pieces)
    if rng.random() < 0.2:
        found = re.sub(r"[0-9]+", lambda _: str(rng.randrange(1, 300)), found)
    if rng.random() < 0.1:
        sentences = found.split(". ")
        rng.shuffle(sentences)
        found = ". ".join(sentences)
    return found


def trial_xml(record: RegistrationRecord, dialect: Dialect) -> bytes:
    """The record as one trial of a dump of that dialect."""
    if dialect == "portal":
        return _portal(record)
    whole = (ictrp_131 if dialect == "upload-131" else ictrp_2009)(record, contacts=True)
    return whole[whole.index(b"  <trial>") : whole.index(b"</trials>")]


def _portal(record: RegistrationRecord) -> bytes:
    """The flat fields of the portal's export, with the spelling of their names."""
    recruitment, design, criteria = record.recruitment, record.design, record.eligibility
    registered, start = record.registration.registered_on, recruitment.first_enrolment
    fields = {
        "TrialID": record.registration.number,
        "Public_title": record.public_title,
        "Scientific_title": record.scientific_title,
        "Acronym": record.registration.acronym,
        "Primary_sponsor": record.sponsors[0].contact.organization if record.sponsors else "",
        "Date_registration": registered.gregorian.isoformat() if registered else "",
        "Date_registration3": registered.gregorian.strftime("%Y%m%d") if registered else "",
        "Source_Register": "IRCT",
        "web_address": record.registration.url,
        "Recruitment_Status": recruitment.status.code,
        "Inclusion_agemin": criteria.age_from,
        "Inclusion_agemax": criteria.age_to,
        "Inclusion_gender": criteria.sex.code,
        "Date_enrollement": start.gregorian.isoformat() if start else "",
        "Target_size": recruitment.target_sample_size,
        "Study_type": design.study_type.code,
        "Study_design": design.description or f"Randomization: {design.randomization.code}",
        "Phase": design.phase.code.replace("_", "-"),
        "Countries": ";".join(str(one) for one in recruitment.countries),
        "Contact_Firstname": "Function 1",
        "Contact_Affiliation": record.people.general_inquiries.organization,
        "Inclusion_Criteria": str(criteria.inclusion).replace("\n", "<br>"),
        "Exclusion_Criteria": str(criteria.exclusion).replace("\n", "<br>"),
        "Condition": ";".join(f"{one.description};{one.icd10}" for one in record.conditions),
        "Intervention": "; ".join(
            f"Intervention {i}: {one.description}" for i, one in enumerate(record.interventions, 1)
        ),
        "Primary_outcome": ";".join(
            f"{one.description}. Timepoint: {one.timepoint}. Method of measurement: {one.method}"
            for one in record.primary_outcomes
        ),
        "results_summary": record.results.summary,
    }
    inside = "".join(f"    <{name}>{escape(str(value or ''))}</{name}>\n" for name, value in fields.items())
    return f"  <Trial>\n{inside}  </Trial>\n".encode()


def write_dump(path: Path, count: int, dialect: Dialect, *, seed: int = 1, times: int = 1) -> int:
    """Write that many varied records, all of them so many times; how many bytes the XML has. ``.gz`` is compressed."""
    root = "Trials_downloaded_from_ICTRP" if dialect == "portal" else "trials"
    with _opened(path) as out:
        size = out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n'.encode())
        trials: Iterable[bytes] = (trial_xml(record, dialect) for record in varied_records(count, seed=seed))
        if times > 1:
            trials = [*trials]
        for _ in range(times):
            size += sum(out.write(one) for one in trials)
        return size + out.write(f"</{root}>\n".encode())


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb")  # type: ignore[return-value]
