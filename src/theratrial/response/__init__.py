"""Uptake of lesions on PET, and the response category of a participant by the protocol's rule."""

from theratrial.response.category import (
    CATEGORIES,
    LesionChange,
    ResponseResult,
    response_category,
)
from theratrial.response.lesions import LesionReading
from theratrial.response.sphere import Peak, PEAK_RADIUS_mm, suv_peak
from theratrial.response.uptake import LesionUptake, lesion_uptake, suv_max, suv_mean

__all__ = [
    "CATEGORIES",
    "LesionChange",
    "LesionReading",
    "LesionUptake",
    "PEAK_RADIUS_mm",
    "Peak",
    "ResponseResult",
    "lesion_uptake",
    "response_category",
    "suv_max",
    "suv_mean",
    "suv_peak",
]
