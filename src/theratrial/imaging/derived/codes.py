"""Codes of the derived objects, by the standard's own scheme designators (PS3.16 8).

Meanings are those of PS3.16; a test compares each with the dictionary of an independent reader. What the standard has
no code for carries one of our own (`SCHEME`), and docs/methods/derived_objects.md lists it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from theratrial.imaging.derived.making import SCHEME

_SHORT: Final = 16


@dataclass(frozen=True, slots=True)
class Code:
    """Value, scheme and meaning, as DICOM codes a concept."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """As an item of a code sequence."""
        found = Dataset()
        # A value beyond 16 characters has an attribute of its own (PS3.3 8.1).
        setattr(found, "CodeValue" if len(self.value) <= _SHORT else "LongCodeValue", self.value)
        found.CodingSchemeDesignator, found.CodeMeaning = self.scheme, self.meaning
        return found


def sct(value: str, meaning: str) -> Code:
    """A concept of SNOMED CT."""
    return Code(value, "SCT", meaning)


def dcm(value: str, meaning: str) -> Code:
    """A concept of DICOM."""
    return Code(value, "DCM", meaning)


def unit(value: str, meaning: str) -> Code:
    """A unit of UCUM."""
    return Code(value, "UCUM", meaning)


def own(value: str, meaning: str) -> Code:
    """A concept of our own."""
    return Code(value, SCHEME, meaning)


ANATOMICAL_STRUCTURE: Final = sct("91723000", "Anatomical Structure")
ABNORMAL_STRUCTURE: Final = sct("49755003", "Morphologically Abnormal Structure")
TISSUE: Final = sct("85756007", "Tissue")
LESION: Final = sct("52988006", "Lesion")
SIDES: Final[Mapping[str, Code]] = {
    "left": sct("7771000", "Left"),
    "right": sct("24028007", "Right"),
    "both": sct("51440002", "Bilateral"),
}
ORGANS: Final[Mapping[str, str]] = {
    "10200004": "Liver",
    "64033007": "Kidney",
    "78961009": "Spleen",
    "80891009": "Heart",
    "39607008": "Lung",
    "14016003": "Bone Marrow",
    "76752008": "Breast",
    "272673000": "Bone",
    "59441001": "Lymph Node",
    "12738006": "Brain",
    "69748006": "Thyroid",
    "89837001": "Bladder",
    "23451007": "Adrenal gland",
    "39937001": "Skin",
    "3120008": "Pleura",
    "15825003": "Aorta",
    "421060004": "Spine",
    "15776009": "Pancreas",
    "71854001": "Colon",
    "69695003": "Stomach",
    "385294005": "Salivary Glands",
}
"""Meaning in the standard, by the code of SNOMED CT."""
SITES: Final[Mapping[str, str]] = {
    "liver": "10200004",
    "bone": "272673000",
    "breast": "76752008",
    "lymph_node": "59441001",
    "lung": "39607008",
    "brain": "12738006",
    "skin": "39937001",
    "pleura": "3120008",
    "spleen": "78961009",
    "adrenal": "23451007",
    "lymph node": "59441001",
}
"""Where a lesion lies, by the word of the records; other words have no code and stand in the label."""
RADIOSENSITIVE: Final = frozenset(
    {"10200004", "64033007", "78961009", "80891009", "39607008", "14016003", "76752008", "12738006", "69748006",
     "89837001", "23451007", "39937001", "15776009", "71854001", "69695003", "59441001", "385294005"}
)  # fmt: skip
"""Organs of CID 10044 among `ORGANS`."""

SUV_BW: Final = dcm("126401", "SUVbw")
SUV_BW_METHOD: Final = dcm("126410", "SUV body weight calculation method")
SUV_BW_UNIT: Final = unit("g/ml{SUVbw}", "Standardized Uptake Value body weight")


@dataclass(frozen=True, slots=True)
class LeanBodyMassCodes:
    """SUV by lean body mass: the three formulas are three quantities."""

    quantity: Code
    method: Code
    unit: Code


SUL: Final[Mapping[str, LeanBodyMassCodes]] = {
    "james_128": LeanBodyMassCodes(
        dcm("126406", "SUVlbm(James128)"),
        dcm("126415", "SUV lean body mass calculation method using 128 multiplier"),
        unit("g/ml{SUVlbm(James128)}", "Standardized Uptake Value lean body mass (James 128 multiplier)"),
    ),
    "morgan_120": LeanBodyMassCodes(
        dcm("126402", "SUVlbm"),
        dcm("126411", "SUV lean body mass calculation method"),
        unit("g/ml{SUVlbm}", "Standardized Uptake Value lean body mass (James)"),
    ),
    "janmahasatian": LeanBodyMassCodes(
        dcm("126405", "SUVlbm(Janma)"),
        dcm("126414", "SUV lean body mass calculation Janmahasatian method"),
        unit("g/ml{SUVlbm(Janma)}", "Standardized Uptake Value lean body mass (Janma)"),
    ),
}
"""By the formula's name in the protocol."""

MAXIMUM: Final = sct("56851009", "Maximum")
MEAN: Final = sct("373098007", "Mean")
STANDARD_DEVIATION: Final = sct("386136009", "Standard Deviation")
PEAK: Final = dcm("126031", "Peak Value Within ROI")
VOLUME: Final = sct("118565006", "Volume")
MEASUREMENT_METHOD: Final = sct("370129005", "Measurement Method")
QUANTITY: Final = sct("246205007", "Quantity")
REFERENCE_REGION: Final = own("reference_region", "Reference region")
ABOVE_THRESHOLD: Final = own("volume_above_threshold", "Part of the region at or above the uptake threshold")
WHOLE_REGION: Final = own("whole_region", "Region as drawn")
THRESHOLD: Final = own("uptake_threshold", "Uptake threshold")
TOTAL_UPTAKE: Final = own("total_lesion_uptake", "Total lesion uptake (volume times mean)")
LESION_STATUS: Final = own("lesion_status", "Status of the lesion as read")
LESION_ROLE: Final = own("lesion_role", "Role of the lesion in the response criteria")
STATUSES: Final[Mapping[str, Code]] = {
    "present": own("present", "Present"),
    "resolved": own("resolved", "Resolved"),
    "not_assessable": own("not_assessable", "Not assessable"),
}
ROLES: Final[Mapping[str, Code]] = {
    "target": own("target", "Target"),
    "non_target": own("non_target", "Non-target"),
    "new": own("new", "New"),
}

mL: Final = unit("ml", "milliliter")
GRAM: Final = unit("g", "gram")
MBq: Final = unit("MBq", "megabecquerel")
mGy: Final = unit("mGy", "mGy")
SECOND: Final = unit("s", "second")
KILOGRAM: Final = unit("kg", "kilogram")
CENTIMETER: Final = unit("cm", "cm")
YEAR: Final = unit("a", "year")

NUCLIDES: Final[Mapping[str, Code]] = {
    "Ga-68": sct("35337001", "^68^Gallium"),
    "Lu-177": sct("447553000", "^177^Lutetium"),
    "F-18": sct("77004003", "^18^Fluorine"),
}
INTRAVENOUS: Final = sct("47625008", "Intravenous route")
