"""SUV by body weight: each rule, each refusal, and what the certificate says.

Expected numbers are worked out here from the definition SUVbw = concentration x weight [g] / decayed activity [Bq] and
the formulas of the IBSI-SUV manual. The small series holds 100 at 11:00; 200 MBq of 68Ga (4062.6 s) at 10:00, 70 kg,
1.75 m.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.sequence import Sequence
from slice_files import saved, series_folder, slice_dataset, tracer

from theratrial.errors import InputError
from theratrial.imaging.series import series_from_folder
from theratrial.imaging.suv import suv_certificate, suv_map
from theratrial.imaging.suv_body import lean_body_mass_janmahasatian_kg, lean_body_mass_morgan_kg
from theratrial.imaging.suv_injection import Administration
from theratrial.imaging.suv_reference import average_count_rate_time_s
from theratrial.imaging.values import SuvCertificate, SuvMap

ZONE = timezone(timedelta(hours=3.5))
LEFT = 2 ** (-3600 / 4062.6)
BASE = 100 * 70_000 / (200e6 * LEFT)


def _tracer(**changes: Any) -> dict[str, Any]:
    return {"RadiopharmaceuticalInformationSequence": Sequence([tracer(**changes)])}


def _map(tmp_path: Path, administration: Administration | None = None, **changes: Any) -> SuvMap:
    series = series_from_folder(series_folder(tmp_path, **changes), hashed=False)
    return suv_map(series, timezone=ZONE, administration=administration)


def _suv(tmp_path: Path, administration: Administration | None = None, **changes: Any) -> float:
    return float(_map(tmp_path, administration, **changes).suv_g_per_mL[0, 0, 0])


def _certificate(tmp_path: Path, **changes: Any) -> SuvCertificate:
    return _map(tmp_path, None, **changes).certificate


def test_bqml_corrected_to_the_start_divides_by_the_decayed_dose(tmp_path: Path) -> None:
    found = _map(tmp_path)
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=1e-6)
    certificate = found.certificate
    assert certificate.reference_time == datetime(2025, 1, 1, 11, 0, tzinfo=ZONE)
    assert certificate.reference_time_rule == "option A: SeriesDate and SeriesTime"
    assert certificate.reference_time_alternative_s == pytest.approx(
        average_count_rate_time_s(180, 1.7062e-4) - 90, abs=0.01
    )
    assert ("(0018,1074)", "RadionuclideTotalDose", "200000000") in certificate.tags_used
    assert ("(0010,1030)", "PatientWeight", "70") in certificate.tags_used
    assert len(certificate.factor_per_slice) == 4
    assert certificate.factor_per_slice[0] * 100 == pytest.approx(BASE)
    assert certificate.warnings == ()


def test_each_slice_has_its_own_slope(tmp_path: Path) -> None:
    import numpy as np

    for number, slope in enumerate(("1", "0.5", "4")):
        saved(slice_dataset(np.full((2, 2), 100, np.int16), number, RescaleSlope=slope), tmp_path / f"{number}.dcm")
    found = suv_map(series_from_folder(tmp_path, hashed=False))
    assert found.suv_g_per_mL[:, 0, 0] == pytest.approx([BASE, BASE / 2, BASE * 4], rel=1e-6)


def test_values_corrected_to_the_administration_divide_by_the_dose_as_given(tmp_path: Path) -> None:
    assert _suv(tmp_path, DecayCorrection="ADMIN") == pytest.approx(BASE * LEFT, rel=1e-6)


def test_dose_in_mbq_is_known_by_its_value(tmp_path: Path) -> None:
    found = _map(tmp_path, **_tracer(RadionuclideTotalDose="200"))
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=1e-6)
    assert "can only be MBq" in found.certificate.warnings[0]


def test_weight_in_grams_is_known_by_its_value(tmp_path: Path) -> None:
    found = _map(tmp_path, PatientWeight="70000")
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=1e-6)
    assert "can only be grams" in found.certificate.warnings[0]


@pytest.mark.parametrize(
    ("suv_type", "sex", "mass_kg"),
    [
        ("LBM", "M", 1.10 * 70 - 120 * (70 / 175) ** 2),
        ("LBM", "F", 1.07 * 70 - 148 * (70 / 175) ** 2),
        ("LBMJAMES128", "M", 1.10 * 70 - 128 * (70 / 175) ** 2),
        ("LBMJAMES128", "F", 1.07 * 70 - 148 * (70 / 175) ** 2),
        ("LBMJANMA", "M", 9270 * 70 / (6680 + 216 * 70 / 1.75**2)),
        ("LBMJANMA", "F", 9270 * 70 / (8780 + 244 * 70 / 1.75**2)),
        ("IBW", "M", 48.0 + 1.06 * 23),
        ("IBW", "F", 45.5 + 0.91 * 23),
        ("BW", "F", 70.0),
        (None, "F", 70.0),
    ],
)
def test_normalised_values_are_brought_back_to_body_weight(
    tmp_path: Path, suv_type: str | None, sex: str, mass_kg: float
) -> None:
    found = _suv(tmp_path, Units="GML", SUVType=suv_type, PatientSex=sex, RescaleSlope="0.01", DecayCorrection=None)
    assert found == pytest.approx(1.0 * 70 / mass_kg, rel=1e-6)


def test_the_three_lean_body_masses_differ() -> None:
    """A man of 100 kg and 1.80 m by hand: Morgan 110 - 120 (100/180)^2 = 72.96; Janmahasatian 69.37."""
    assert lean_body_mass_morgan_kg(100, 180, "M") == pytest.approx(72.963, abs=1e-3)
    assert lean_body_mass_janmahasatian_kg(100, 180, "M") == pytest.approx(927000 / (6680 + 216 * 30.8642), rel=1e-6)


def test_sex_other_takes_the_mean_and_says_what_that_may_cost(tmp_path: Path) -> None:
    found = _map(tmp_path, Units="GML", SUVType="LBM", PatientSex="O", RescaleSlope="0.01")
    mean = (1.10 * 70 - 120 * 0.16 + 1.07 * 70 - 148 * 0.16) / 2
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(70 / mean, rel=1e-6)
    assert any("PatientSex is O" in w and "%" in w for w in found.certificate.warnings)


def test_body_surface_area_is_undone_in_square_centimetres(tmp_path: Path) -> None:
    """Du Bois, 70 kg and 175 cm: 1.8481 m2; 70000 g over 18481 cm2 is 3.7877."""
    assert _suv(tmp_path, Units="CM2ML", RescaleSlope="0.01") == pytest.approx(3.7877, rel=1e-4)


@pytest.mark.parametrize("seconds_late", [61, 3600])
def test_a_series_time_after_the_acquisition_is_not_believed(tmp_path: Path, seconds_late: int) -> None:
    late = (datetime(2025, 1, 1, 11) + timedelta(seconds=seconds_late)).strftime("%H%M%S")
    found = _map(tmp_path, SeriesTime=late)
    assert found.certificate.reference_time_rule.startswith("option B")
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=2e-4)
    assert any("later processing" in why for _, why in found.certificate.alternatives_rejected)


def test_options_a_and_b_apart_by_more_than_a_minute_are_told_with_their_effect(tmp_path: Path) -> None:
    """Series time 600 s early, option B 599.5 s after it: SUV by B is 2^(599.5/4062.6) - 1 = 10.77 % higher."""
    (warning,) = _certificate(tmp_path, SeriesTime="105000").warnings
    assert "+600 s apart" in warning
    assert "+10.77 %" in warning


def test_without_frame_times_the_earliest_acquisition_is_the_last_resort(tmp_path: Path) -> None:
    found = _certificate(tmp_path, SeriesTime="113000", FrameReferenceTime=None)
    assert found.reference_time_rule == "option A: earliest AcquisitionDate and AcquisitionTime"
    assert found.reference_time_alternative_s is None
    assert any("earliest AcquisitionTime" in w for w in found.warnings)


def test_a_stated_decay_correction_moment_comes_first(tmp_path: Path) -> None:
    found = _map(tmp_path, DecayCorrectionDateTime="20250101104000")
    assert found.certificate.reference_time_rule == "DecayCorrectionDateTime (0018,9701)"
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(100 * 70_000 / (200e6 * 2 ** (-2400 / 4062.6)), rel=1e-6)


def test_start_time_without_date_falls_on_the_day_before_the_scan_after_midnight(tmp_path: Path) -> None:
    found = _map(
        tmp_path,
        SeriesTime="003000",
        AcquisitionTime="003000",
        **_tracer(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="233000"),
    )
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=1e-6)
    assert any("day before" in w for w in found.certificate.warnings)


def test_two_start_times_that_differ_are_told(tmp_path: Path) -> None:
    (warning,) = _certificate(tmp_path, **_tracer(RadiopharmaceuticalStartTime="101000")).warnings
    assert "600 s apart" in warning
    assert "10.78 %" in warning


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"Units": "CNTS"}, "neither Philips scale factor"),
        ({"Units": "CPS"}, "counts per second"),
        ({"Units": "PROPCNTS"}, "proportional to counts"),
        ({"Units": "1CM"}, "attenuation map"),
        ({"Units": None}, "not stated"),
        ({"RescaleIntercept": "5"}, "RescaleIntercept must be 0"),
        ({"CorrectedImage": ["DECY"]}, "not attenuation corrected"),
        ({"DecayCorrection": None}, "DecayCorrection .* is absent"),
        ({"DecayCorrection": "NONE", "ActualFrameDuration": None}, "its decay cannot be corrected"),
        ({"PatientWeight": None}, "PatientWeight .* is absent or 0"),
        ({"PatientWeight": "0"}, "PatientWeight .* is absent or 0"),
        ({"PatientWeight": "700"}, "no weight of a person"),
        (_tracer(RadionuclideTotalDose=None), "RadionuclideTotalDose .* is absent or 0"),
        (_tracer(RadionuclideTotalDose="5.4"), "neither Bq .* nor MBq"),
        (_tracer(RadionuclideTotalDose="200000"), "neither Bq .* nor MBq"),
        (_tracer(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime=None), "neither Radiopharm"),
        (_tracer(RadiopharmaceuticalStartDateTime="20250101113000"), "is after the scan"),
        (_tracer(RadiopharmaceuticalStartDateTime="20240101100000"), "dates do not belong together"),
        (_tracer(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="1101"), "on the day before it"),
        (_tracer(RadionuclideHalfLife="6586"), "one of them is wrong"),
        ({"RadiopharmaceuticalInformationSequence": None}, "decay is not known"),
        ({"RadiopharmaceuticalInformationSequence": Sequence([tracer(), tracer()])}, "has 2 items"),
        ({"Units": "GML", "SUVType": "SUVMAX"}, "SUVType .* is 'SUVMAX'"),
        ({"Units": "GML", "SUVType": "LBM", "PatientSize": None}, "PatientSize .* is absent"),
        ({"Units": "GML", "SUVType": "LBM", "PatientSex": None}, "PatientSex is ''"),
        ({"Units": "GML", "SUVType": "BSA"}, "SUVType .* is 'BSA' with Units GML"),
    ],
)
def test_what_would_need_a_guess_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        _suv(tmp_path, **changes)


def test_a_long_lived_tracer_without_date_is_refused(tmp_path: Path) -> None:
    undated = tracer(RadiopharmaceuticalStartDateTime=None, RadionuclideHalfLife="574300.8")
    undated.RadionuclideCodeSequence[0].CodeValue = "C-101ED"
    undated.RadionuclideCodeSequence[0].CodeMeaning = "^177^Lutetium"
    with pytest.raises(InputError, match="scanned on several days"):
        _suv(tmp_path, RadiopharmaceuticalInformationSequence=Sequence([undated]))


def test_a_ct_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a PET series"):
        _suv(tmp_path, modality="CT")


def _philips(folder: Path, **factors: str) -> Path:
    import numpy as np

    for number in range(2):
        dataset = slice_dataset(np.full((2, 2), 100, np.int16), number, Units="CNTS")
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, value in factors.items():
            block.add_new(int(element[1:], 16), "DS", value)
        saved(dataset, folder / f"{number}.dcm")
    return folder


def test_philips_counts_take_the_suv_factor_first_and_the_activity_factor_else(tmp_path: Path) -> None:
    both = suv_map(series_from_folder(_philips(tmp_path / "a", x00="0.002", x09="3")))
    assert float(both.suv_g_per_mL[0, 0, 0]) == pytest.approx(0.2)
    assert "(7053,1000)" in both.certificate.rule
    one = suv_map(series_from_folder(_philips(tmp_path / "b", x00="0", x09="3")))
    assert float(one.suv_g_per_mL[0, 0, 0]) == pytest.approx(3 * BASE, rel=1e-6)
    assert "(7053,1009)" in one.certificate.rule
    with pytest.raises(InputError, match="neither Philips"):
        suv_map(series_from_folder(_philips(tmp_path / "c", x00="0", x09="0")))


def test_the_trial_s_own_record_is_the_source_and_the_header_the_cross_check(tmp_path: Path) -> None:
    record = Administration(190.0, datetime(2025, 1, 1, 10, 5, tzinfo=ZONE), weight_kg=71.0)
    found = _map(tmp_path, record)
    expected = 100 * 71_000 / (190e6 * 2 ** (-3300 / 4062.6))
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(expected, rel=1e-6)
    assert found.certificate.administered_activity_Bq == 190e6
    (warning,) = found.certificate.warnings
    assert f"{(BASE / expected - 1) * 100:+.2f} %" in warning
    assert "administration" in found.trace.inputs


@pytest.mark.parametrize("changes", [{}, {"Units": "GML", "RescaleSlope": "0.01"}, {"DecayCorrection": "ADMIN"}])
@pytest.mark.parametrize(
    "record",
    [
        Administration(2000.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE)),
        Administration(20.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE)),
        Administration(200.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE), weight_kg=70 / 0.4536),
        Administration(200.0, datetime(2025, 1, 1, 9, 0, tzinfo=ZONE)),
    ],
)
def test_a_record_that_the_header_contradicts_gives_no_uptake(
    tmp_path: Path, record: Administration, changes: dict[str, str]
) -> None:
    with pytest.raises(InputError, match=r"contradicts the administration record: .* % off"):
        _suv(tmp_path, record, **changes)


def test_the_record_serves_where_the_header_has_nothing(tmp_path: Path) -> None:
    record = Administration(200.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE), weight_kg=70.0)
    changes = _tracer(RadionuclideTotalDose=None, RadiopharmaceuticalStartDateTime=None)
    found = _map(tmp_path, record, PatientWeight=None, **changes)
    assert float(found.suv_g_per_mL[0, 0, 0]) == pytest.approx(BASE, rel=1e-6)
    assert any("no cross-check" in w for w in found.certificate.warnings)


def test_the_record_replaces_what_the_scanner_normalised_with(tmp_path: Path) -> None:
    """Stored SUV 1.0 with 200 MBq at 10:00; really 160 MBq at 10:00: SUV 1.25."""
    record = Administration(160.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE))
    assert _suv(tmp_path, record, Units="GML", RescaleSlope="0.01") == pytest.approx(1.25, rel=1e-6)
    weighed = Administration(160.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE), weight_kg=63.0)
    assert _suv(tmp_path / "weighed", weighed, Units="GML", RescaleSlope="0.01") == pytest.approx(1.125, rel=1e-6)


def test_the_record_corrects_values_stored_at_administration(tmp_path: Path) -> None:
    """Stored as of the header's 10:00; the record says 200 MBq at 09:50, so 200 x 2^(-600/4062.6) at 10:00."""
    record = Administration(200.0, datetime(2025, 1, 1, 9, 50, tzinfo=ZONE))
    expected = 100 * 70_000 / (200e6 * 2 ** (-600 / 4062.6))
    assert _suv(tmp_path, record, DecayCorrection="ADMIN") == pytest.approx(expected, rel=1e-6)


