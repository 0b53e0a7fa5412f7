"""The reporting checklist of clinical dosimetry: each item with its value, or named as missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from theratrial.errors import SourceError
from theratrial.reference import table
from theratrial.report.checklist_case import (
    Case,
    Filled,
    Filler,
    never,
)
from theratrial.report.checklist_doses import (
    activities_item,
    background_item,
    biological_item,
    budget_item,
    cross_dose_item,
    cumulative_item,
    curve_state_item,
    dose_uncertainty_item,
    dose_volume_item,
    doses_per_activity_item,
    extrapolated_item,
    formalism_item,
    half_lives_item,
    kind_of_dose_item,
    kinetic_model_item,
    limits_item,
    marrow_item,
    mass_scaling_item,
    masses_item,
    not_contained_item,
    prior_item,
    recovery_item,
    s_values_item,
    software_item,
    tia_item,
    volumes_item,
)
from theratrial.report.checklist_given import (
    administered_item,
    administration_time_item,
    batch_item,
    calibration_item,
    calibration_sd_item,
    compound_item,
    patient_item,
    radionuclide_item,
    regions_item,
    registration_item,
    samples_item,
    series_item,
    sessions_item,
    time_points_item,
)
from theratrial.results.values import ParticipantResult, TrialResult

TABLE: Final = "report/reporting_checklist"
_HEADERS: Final = "not in the results; it stands in the DICOM headers of the series named above"


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item with what was found."""

    item_id: str
    group: str
    item: str
    filled: Filled


FILLERS: Final[Mapping[str, Filler]] = {
    "radionuclide": radionuclide_item,
    "compound": compound_item,
    "batch": batch_item,
    "purity": never("not in the results"),
    "administered_activity": administered_item,
    "calibrator": never("the results name the reading's record, not the instrument"),
    "administration_time": administration_time_item,
    "route": never("not in the results"),
    "sessions": sessions_item,
    "patient": patient_item,
    "body": never("not in the results"),
    "premedication": never("not in the results"),
    "camera": never(_HEADERS),
    "quality_control": never("not in the results"),
    "calibration": calibration_item,
    "calibration_sd": calibration_sd_item,
    "dead_time": never("the results state no dead time of the SPECT"),
    "time_points": time_points_item,
    "windows": never(_HEADERS),
    "reconstruction": never(_HEADERS),
    "series": series_item,
    "samples": samples_item,
    "registration": registration_item,
    "regions": regions_item,
    "volumes": volumes_item,
    "masses": masses_item,
    "recovery": recovery_item,
    "background": background_item,
    "activities": activities_item,
    "kinetic_model": kinetic_model_item,
    "prior": prior_item,
    "curve_state": curve_state_item,
    "half_lives": half_lives_item,
    "tia": tia_item,
    "extrapolated": extrapolated_item,
    "formalism": formalism_item,
    "s_values": s_values_item,
    "mass_scaling": mass_scaling_item,
    "cross_dose": cross_dose_item,
    "marrow": marrow_item,
    "doses": kind_of_dose_item("organ"),
    "doses_per_activity": doses_per_activity_item,
    "tumour_doses": kind_of_dose_item("lesion"),
    "dose_volume": dose_volume_item,
    "biological": biological_item,
    "not_contained": not_contained_item,
    "dose_uncertainty": dose_uncertainty_item,
    "budget": budget_item,
    "cumulative": cumulative_item,
    "limits": limits_item,
    "software": software_item,
    "responsible": never("signed by hand below"),
}


def checklist(result: TrialResult, participant: ParticipantResult) -> tuple[ChecklistItem, ...]:
    """Every item of the shipped list, in its order.

    Raises
    ------
    SourceError
        The list has an item that nothing here fills.
    """
    case = Case(result, participant)
    found = []
    for row in table(TABLE):
        filler = FILLERS.get(row.text("id"))
        if filler is None:
            raise SourceError(f"{TABLE} line {row.line}: nothing fills item {row.text('id')!r}")
        found.append(ChecklistItem(row.text("id"), row.text("group"), row.text("item"), filler(case)))
    return tuple(found)
