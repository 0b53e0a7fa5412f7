"""VS: height and weight (SDTMIG 3.4, 6.3.13)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import number_result, with_last_before_exposure
from theratrial.exchange.sdtm.laboratory import LAST_BEFORE
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, observations
from theratrial.exchange.sdtm.planned import TREATMENT
from theratrial.exchange.sdtm.terminology import term_list


def vs(context: SdtmContext) -> tuple[Dataset, ...]:
    """Vital signs: what was measured at screening, and the weight of each day with an injection."""
    records = with_last_before_exposure("VS", list(_measured(context)), "VSTESTCD")
    return observations(
        context,
        "VS",
        "Vital Signs",
        "VSSTAT VSREASND VISIT EPOCH VSDY",
        records,
        keys="VSTESTCD VSDTC VISITNUM",
        structure="One record per vital sign measurement per visit per subject",
        changes={
            "VSORRESU": {"origin": ASSIGNED},
            "VSSTRESU": {"origin": ASSIGNED},
            "VSLOBXFL": {"origin": DERIVED, "method": LAST_BEFORE},
        },
    )


def _measured(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject in context.subjects:
        row = subject.row
        at = {VISIT: ("screening", None)}
        yield _record(subject, "HEIGHT", row["height_cm"], "cm", row["screened_on"]) | at
        yield _record(subject, "WEIGHT", row["weight_kg"], "kg", row["screened_on"]) | at
    weighed: set[tuple[str, date]] = set()
    given = sorted(context.rows("administrations"), key=lambda one: one[1]["injected_at"])
    for subject, row in given:
        day = row["injected_at"].date()
        if row["weight_kg"] is None or (subject.participant_id, day) in weighed:
            continue
        weighed.add((subject.participant_id, day))
        made = _record(subject, "WEIGHT", row["weight_kg"], "kg", day)
        yield made | ({VISIT: (TREATMENT, row["session"])} if row["session"] is not None else {})


def _record(subject: Subject, code: str, value: float | None, unit: str, on: date) -> dict[str, Any]:
    return {
        SUBJECT: subject,
        "VSTESTCD": code,
        "VSTEST": term_list("VSTESTCD").terms[code].decode,
        "VSDTC": on,
        **number_result("VS", value, unit, "Not recorded at screening"),
    }
