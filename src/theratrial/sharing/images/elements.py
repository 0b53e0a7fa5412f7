"""Which elements of a data set are what: kept by kind, kept with a reason, or text that must be cleaned."""

from __future__ import annotations

import re
import struct
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

from theratrial.reference import table

NUMBERS_AS_TEXT: Final = frozenset(("DS", "IS"))
NUMBERS: Final = frozenset(("FL", "FD", "SL", "SS", "UL", "US", "SV", "UV", "AT"))
MOMENTS: Final = frozenset(("DA", "DT", "TM"))
TEXTS: Final = frozenset(("LO", "SH", "ST", "LT", "UT", "UC"))
BULK: Final = frozenset(("OB", "OW", "OF", "OD", "OL", "OV", "UN"))

KEPT_BULK: Final = frozenset(
    (
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
        "LUTData",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
        "SegmentedRedPaletteColorLookupTableData",
        "SegmentedGreenPaletteColorLookupTableData",
        "SegmentedBluePaletteColorLookupTableData",
        "VectorGridData",
        "PointCoordinatesData",
        "LongPrimitivePointIndexList",
    )
)
PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

KEPT_UIDS: Final = frozenset(("TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID"))
"""Besides those whose keyword ends in SOPClassUID: they name a kind of thing, not a thing."""

MACHINE_TEXTS: Final = frozenset(
    (
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "CodeValue",
        "LongCodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodeMeaning",
        "MappingResourceName",
        "RescaleType",
        "LUTExplanation",
        "LUTLabel",
        "WindowCenterWidthExplanation",
        "ConvolutionKernel",
        "FilterType",
        "CollimatorGridName",
        "EnergyWindowName",
        "Radiopharmaceutical",
        "RadiopharmaceuticalRoute",
        "AttenuationCorrectionMethod",
        "ScatterCorrectionMethod",
        "ReconstructionMethod",
        "RandomsCorrectionMethod",
        "DecayCorrectionMethod",
        "SegmentAlgorithmName",
        "AlgorithmName",
        "AlgorithmVersion",
        "PixelSpacingCalibrationDescription",
        "ROIPhysicalProperty",
        "TemplateIdentifier",
        "DimensionDescriptionLabel",
    )
)
"""Texts that machines write and that quantification or the reader of the data needs: kept but for own strings."""

PUBLISHED_SCHEMES: Final = frozenset(
    (
        "DCM",
        "SCT",
        "SRT",
        "SNM3",
        "99SDM",
        "UCUM",
        "LN",
        "FMA",
        "NCIT",
        "RADLEX",
        "UMLS",
        "RADNUCL",
        "IBSI",
        "MSH",
        "ISO639_1",
        "ISO639_2",
        "RFC5646",
        "ISO3166_1",
        "99QIICR",
        "99PMP",
        "99IBSI",
        "I10",
        "I9C",
        "RO",
        "DCMUID",
        "99THERATRIAL",
    )
)
"""Coding schemes whose meanings somebody published; the codes of any other may hold what a hospital wrote."""

_NUMBER_TEXT: Final = re.compile(rb"[0-9+\-eE. \\\0]*")
_UNPACKED: Final = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "UL": "I", "US": "H"}


def keyword(tag: int) -> str:
    """DICOM keyword, else the tag as ``(gggg,eeee)``."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def representation(element: Any, *, private: bool = False) -> str:
    """Value representation of an element as stored, without decoding its value; "UN" where it is not known."""
    vr = str(element.VR or "")
    if (vr in ("", "UN")) and not private and dictionary_has_tag(element.tag):
        vr = dictionary_VR(element.tag).split(" ")[0]
    return vr or "UN"


def is_raw(element: Any) -> bool:
    """Whether pydicom still holds the bytes of the file for it."""
    return isinstance(element, RawDataElement)


def numbers_only(element: Any) -> bool:
    """Whether a DS or IS value holds numbers and nothing else."""
    if is_raw(element):
        value = element.value or b""
        return isinstance(value, bytes) and _NUMBER_TEXT.fullmatch(value) is not None
    parts = listed(element.value)
    return all(_NUMBER_TEXT.fullmatch(str(part).encode("utf-8", "replace")) is not None for part in parts)


def listed(value: Any) -> list[Any]:
    """The values of an element, one or several. A person's name can be iterated too, letter by letter: it is one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, MultiValue)) else [value]


def safe_private() -> dict[tuple[int, int, str], str]:
    """(group, element within its block, creator) -> ``number`` or ``moment``."""
    return {
        (int(row.text("group"), 16), int(row.text("element"), 16), row.text("creator")): row.text("kind")
        for row in table("sharing/images/safe_private")
    }


def private_number(element: Any) -> bool:
    """Whether the value of a private element is a number, as text or in binary."""
    vr, value = str(element.VR or ""), element.value
    if vr in _UNPACKED or isinstance(value, (int, float)):
        return True
    if isinstance(value, bytes):
        if _NUMBER_TEXT.fullmatch(value) is not None and value.strip(b" \0"):
            return True
        return vr == "UN" and len(value) in (2, 4, 8) and _binary_number(value)
    return vr in NUMBERS_AS_TEXT and numbers_only(element)


def _binary_number(value: bytes) -> bool:
    """Whether bytes of a UN make a number that is no text by accident."""
    if len(value) == 2:
        return True
    number = struct.unpack("<f" if len(value) == 4 else "<d", value)[0]
    return bool(number == number) and not value.strip(b"\0 ").isalnum()
