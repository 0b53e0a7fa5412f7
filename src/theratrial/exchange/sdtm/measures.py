"""TR: what was measured of the lesions: diameters, uptake, volumes, states, sums (SDTMIG 3.4, 6.3.12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, MEASURED, Dataset, Method, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import (
    not_done,
    number_result,
    quantity_result,
    result_levels,
    spread,
    text_result,
)
from theratrial.exchange.sdtm.lesions import (
    ANATOMY,
    CLASSES,
    UPTAKE,
    evaluator,
    lesion_link,
    modality_method,
    pet_group,
    pet_place,
    recist_group,
)
from theratrial.exchange.sdtm.observations import SUBJECT, Supplement, observations
from theratrial.exchange.sdtm.terminology import term_list
from theratrial.results.criteria import CriteriaLesion, CriteriaResult, ReadUptake
from theratrial.results.places import participant_place
from theratrial.trace import Quantity
from theratrial.trialfolder.records import Row

_OWN_TESTS: Final = {
    "TOTUPT": "Total Lesion Uptake",
    "VOLABOVE": "Volume Above Threshold",
    "TOTABOVE": "Total Uptake Above Threshold",
    "UPTCLASS": "Visual Class of Uptake",
    "LONGUPT": "Longest Dimension of Uptake",
}
_STATES: Final = {
    "absent": "ABSENT",
    "present": "PRESENT",
    "merged": "TUMOR MERGED",
    "progressed": "UNEQUIVOCAL PROGRESSION",
    "resolved": "ABSENT",
}
_SUMS: Final = Method(
    "TRSUM",
    "Sum of diameters and its change",
    "RECIST 1.1: longest diameters of targets, short axes of target nodes; of a target too small to measure what the "
    "protocol's reading of RECIST says (5 mm), of an absent one nothing. Change against the sum at baseline.",
)
_UPTAKES: Final = Method(
    "TRUPTAKE",
    "Uptake in a reader's region",
    "Computed from the PET in the region that the reader drew: SUV by body mass, SUL by lean body mass, volume of the "
    "region, total uptake as volume times mean. The value equals that of the results at the place named in TRPLACE.",
)
_METHODS: Final = {
    **dict.fromkeys(("SUMDIAM", "PCBSD"), _SUMS),
    **dict.fromkeys(("SUVPEAK", "SUVMAX", "SUVMEAN", "SULPEAK", "SULMAX", "SULMEAN", "VOLUME"), _UPTAKES),
    **dict.fromkeys(("TOTUPT", "VOLABOVE", "TOTABOVE"), _UPTAKES),
}
"""Test -> how its result is made; the others are what a reader wrote down."""
_SUPPLEMENTS: Final = (
    Supplement("TRPLACE", "Place in the Results", ASSIGNED),
    Supplement("THRESHLD", "Threshold of the Volume [kg/L]", DERIVED),
    Supplement("MERGINTO", "Merged Into", COLLECTED),
    Supplement("KNOWNFR", "Image That Shows the Lesion", COLLECTED),
    Supplement("VISVOLML", "Volume on That Image [mL]", COLLECTED),
    Supplement("TRCOMM", "Remark of the Reader", COLLECTED),
)


def tr(context: SdtmContext) -> tuple[Dataset, ...]:
    """Tumor/lesion results."""
    records = [*_diameters(context), *_sums(context), *_readings(context), *_volumes(context), *_classes(context)]
    made, supplements = spread(records, _SUPPLEMENTS)
    return observations(
        context,
        "TR",
        "Tumor/Lesion Results",
        "TRREFID TRLNKID TRLNKGRP TRSTAT TRREASND TRMETHOD TRDRVFL TREVAL TREVALID VISIT EPOCH TRDY",
        made,
        keys="TRTESTCD TRLNKGRP TRLNKID TRDTC",
        structure="One record per tumor measurement/assessment per visit per subject per assessor",
        changes={
            "TRREFID": {"origin": MEASURED},
            **result_levels("TR", made, _METHODS),
            "TRSTRESU": {"origin": ASSIGNED},
            "TREVAL": {"origin": ASSIGNED},
            "TRDRVFL": {"origin": ASSIGNED},
        },
        supplements=supplements,
    )


def _test(code: str) -> dict[str, Value]:
    own = _OWN_TESTS.get(code)
    return {"TRTESTCD": code, "TRTEST": own if own is not None else term_list("TRTESTCD").terms[code].decode}


def _diameters(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("tumour_measurements"):
        common = {
            SUBJECT: subject,
            "TRLNKID": lesion_link(ANATOMY, row["reader"], row["lesion_id"]),
            "TRLNKGRP": recist_group(row["measured_on"], row["reader"]),
            "TRMETHOD": modality_method(row["modality"]),
            "TRDTC": row["measured_on"],
            "TRCOMM": row["comment"],
            "MERGINTO": row["merged_into"].upper() if row["merged_into"] else None,
            **evaluator("TR", row["reader"]),
        }
        yield common | _measured(row)


def _measured(row: Row) -> dict[str, Value]:
    """A length where there is one; else the state in words. What disappeared has no length, and no zero either."""
    axis = _test("LPERP" if row["nodal"] else "LDIAM")
    if row["length_mm"] is not None:
        return axis | number_result("TR", row["length_mm"], "mm", "")
    if row["status"] == "too_small":
        return axis | text_result("TR", "TOO SMALL TO MEASURE")
    if row["status"] == "not_evaluated":
        return (axis if row["role"] == "target" else _test("TUMSTATE")) | not_done(
            "TR", row["comment"] or "Lesion not evaluated"
        )
    return _test("TUMSTATE") | text_result("TR", _STATES.get(row["status"], row["status"].upper()))


def _sums(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, criteria in _criteria(context, "recist_1_1"):
        for assessment in criteria.assessments:
            if assessment.on is None or (assessment.measured is None and not assessment.category):
                continue
            common = {
                SUBJECT: subject,
                "TRLNKGRP": recist_group(assessment.on, assessment.reader),
                "TRMETHOD": "CALCULATION",
                "TRDRVFL": "Y",
                "TRDTC": assessment.on,
                "TRPLACE": f"{participant_place(subject.participant_id)}.criteria.criteria[recist_1_1].assessments",
                **evaluator("TR", assessment.reader),
            }
            yield common | _test("SUMDIAM") | quantity_result("TR", assessment.measured, "No target was evaluated")
            if assessment.change_percent is not None:
                yield common | _test("PCBSD") | quantity_result("TR", assessment.change_percent, assessment.because)


def _criteria(context: SdtmContext, name: str) -> Iterator[tuple[Subject, CriteriaResult]]:
    for subject in context.subjects:
        results = subject.result.criteria.criteria if subject.result is not None else ()
        yield from ((subject, one) for one in results if one.criteria == name)


def _readings(context: SdtmContext) -> Iterator[dict[str, Any]]:
    """Uptake by body mass, of every reader; and what the reader says of the lesion where that is not `present`."""
    rows = {
        (subject.participant_id, row["reader"], row["timepoint"], row["lesion_id"]): (subject, row)
        for subject, row in context.rows("lesion_readings")
    }
    uptakes = _read_uptakes(context)
    for key, (subject, row) in sorted(rows.items(), key=lambda one: one[0]):
        common = _pet_common(context, subject, row["reader"], row["timepoint"], row["lesion_id"])
        place = f"{participant_place(subject.participant_id)}.response.readings"
        yield common | _test("TUMSTATE") | _state(row) | {"TRCOMM": row["comment"]}
        uptake = uptakes.get(key)
        for code, one in _suvs(uptake):
            if row["status"] == "present" or (one is not None and one.value is not None):
                yield common | _test(code) | quantity_result("TR", one, "Not computed") | {"TRPLACE": place}
        if row["longest_mm"] is not None:
            yield common | _test("LONGUPT") | number_result("TR", row["longest_mm"], "mm", "")


def _read_uptakes(context: SdtmContext) -> dict[tuple[str, str, str, str], ReadUptake]:
    return {
        (subject.participant_id, reading.reader, reading.timepoint, one.lesion_id): one
        for subject in context.subjects
        if subject.result is not None and subject.result.response is not None
        for reading in subject.result.response.readings
        for one in reading.uptakes
    }


def _suvs(uptake: ReadUptake | None) -> tuple[tuple[str, Quantity | None], ...]:
    if uptake is None:
        return ()
    return (("SUVPEAK", uptake.suv_peak), ("SUVMAX", uptake.suv_max), ("SUVMEAN", uptake.suv_mean))


def _state(row: Row) -> dict[str, Value]:
    if row["status"] == "not_assessable":
        return not_done("TR", row["comment"] or "Not assessable on this image")
    return text_result("TR", _STATES[row["status"]])


def _pet_common(context: SdtmContext, subject: Subject, reader: str, timepoint: str, lesion_id: str) -> dict[str, Any]:
    return {
        SUBJECT: subject,
        "TRLNKID": lesion_link(UPTAKE, reader, lesion_id),
        "TRLNKGRP": pet_group(timepoint, reader),
        **pet_place(context, subject, timepoint, "TR"),
        **evaluator("TR", reader),
    }


def _volumes(context: SdtmContext) -> Iterator[dict[str, Any]]:
    """Uptake by lean body mass and volumes, of the reader whose reading stands under PERCIST."""
    for subject, criteria in _criteria(context, "percist_1_0"):
        reader = criteria.reader or (criteria.readers[0].reader if len(criteria.readers) == 1 else "")
        read = {
            (row["timepoint"], row["lesion_id"])
            for row in context.folder.rows("lesion_readings", participant_id=subject.participant_id)
            if row["reader"] == reader
        }
        place = f"{participant_place(subject.participant_id)}.criteria.criteria[percist_1_0].lesions"
        for lesion in criteria.lesions:
            if (lesion.timepoint, lesion.lesion_id) not in read:
                continue
            common = _pet_common(context, subject, reader, lesion.timepoint, lesion.lesion_id) | {"TRPLACE": place}
            for code, one in _lean(lesion):
                yield common | _test(code) | quantity_result("TR", one, "Not computed")
            yield from (common | one for one in _above(lesion))


def _lean(lesion: CriteriaLesion) -> tuple[tuple[str, Quantity], ...]:
    return (
        ("SULPEAK", lesion.peak),
        ("SULMAX", lesion.maximum),
        ("SULMEAN", lesion.mean),
        ("VOLUME", lesion.volume_mL),
        ("TOTUPT", lesion.total_g),
    )


def _above(lesion: CriteriaLesion) -> Iterator[dict[str, Value]]:
    if lesion.above is None:
        return
    limit = lesion.above.threshold.value
    threshold: dict[str, Value] = {"THRESHLD": None if limit is None else f"{limit:.15g}"}
    yield _test("VOLABOVE") | quantity_result("TR", lesion.above.volume_mL, "Not computed") | threshold
    yield _test("TOTABOVE") | quantity_result("TR", lesion.above.total_g, "Not computed") | threshold


def _classes(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("lesion_classes"):
        common = {
            SUBJECT: subject,
            **_test("UPTCLASS"),
            "TRLNKID": lesion_link(CLASSES, row["reader"], row["lesion_id"]),
            "TRLNKGRP": f"{CLASSES}-{row['timepoint']}-{row['reader']}".upper(),
            **pet_place(context, subject, row["timepoint"], "TR"),
            **evaluator("TR", row["reader"]),
            "KNOWNFR": row["known_from"].replace("_", " ").upper(),
            "VISVOLML": None if row["volume_mL"] is None else f"{row['volume_mL']:.15g}",
        }
        answer = row["uptake_class"]
        seen = answer != "not_assessable"
        yield common | (text_result("TR", answer.upper()) if seen else not_done("TR", "Not assessable on this image"))
