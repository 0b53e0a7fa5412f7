"""What a reviewer should know of findings, events and other therapy; long form: docs/methods/sdtm_findings.md."""

from __future__ import annotations

from typing import Final

FINDINGS_NOTES: Final[dict[str, tuple[str, ...]]] = {
    "PR": (
        "Every planned image: done, missed with the recorded reason (PROCCUR N), or NOT DONE where neither image nor "
        "reason is there. Surgery and radiotherapy before and after the trial are here too; drugs are in CM.",
        "CT and MRI for RECIST are known by their measurements alone and have no record here.",
    ),
    "CM": (
        "Drugs against the cancer before and after the trial's treatment. Other concomitant medication is not "
        "collected, and no drug dictionary is used. EPOCH is empty before consent.",
    ),
    "AE": (
        "AEDECOD is the dictionary's name where a centre has plugged in MedDRA; else CTCAE's term, which SUPPAE.AEDICT "
        "says. CTCAE's class, by which events are counted then, is in SUPPAE.AECTCSOC and ADAE.AEBODSYS: AEBODSYS and "
        "AESOC of AE belong to coded terms and want codes beside them.",
        "An event whose grade changed is one record for each grade. Events before treatment and after it are included; "
        "AETRTEM in SUPPAE is Y from the day of the first injection on.",
    ),
    "LB": (
        "LBORRES and its limits are as the laboratory reported them; standard results are in the unit in which they "
        "were graded. LBTOX names the CTCAE term and so the direction; where a value does not tell the grade, LBTOXGR "
        "is empty and SUPPLB says between which grades it lies.",
        "/mm3 is written as CDISC's 10^6/L, the same size; the unit as reported is in SUPPLB.LBORUNIT.",
    ),
    "VS": ("Height and weight at screening, weight of each day with an injection. Positions are not recorded.",),
    "TU": (
        "One record for each lesion, reader and kind of reading (RECIST, PET, CLASS). TULNKGRP is the lesion itself: "
        "equal names are one lesion.",
    ),
    "TR": (
        "A lesion that disappeared is ABSENT and has no diameter; one too small to measure says so in words. The sums "
        "count them as RECIST 1.1 does.",
        "SUV is in kg/L, CDISC's term of the size of g/mL. Values from images name their place in the results.",
        "No baseline flag: the rule allows one record per test and method, and there are several lesions.",
    ),
    "RS": (
        "Response by each set of criteria and reader. RSACPTFL Y: this reader's answer is the participant's. The "
        "primary endpoint rests on PROTOCOL DEFINED RESPONSE CRITERIA; what is exploratory says so in SUPPRS.",
        "Where two readers measured under RECIST, both are here visit by visit, with their sums in TR and the best "
        "response of each.",
        "CLINRESP with RSCAT FOLLOW-UP CONTACT is the disease as judged on the day of a contact after treatment: PD or "
        "NON-PD, under no criteria of images. Progression that ended a time to event may stand here alone.",
        "ECOG performance status is here as a clinical classification.",
    ),
    "SS": (
        "Each contact after treatment: ALIVE, DEAD, or UNKNOWN where the subject was not reached. SSDTC of DEAD is the "
        "day of the news, not of the death.",
    ),
    "FA": ("Reads of an image as a whole: selection and biodistribution. The object is the procedure in PR.",),
    "XD": (
        "A domain of the sponsor's own, for SDTM has none for internal dosimetry: activity in regions of images, "
        "half-life, time-integrated activity, absorbed dose, by session and over all sessions. PC and PP are of "
        "samples; FA wants an event or intervention as object.",
        "XDRESCAT is the determinacy of the curve. A value with RISING or BOUNDED rests on published kinetics or on a "
        "bound, as XDNOTE in SUPPXD says; never read it as DETERMINED. What could not be determined is NOT DONE with "
        "its reason. XDLOW95 and XDUPP95 bound 95 %; NOT BOUNDED is no large number but the absence of a limit.",
        "XDSPID is the place of the value in results.json, whose trace names every input. In brackets stands the id of "
        "an entry, its field and value where the id is a number (sessions[session=2] is session 2), or a position "
        "counted from 0. XDANMETH names the method and its version.",
    ),
}
"""Domain -> what a reviewer should know of it."""

FINDINGS_KNOWN: Final = (
    (
        "CORE-000701",
        "CM",
        "Therapy before consent lies before the first epoch, so EPOCH is empty. The rule says of itself that it may "
        "report too much.",
    ),
    ("CORE-000701", "PR", "Surgery and radiotherapy before consent lie before the first epoch, as in CM."),
    (
        "CORE-000717",
        "AE",
        "Events are recorded in follow-up too, after the last disposition, which is the end of treatment or of "
        "participation in visits.",
    ),
    (
        "CORE-001078",
        "AE",
        "Who died of the disease in follow-up has no fatal adverse event: none was recorded, and none is made up.",
    ),
)
"""(rule, data set, why): what CDISC's rules report of these domains on sound data."""
