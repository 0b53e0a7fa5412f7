"""SUV of a PET as a Real World Value Mapping: any reader turns stored pixels into SUVbw (PS3.3 A.46, C.7.6.16.2.11)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.making import Making, SourceImages, object_base, referenced, stamp, within, without_side

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.67"


def suv_mapping(
    source: SourceImages, factor_per_slice: Sequence[float], making: Making, key: str, *, explanation: str
) -> Dataset:
    """Slope from stored pixel value to SUVbw for every image of a PET series.

    Images with the same slope share an item. The slopes are doubles, so that nothing is lost against the values that
    the trial computed with.

    Parameters
    ----------
    factor_per_slice
        SUVbw [g/mL] per stored pixel value, by plane of the grid.
    explanation
        By what record of the injection, in up to 64 characters.

    Raises
    ------
    InputError
        The factors are not one for every plane.
    """
    if len(factor_per_slice) != len(source.headers) or source.frames:
        raise InputError(f"{len(factor_per_slice)} factors for {len(source.headers)} slices -> one for each")
    dataset = object_base(source.first, making, _SOP_CLASS, "RWV", "rwvm", key)
    dataset.SeriesNumber = 9301
    dataset.ContentLabel, dataset.ContentDescription = "SUVBW", within(explanation)
    dataset.ContentCreatorName = ""
    without_side(dataset, source.first)
    order = sorted(range(len(factor_per_slice)), key=lambda plane: (factor_per_slice[plane], plane))
    dataset.ReferencedImageRealWorldValueMappingSequence = [
        _mapped([source.headers[plane] for plane in planes], factor)
        for factor, planes in groupby(order, key=lambda plane: factor_per_slice[plane])
    ]
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ReferencedInstanceSequence = [referenced(header) for header in source.headers]
    dataset.ReferencedSeriesSequence = [series]
    stamp(dataset, making, source.first, description="SUVbw mapping")
    return dataset


def _mapped(headers: Sequence[Dataset], factor: float) -> Dataset:
    item, mapping = Dataset(), Dataset()
    item.ReferencedImageSequence = [referenced(header) for header in headers]
    bits, signed = int(headers[0].get("BitsStored", 16)), bool(headers[0].get("PixelRepresentation", 0))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    mapping.add_new("RealWorldValueFirstValueMapped", "SS" if signed else "US", low)
    mapping.add_new("RealWorldValueLastValueMapped", "SS" if signed else "US", high)
    mapping.RealWorldValueIntercept, mapping.RealWorldValueSlope = 0.0, float(factor)
    mapping.LUTExplanation, mapping.LUTLabel = "Standardized uptake value by body weight", "SUVbw"
    mapping.MeasurementUnitsCodeSequence = [codes.SUV_BW_UNIT.item()]
    mapping.QuantityDefinitionSequence = [
        _coded(codes.QUANTITY, codes.SUV_BW),
        _coded(codes.MEASUREMENT_METHOD, codes.SUV_BW_METHOD),
    ]
    item.RealWorldValueMappingSequence = [mapping]
    return item


def _coded(name: Code, value: Code) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence, item.ConceptCodeSequence = [name.item()], [value.item()]
    return item
