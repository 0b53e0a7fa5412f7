"""Laboratory values to core units, and the values that are probably typed in another unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from theratrial.errors import UnitError
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Value
from theratrial.units import converted


@dataclass(frozen=True, slots=True)
class LaboratoryTest:
    """A test theratrial knows: its core unit and the values beyond which the unit is doubted.

    The bounds are theratrial's own and wide: they catch a unit mistaken by a factor of 1000 (10, for haemoglobin), not
    an ill participant. `lowest_per_mm3` holds only for counts typed per mm3 or uL, because 0.02 e9/L is a real
    neutrophil count and 1.0 cells/mm3 is not a plausible one. Zero is the same in every unit and never doubted.
    """

    id: str
    core_unit: str
    highest: float
    lowest: float = 0.0
    lowest_per_mm3: float = 0.0


LABORATORY_TESTS: Final[Mapping[str, LaboratoryTest]] = {
    test.id: test
    for test in (
        LaboratoryTest("neutrophils", "e9_per_L", 100, lowest_per_mm3=50),
        LaboratoryTest("lymphocytes", "e9_per_L", 500, lowest_per_mm3=10),
        LaboratoryTest("white_cells", "e9_per_L", 500, lowest_per_mm3=50),
        LaboratoryTest("platelets", "e9_per_L", 3000, lowest_per_mm3=1000),
        LaboratoryTest("haemoglobin", "g_per_L", 250, lowest=20),
        LaboratoryTest("albumin", "g_per_L", 100, lowest=5),
        LaboratoryTest("creatinine", "umol_per_L", 3000, lowest=5),
        LaboratoryTest("bilirubin", "umol_per_L", 1500),
        LaboratoryTest("alanine_aminotransferase", "U_per_L", 20000),
        LaboratoryTest("aspartate_aminotransferase", "U_per_L", 20000),
        LaboratoryTest("alkaline_phosphatase", "U_per_L", 20000),
        LaboratoryTest("ejection_fraction", "percent", 100, lowest=5),
    )
}


def core_value(value: float, unit: str, core_unit: str, test: str = "") -> float:
    """`value` in `core_unit`, whose own name is also taken as a unit; `test` names the substance.

    Raises
    ------
    UnitError
        The unit is unknown or belongs to another quantity.
    """
    # Twelve digits: a limit of 1.0 must not be missed by the last bit of a multiplication by 0.001.
    return value if unit == core_unit else float(f"{converted(value, unit, core_unit, test):.12g}")


def in_core_unit(values: Mapping[str, Value]) -> dict[str, Value]:
    """A laboratory line's value, limits and unit in the core unit of its test.

    Raises
    ------
    CellProblem
        The unit does not fit the test, or the value is so far off that it is probably in another unit.

    Examples
    --------
    >>> in_core_unit({"test": "haemoglobin", "value": 9.0, "unit": "g/dL", "lower_limit": None, "upper_limit": 15.0})
    {'value': 90.0, 'lower_limit': None, 'upper_limit': 150.0, 'unit': 'g_per_L'}
    """
    test, unit, value = LABORATORY_TESTS[str(values["test"])], str(values["unit"]), values["value"]
    result: dict[str, Value] = {}
    for column in ("value", "lower_limit", "upper_limit"):
        number = values.get(column)
        try:
            result[column] = core_value(number, unit, test.core_unit, test.id) if isinstance(number, float) else None
            factor = core_value(1.0, unit, test.core_unit, test.id)
        except UnitError as error:
            raise CellProblem(f"{test.id}: {error}", "write the unit the laboratory printed") from None
    result["unit"] = test.core_unit
    core = result["value"]
    if isinstance(core, float) and core != 0:
        per_mm3 = test.core_unit == "e9_per_L" and factor < 1
        lowest = test.lowest_per_mm3 * factor if per_mm3 else test.lowest
        if core > test.highest or core < lowest:
            bound = f"above {test.highest / factor:g}" if core > test.highest else f"below {lowest / factor:g}"
            raise CellProblem(
                f"{test.id} {value:g} {unit} is {bound} {unit}: probably another unit", _other_units(test)
            )
    return result


def _other_units(test: LaboratoryTest) -> str:
    if test.core_unit == "e9_per_L":
        return "counts come as 10^9/L (neutrophils about 4) or cells/mm3 (about 4000)"
    if test.id == "haemoglobin":
        return "haemoglobin comes as g/L (about 130) or g/dL (about 13)"
    return "check value and unit against the laboratory's print"