def test_a_record_of_another_session_or_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is after the scan"):
        _suv(tmp_path, Administration(200.0, datetime(2025, 1, 1, 12, 0, tzinfo=ZONE)))
    with pytest.raises(InputError, match="carries its time zone"):
        Administration(200.0, datetime(2025, 1, 1, 10, 0))
    series = series_from_folder(tmp_path, hashed=False)
    with pytest.raises(InputError, match="without a time zone"):
        suv_map(series, administration=Administration(200.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE)))
    with pytest.raises(InputError, match="positive number"):
        Administration(0.0, datetime(2025, 1, 1, 10, 0, tzinfo=ZONE))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(weight=st.floats(3, 300), dose_MBq=st.floats(31, 20_000), minutes=st.integers(1, 400))
def test_suv_is_proportional_to_weight_and_inverse_to_the_decayed_dose(
    tmp_path: Path, weight: float, dose_MBq: float, minutes: int
) -> None:
    given_at = (datetime(2025, 1, 1, 11) - timedelta(minutes=minutes)).strftime("%Y%m%d%H%M%S")
    changes = _tracer(
        RadionuclideTotalDose=f"{dose_MBq * 1e6:.0f}",
        RadiopharmaceuticalStartDateTime=given_at,
        RadiopharmaceuticalStartTime=None,
    )
    folder = series_folder(tmp_path, 1, PatientWeight=f"{weight:.6f}", **changes)
    factors, _ = suv_certificate(series_from_folder(folder, hashed=False))
    expected = weight * 1000 / (dose_MBq * 1e6 * 2 ** (-minutes * 60 / 4062.6))
    assert factors[0] == pytest.approx(expected, rel=1e-5)
