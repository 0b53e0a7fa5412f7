"""An administration of a radiopharmaceutical -> Radiopharmaceutical Radiation Dose SR (PS3.16 TID 10021 to 10024)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.codes import Code, dcm, sct
from theratrial.imaging.derived.making import Making, within
from theratrial.imaging.derived.sr_tree import coded, container, document, identifier, moment, number, person, text

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.68"
_CALIBRATOR = coded(
    dcm("113540", "Activity Measurement Device"), dcm("113541", "Dose Calibrator"), relation="HAS OBS CONTEXT"
)
_ADMINISTERING = coded(
    dcm("113875", "Person Role in Procedure"), dcm("113851", "Irradiation Administering"), relation="HAS PROPERTIES"
)
_SEX = {"F": dcm("F", "Female"), "M": dcm("M", "Male")}


@dataclass(frozen=True, slots=True)
class OrganDose:
    """Absorbed dose of an organ by one administration, with the method in words."""

    organ: Code
    side: Code | None
    absorbed_dose_Gy: float
    method: str
    mass_g: float | None = None
    mass_method: str = ""


@dataclass(frozen=True, slots=True)
class RecordedAdministration:
    """One administration as the trial recorded it.

    Parameters
    ----------
    key
        Names it among the patient's: product and session or time point.
    administered_activity_MBq
        At the start of the injection, residual taken off.
    measured_activity_MBq, residual_activity_MBq
        As read on the calibrator, at the moment of each reading; None where it was not read.
    administered_by
        Code of the person, never a name; empty where it is not recorded.
    """

    key: str
    product: str
    nuclide: str
    half_life_s: float
    therapeutic: bool
    administered_at: datetime
    administered_activity_MBq: float
    route: str
    measured_activity_MBq: float | None = None
    measured_at: datetime | None = None
    residual_activity_MBq: float | None = None
    residual_measured_at: datetime | None = None
    administered_by: str = ""
    batch: str = ""
    prescribed_activity_MBq: float | None = None
    age_years: float | None = None
    sex: str = ""
    height_cm: float | None = None
    weight_kg: float | None = None
    comment: str = ""
    organ_doses: tuple[OrganDose, ...] = ()


def radiation_dose_report(header: Dataset, one: RecordedAdministration, making: Making) -> Dataset:
    """A Radiopharmaceutical Radiation Dose SR.

    Parameters
    ----------
    header
        Patient and study: the first image of the administration, or none but the patient where nothing was imaged.

    Raises
    ------
    InputError
        The nuclide or the route has no code here.

    References
    ----------
    DICOM PS3.16 TID 10021, 10022, 10023, 10024 (2024d); PS3.3 A.35.14.
    """
    procedure = (
        sct("440252007", "Administration of radiopharmaceutical")
        if one.therapeutic
        else sct("241443006", "PET study for localization of tumor")
    )
    intent = sct("262202000", "Therapeutic Intent") if one.therapeutic else sct("261004008", "Diagnostic Intent")
    inside = [
        coded(
            sct("363589002", "Associated Procedure"),
            procedure,
            coded(sct("363703001", "Has Intent"), intent, relation="HAS CONCEPT MOD"),
            relation="HAS CONCEPT MOD",
        ),
        container(dcm("113502", "Radiopharmaceutical Administration"), _event(one, making)),
    ]
    if person_told := _characteristics(one):
        inside.append(container(dcm("121118", "Patient Characteristics"), person_told))
    if one.comment:
        inside.append(text(dcm("121106", "Comment"), one.comment))
    root = container(dcm("113500", "Radiopharmaceutical Radiation Dose Report"), inside)
    return document(
        header,
        making,
        root,
        _SOP_CLASS,
        ("rrdsr", one.key),
        template="10021",
        series_number=9401,
        description=f"Administered activity, {one.product}",
    )


def administration_event_uid(making: Making, key: str) -> str:
    """Identity of an administration of this patient, over all results."""
    return making.tracking_uid("administration", key)


def _event(one: RecordedAdministration, making: Making) -> list[Dataset]:
    """TID 10022, in its order, which is significant."""
    nuclide = codes.NUCLIDES.get(one.nuclide)
    if nuclide is None:
        raise InputError(f"{one.nuclide} has no code here; coded are {', '.join(codes.NUCLIDES)}")
    if one.route != "intravenous":
        raise InputError(f"route {one.route!r} has no code here; coded is intravenous")
    agent = codes.own(one.key.split("/")[0], within(one.product))
    found = [
        coded(
            sct("349358000", "Radiopharmaceutical agent"),
            agent,
            coded(sct("89457008", "Radionuclide"), nuclide, relation="HAS PROPERTIES"),
            number(
                sct("304283002", "Radionuclide Half Life"), one.half_life_s, codes.SECOND, relation="HAS PROPERTIES"
            ),
        ),
        identifier(
            dcm("113503", "Radiopharmaceutical Administration Event UID"), administration_event_uid(making, one.key)
        ),
        moment(dcm("123003", "Radiopharmaceutical Start DateTime"), one.administered_at),
        number(dcm("113507", "Administered activity"), one.administered_activity_MBq, codes.MBq),
    ]
    for name, value, at in (
        (dcm("113508", "Pre-Administration Measured Activity"), one.measured_activity_MBq, one.measured_at),
        (dcm("113509", "Post-Administration Measured Activity"), one.residual_activity_MBq, one.residual_measured_at),
    ):
        if value is not None:
            found.append(number(name, value, codes.MBq, _CALIBRATOR, observed_at=at))
    found += [_organ_dose(dose) for dose in one.organ_doses]
    found.append(
        coded(
            sct("410675002", "Route of administration"),
            codes.INTRAVENOUS,
            # Which vein is not recorded.
            coded(sct("272737002", "Site of"), sct("103386002", "Via vein"), relation="HAS PROPERTIES"),
        )
    )
    if one.administered_by:
        found.append(person(dcm("113870", "Person Name"), one.administered_by, _ADMINISTERING))
    if one.batch:
        lot = text(dcm("113512", "Radiopharmaceutical Lot Identifier"), one.batch, relation="HAS PROPERTIES")
        found.append(
            text(dcm("113511", "Radiopharmaceutical Dispense Unit Identifier"), f"{making.pseudonym}/{one.key}", lot)
        )
    return found


def _organ_dose(dose: OrganDose) -> Dataset:
    """TID 10023."""
    inside = [coded(sct("363698007", "Finding Site"), dose.organ, relation="HAS CONCEPT MOD")]
    if dose.side is not None:
        inside.append(coded(sct("272741003", "Laterality"), dose.side, relation="HAS CONCEPT MOD"))
    if dose.mass_g is not None:
        method = text(codes.MEASUREMENT_METHOD, dose.mass_method or "not stated", relation="HAS CONCEPT MOD")
        inside.append(number(sct("118538004", "Mass"), dose.mass_g, codes.GRAM, method))
    authority = text(dcm("121406", "Reference Authority"), dose.method, relation="HAS PROPERTIES")
    inside.append(number(dcm("113518", "Organ Dose"), dose.absorbed_dose_Gy * 1000, codes.mGy, authority))
    return container(dcm("113517", "Organ Dose Information"), inside)


def _characteristics(one: RecordedAdministration) -> list[Dataset]:
    """TID 10024, what is known of it."""
    found = []
    if one.age_years is not None:
        found.append(number(dcm("121033", "Subject Age"), one.age_years, codes.YEAR))
    if one.sex in _SEX:
        found.append(coded(dcm("121032", "Subject Sex"), _SEX[one.sex]))
    if one.height_cm is not None:
        found.append(number(Code("8302-2", "LN", "Patient Height"), one.height_cm, codes.CENTIMETER))
    if one.weight_kg is not None:
        found.append(number(Code("29463-7", "LN", "Patient Weight"), one.weight_kg, codes.KILOGRAM))
    return found
