"""Why each domain holds what it holds: sentences for the reviewer's guide, one home for the guide and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from theratrial.exchange.sdtm.findings_notes import FINDINGS_KNOWN, FINDINGS_NOTES

NOTES: Final[dict[str, tuple[str, ...]]] = {
    "TA": (
        "One arm. Screening, one element for each planned session, follow-up. The gate after each session is the "
        "transition rule: who is stopped goes to follow-up.",
    ),
    "TE": (
        "An element of treatment begins with its injection and lasts until the next injection or the end of treatment.",
    ),
    "TV": (
        "Visits are numbered in the order of the plan of a participant who receives every session; who receives fewer "
        "has gaps. Images of one time point are one visit. Visits have windows and no fixed day, so VISITDY is absent.",
    ),
    "TI": (
        "IETEST is the registered text, or the title of the criterion where that is longer than 200 letters; TIRL is "
        "the condition by which it is judged.",
    ),
    "TS": (
        "What neither protocol nor registration record states has a null flavour. VIRTUAL is a parameter of the "
        "sponsor's own: Y means that the participants are simulated and no person exists.",
    ),
    "DM": (
        "RFSTDTC is the start of the first injection of the therapy product, not the consent: the consent is RFICDTC. "
        "RFENDTC is the recorded end of treatment, RFPENDTC the last contact.",
        "A day of death that nobody recorded is not made up. Where only a contact told that a subject had died, DTHFL "
        "is Y and DTHDTC holds the month or year that the last day alive and the contact have in common, or nothing; "
        "the contact is DSDTC of the death in DS, and a record of SS. ADSL.DTHDT is imputed then, and says so.",
        "Who failed screening has no arm and ARMNRS says SCREEN FAILURE. RACE is not collected.",
    ),
    "SE": ("Follow-up begins on the day on which the end of treatment was recorded.",),
    "SV": (
        "Visits that were done or are known to be missed. Blood counts are also taken between visits: such samples "
        "name no visit, for none was made.",
    ),
    "EC": (
        "As collected: SCHEDULED holds the prescribed activity, PERFORMED the calibrator's reading of the syringe at "
        "the time of reading (MEASDTC in SUPPEC), with the residual and its time beside it.",
    ),
    "EX": (
        "The net activity at the start of the injection: syringe less residual, each corrected for physical decay. "
        "EXDOSE is an activity in MBq; the mass of antibody is in SUPPEX, for a dose has one unit.",
    ),
    "AG": (
        "The tracer of the PET/CT is no study treatment: it is an agent of a procedure. AGDOSE is made as EXDOSE is.",
    ),
    "DS": (
        "Milestones (consent, also repeated; eligibility) and events. A stop by the gate is a withdrawal criterion "
        "that the protocol specifies. The end of treatment and the end of participation are two records.",
        "DSDTC is filled only for a death whose day nobody recorded: it is the day of the news, as is EPOCH.",
    ),
    "DV": (
        "Deviations that the program found in records and images. What people judged to be one, and what nothing "
        "recorded tells of, is not here.",
    ),
    "IE": (
        "Only criteria that were not met. A criterion that could not be judged has no record here; the checklist of "
        "all is in the records (ODM).",
        "IEDTC is the moment of the newest record by which the criterion was judged, not the day of screening: of a "
        "criterion on the selection image, when the image was read.",
    ),
    **FINDINGS_NOTES,
    "CO": ("Remarks of investigators on adverse events and of readers on lesions, as they wrote them.",),
    "RELREC": (
        "Relations between whole data sets by their link identifiers, where one record belongs to one or to many. "
        "Where many belong to many (measures and responses, readings and doses of a lesion) the groups are related one "
        "by one, each with its subject and value.",
    ),
}
"""Domain -> what a reviewer should know of it."""


ABSENT: Final[dict[str, str]] = {
    "CM": "No drug against the cancer before or after the treatment is recorded; other medication is not collected.",
    "CO": "Nobody wrote a remark.",
    "DV": "Neither records nor images show a deviation that the program looks for.",
    "IE": "No criterion is known to be unmet.",
    "MH": "No medical history is collected. Earlier cancer therapy is in CM and PR, unmet criteria are in IE.",
    "QS": "No questionnaire is collected.",
    "SS": "No contact after the treatment is recorded.",
}
"""Domain -> why it is not there, for those that a reviewer may look for."""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding of CDISC's rules that the package leaves, and why."""

    rule: str
    dataset: str
    why: str


KNOWN_FINDINGS: Final = (
    KnownFinding(
        "CORE-000741",
        "TS",
        "The rule looks for a parameter PCLASS; CDISC's terminology has PCLAS, which is here with a null flavour, for "
        "no pharmacologic class of the product is established.",
    ),
    KnownFinding(
        "CORE-000705",
        "DM",
        "Where only a contact told of a death, and in another year than the last day alive, no part of the date of "
        "death is known: DTHDTC is empty beside DTHFL Y, and none is made up.",
    ),
    *(KnownFinding(rule, dataset, why) for rule, dataset, why in FINDINGS_KNOWN),
)
"""What CDISC's CORE rules report on a package of a complete trial."""
