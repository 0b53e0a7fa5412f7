"""What the analytic code is asked to recompute: plan.json, from the protocol and the analysis that was done."""

from __future__ import annotations

from typing import Any, Final

from theratrial.exchange.adam.adtte import parameter_code
from theratrial.exchange.sdtm.laboratory import laboratory_code
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.protocol.schema import Protocol
from theratrial.results.values import TrialResult
from theratrial.safety.adverse.counts import NO_CLASS

_PEOPLE: Final = {"USUBJID": "text", "SAFFL": "text"}
USED: Final[dict[str, dict[str, str]]] = {
    "ADSL": _PEOPLE,
    "ADRS": {"USUBJID": "text", "PARAMCD": "text", "AVAL": "number", "AVALC": "text", "ANL01FL": "text"},
    "ADTTE": {"USUBJID": "text", "PARAMCD": "text", "AVAL": "number", "CNSR": "number"},
    "ADAE": _PEOPLE
    | {"AEBODSYS": "text", "AEDECOD": "text", "AETERM": "text", "AETOXGRN": "number", "TRTEMFL": "text"}
    | {"AESER": "text"}
    | {"ARELFL": "text", "DISCFL": "text", "FATALFL": "text"},
    "ADLB": {"USUBJID": "text", "PARAMCD": "text", "ATOXGR": "text", "ABLFL": "text", "WORSTFL": "text"},
    "ADDOS": {"USUBJID": "text", "PARAMCD": "text", "REGION": "text", "SESSION": "number", "AVAL": "number"}
    | {"NOUPFL": "text", "DOSLIM": "number"},
    "ADTR": {"USUBJID": "text", "LESION": "text", "PARAMCD": "text", "AVAL": "number", "AVALC": "text"}
    | {"AVALLO": "number", "AVALHI": "number"},
}
"""Data set -> the variables that the code reads, and as what."""
RESTS_ON: Final[dict[str, str]] = {
    "primary": "ADRS: AVALC of DCPRIM and RSPPROT where ANL01FL is Y",
    "sensitivity": "ADRS: AVALC and ANL01FL of DCPRIM, DCS01, DCS02 ...",
    "response": "ADRS: AVALC of RSPPROT, AVAL of PCHGHOT",
    "survival, survival_steps": "ADTTE: AVAL and CNSR",
    "adverse, adverse_overview": (
        "ADAE where SAFFL and TRTEMFL are Y: AEBODSYS, AEDECOD, AETOXGRN, AESER, ARELFL, DISCFL, FATALFL"
    ),
    "laboratory_shift": "ADSL: SAFFL; ADLB: ATOXGR where ABLFL or WORSTFL is Y",
    "activities": "ADDOS: SESSION and AVAL of ADMACT",
    "organ_doses": "ADDOS: AVAL and NOUPFL of CUMDOSE, the last DOSLIM of each organ",
    "dose_response": "ADTR: ranks of AVAL of LSDOSE and LSPCHG, whether AVALHI is there, AVALC of LSSTAT",
}
"""Published table -> the cells that can change it: the others of `USED` are read, and only their digest tells."""


def plan_of(result: TrialResult, protocol: Protocol) -> dict[str, Any]:
    """The content of plan.json: methods, levels, and which parameter holds which analysis."""
    endpoint, test = result.endpoint, result.analysis.test
    return {
        "trial": result.trial_id,
        "simulated": result.simulated,
        "demonstration_assumptions": len(result.assumptions),
        "data_sets": {name: {"variables": columns, "may_be_absent": name != "ADSL"} for name, columns in USED.items()},
        "endpoint": {
            "title": endpoint.title,
            "categories": [name for name, _ in endpoint.categories],
            "method": endpoint.interval_method,
            "level": endpoint.confidence_level,
        },
        "test": None if test is None else {"null_fraction": test.null_fraction},
        "sensitivity": _ways(result),
        "response_lines": _lines(result),
        "survival": [
            {
                "parameter": parameter_code(one.survival_id),
                "title": one.title,
                "transform": one.transform,
                "level": one.confidence_level,
            }
            for one in result.analysis.survival
        ],
        "laboratory_tests": [
            {"code": laboratory_code(test)[0], "title": test.replace("_", " ")} for test in laboratory_tests(result)
        ],
        "organs": [{"region": region, "title": title} for region, title in organs(protocol)],
        "no_class": NO_CLASS,
    }


def _ways(result: TrialResult) -> list[dict[str, str]]:
    found, number = [], 0
    for way in result.analysis.proportions:
        parameter = "DCPRIM"
        if way.kind not in ("primary", "interval"):
            number += 1
            parameter = f"DCS{number:02d}"
        found.append({"name": way.name, "parameter": parameter, "method": way.interval_method})
    return found


def _lines(result: TrialResult) -> list[float]:
    responses = [one.response for one in result.participants if one.response is not None]
    falls = {-one.partial_decrease_percent for one in responses if one.partial_decrease_percent is not None}
    rises = {one.progression_increase_percent for one in responses if one.progression_increase_percent is not None}
    return sorted(falls | rises)


def laboratory_tests(result: TrialResult) -> list[str]:
    """Tests that any treated participant has a value of."""
    return sorted({point.test for one in result.participants if one.treated for point in one.laboratory})


def organs(protocol: Protocol) -> list[tuple[str, str]]:
    """(id, title) of the organs whose dose the protocol asks for, in its order."""
    return [
        (ascii_text(key), clause.reading.title)
        for key, clause in protocol.dose_regions.items()
        if clause.reading is not None and clause.reading.kind == "organ"
    ]
