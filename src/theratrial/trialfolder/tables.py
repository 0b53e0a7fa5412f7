"""The record tables of a trial folder: one definition, from which reader, writer, templates and docs derive.

Units stand in the column names or, for laboratory values, in a ``unit`` column. Dates are Gregorian ISO 8601
(``2022-03-05``); instants are ISO 8601 with an offset (``2022-03-05T09:30+03:30``), or without one in the protocol's
time zone. Empty means missing, never zero.
"""

from __future__ import annotations

from typing import Final

from theratrial.trialfolder.columns import (
    PERSON,
    SESSION,
    SESSION_REQUIRED,
    Column,
    ColumnType,
    Reference,
    Table,
    participant_column,
)
from theratrial.trialfolder.further_tables import FURTHER_TABLES

__all__ = ["FOLDER_SCHEMA_VERSION", "TABLES", "Column", "ColumnType", "Reference", "Table", "column_types", "table"]

FOLDER_SCHEMA_VERSION: Final = "1.2"

TABLES: Final[tuple[Table, ...]] = (
    Table(
        "participants",
        "Everybody screened, treated or not.",
        (
            participant_column(),
            Column("site_id", "id", "Recruiting centre", True),
            Column("screened_on", "date", "Date of screening", True),
            Column("age_years", "number", "Age at screening [years]", minimum=0, maximum=130),
            Column("sex", "choice", "Sex", True, ("female", "male", "other")),
            Column("height_cm", "number", "Height at screening [cm]", minimum=50, maximum=250),
            Column("weight_kg", "number", "Weight at screening [kg]", minimum=20, maximum=350),
            Column("note", "text", "Remark; no identifying detail"),
        ),
        ("participant_id",),
        required=True,
    ),
    Table(
        "prior_therapy",
        "Treatment before the trial, the last cold trastuzumab among it.",
        (
            participant_column(),
            Column("agent", "text", "Drug or treatment", True),
            Column(
                "category",
                "choice",
                "Kind of treatment",
                True,
                ("trastuzumab", "other_her2", "chemotherapy", "endocrine", "radiotherapy", "surgery", "other"),
            ),
            Column("first_given_on", "date", "First dose or date of the procedure"),
            Column("last_given_on", "date", "Last dose"),
            Column("outcome", "choice", "How it ended", False, ("resistant", "relapsed", "responding", "not_known")),
        ),
        ("participant_id", "agent", "first_given_on"),
    ),
    Table(
        "consents",
        "Informed consent, re-consent and withdrawal.",
        (
            participant_column(),
            Column("form_version", "text", "Version of the consent form", True),
            Column("language", "text", "Language of the form", True),
            Column("signed_at", "datetime", "When the participant signed", True),
            Column("obtained_by", "text", PERSON, True),
            Column("witness", "text", "Code of an impartial witness, where one was needed"),
            Column("copy_given", "flag", "Whether the participant was given a copy of the signed form"),
            Column("withdrawn_at", "datetime", "When consent was withdrawn"),
            Column(
                "withdrawal_kind",
                "choice",
                "What was withdrawn",
                False,
                ("treatment", "follow_up", "data_use", "all"),
            ),
        ),
        ("participant_id", "signed_at", "form_version"),
        required=True,
    ),
    Table(
        "withdrawals",
        "Further withdrawals, beside that in the line of the consent. A consent signed later takes a withdrawal back.",
        (
            participant_column(),
            Column("withdrawn_at", "datetime", "When it was withdrawn", True),
            Column(
                "withdrawal_kind",
                "choice",
                "What was withdrawn",
                True,
                ("treatment", "follow_up", "data_use", "all"),
            ),
            Column("reason", "text", "Reason, where she gave one; no identifying detail"),
        ),
        ("participant_id", "withdrawn_at", "withdrawal_kind"),
    ),
    Table(
        "eligibility",
        "Eligibility items that no other table holds (performance status, pregnancy, sensitivity, infection ...).",
        (
            participant_column(),
            Column("item", "id", "Item id, as named by the protocol's variables", True, refers_to="item"),
            Column("value", "text", "Value: number, yes/no or text, as the protocol's variable says", True),
            Column("unit", "text", "Unit, where the protocol's variable has one"),
            Column("assessed_on", "date", "When", True),
            Column("assessed_by", "text", PERSON),
            Column("source", "text", "Source document"),
        ),
        ("participant_id", "item", "assessed_on"),
    ),
    Table(
        "selection_reads",
        "Read of the selection image (HER2 positivity on 68Ga-trastuzumab PET/CT).",
        (
            participant_column(),
            Column("read_at", "datetime", "When it was read", True),
            Column("reader", "text", PERSON, True),
            Column("reader_role", "text", "Role of the reader", True),
            Column("lesions_total", "integer", "Lesions known from any image", minimum=0),
            Column("lesions_positive", "integer", "Of these, lesions with uptake above the reference", minimum=0),
            Column("result", "choice", "The reader's result", True, ("positive", "negative", "equivocal")),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "reader", "read_at"),
    ),
    Table(
        "visits",
        "Visits and procedures of the schedule, done or missed.",
        (
            participant_column(),
            Column("visit_id", "id", "Visit or imaging id of the protocol", True, refers_to="visit_or_imaging"),
            SESSION,
            Column("status", "choice", "What happened", True, ("done", "missed")),
            Column("occurred_on", "date", "Date, where it was done"),
            Column("reason", "text", "Why it was missed"),
        ),
        ("participant_id", "visit_id", "session"),
    ),
    Table(
        "batches",
        "Radiopharmaceutical batches with their release tests.",
        (
            Column("batch_id", "id", "Batch number", True),
            Column("product_id", "id", "Product of the protocol", True, refers_to="product"),
            Column("activity_MBq", "number", "Activity of the batch at the reference time [MBq]", True, minimum=0),
            Column("reference_at", "datetime", "Reference time of the activity", True),
            Column("expires_at", "datetime", "Expiry", True),
            Column("antibody_mass_mg", "number", "Antibody in the batch [mg]", minimum=0),
            Column("radiochemical_purity_percent", "number", "Radiochemical purity [%]", minimum=0, maximum=100),
            Column("immunoreactive_fraction_percent", "number", "Immunoreactive fraction [%]", minimum=0, maximum=100),
            Column("released", "flag", "Whether the batch was released", True),
            Column("released_at", "datetime", "When it was released"),
            Column("released_by", "text", PERSON),
        ),
        ("batch_id",),
    ),
    Table(
        "administrations",
        "Each injection: calibrator reading, residual, times, antibody mass.",
        (
            participant_column(),
            Column("product_id", "id", "Product of the protocol", True, refers_to="product"),
            Column("session", "integer", "Treatment session; empty for imaging products", minimum=1, maximum=99),
            Column(
                "timepoint",
                "id",
                "Imaging time point (baseline, response) of an imaging product",
                refers_to="timepoint",
            ),
            Column("batch_id", "id", "Batch", True, refers_to="batches"),
            Column("prescribed_activity_MBq", "number", "Prescribed [MBq]", minimum=0),
            Column("measured_activity_MBq", "number", "Calibrator reading of the syringe [MBq]", True, minimum=0),
            Column("measured_at", "datetime", "When the syringe was measured", True),
            Column("residual_activity_MBq", "number", "Calibrator reading of what was left [MBq]", minimum=0),
            Column("residual_measured_at", "datetime", "When the residual was measured"),
            Column("injected_at", "datetime", "Start of the injection", True),
            Column("antibody_mass_mg", "number", "Antibody injected [mg]", minimum=0),
            Column("route", "text", "Route", True),
            Column("extravasation", "flag", "Whether extravasation was seen"),
            Column(
                "pregnancy_test",
                "choice",
                "Pregnancy test before the injection",
                False,
                ("negative", "positive", "not_done", "not_applicable"),
            ),
            Column("weight_kg", "number", "Weight that day [kg]", minimum=20, maximum=350),
            Column("administered_by", "text", PERSON),
        ),
        ("participant_id", "product_id", "session", "timepoint"),
    ),
    Table(
        "laboratory",
        "Laboratory results with unit and reference range, as reported.",
        (
            participant_column(),
            Column("collected_at", "datetime", "When the sample was taken", True),
            Column("test", "id", "Test (neutrophils, platelets, haemoglobin ...)", True, refers_to="test"),
            Column("value", "number", "Result in the stated unit", True, minimum=0),
            Column("unit", "text", "Unit of value and limits", True),
            Column("lower_limit", "number", "Lower limit of the reference range", minimum=0),
            Column("upper_limit", "number", "Upper limit of the reference range", minimum=0),
            Column("laboratory", "text", "Code of the laboratory"),
        ),
        ("participant_id", "test", "collected_at"),
    ),
    Table(
        "adverse_events",
        "Adverse events with CTCAE grade.",
        (
            participant_column(),
            Column("term", "text", "CTCAE term", True),
            Column("ctcae_version", "choice", "Version of CTCAE used", True, ("5.0", "6.0")),
            Column("grade", "integer", "Grade", True, minimum=1, maximum=5),
            Column("started_on", "date", "First day", True),
            Column("ended_on", "date", "Last day; empty while it lasts"),
            Column("serious", "flag", "Serious adverse event", True),
            Column("related", "choice", "Relation to the treatment", True, ("related", "not_related", "not_assessed")),
            Column(
                "outcome",
                "choice",
                "Outcome, in the terms of CDISC (OUT); empty: not recorded",
                choices=("recovered", "recovering", "not_recovered", "recovered_with_sequelae", "fatal", "not_known"),
            ),
            Column("seriousness", "text", "Why it is serious, in the protocol's words"),
            Column("action_taken", "text", "What was done with the treatment, in the protocol's words"),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "term", "started_on"),
    ),
    Table(
        "examinations",
        "Examinations by the physicians who decide on the next session.",
        (
            participant_column(),
            Column("visit_id", "id", "Visit of the protocol", True, refers_to="visit"),
            SESSION_REQUIRED,
            Column("examined_on", "date", "When", True),
            Column("examiner", "text", PERSON, True),
            Column("examiner_role", "text", "Role of the examiner", True),
            Column("ecog", "integer", "ECOG performance status", minimum=0, maximum=5),
            Column(
                "toxicity",
                "choice",
                "Toxicity that forbids the next session",
                True,
                ("none", "present", "not_assessed"),
            ),
            Column(
                "pregnancy_test",
                "choice",
                "Pregnancy test at this visit",
                False,
                ("negative", "positive", "not_done", "not_applicable"),
            ),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "visit_id", "session", "examiner_role"),
    ),
    Table(
        "biodistribution_reads",
        "Reads of the therapy scans.",
        (
            participant_column(),
            SESSION_REQUIRED,
            Column("imaging_id", "id", "Imaging id of the protocol", True, refers_to="imaging"),
            Column("reader", "text", PERSON, True),
            Column("reader_role", "text", "Role of the reader", True),
            Column("read_at", "datetime", "When", True),
            Column("result", "text", "Answer, one of the protocol's", True, refers_to="answer"),
            Column("lesions_seen", "integer", "Lesions of the selection PET seen on the scan", minimum=0),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "session", "imaging_id", "reader"),
    ),
    Table(
        "lesion_readings",
        "The reader's lesions at each time point; their uptake is computed from the image, not typed.",
        (
            participant_column(),
            Column(
                "timepoint",
                "id",
                "Time point of the protocol's imaging (baseline, response)",
                True,
                refers_to="timepoint",
            ),
            Column("lesion_id", "id", "The lesion's name, kept over all time points", True),
            Column("reader", "text", PERSON, True),
            Column("read_at", "datetime", "When", True),
            Column("site", "text", "Where (liver, bone, lymph_node, breast ...)", True),
            Column("role", "choice", "Role in the response rule", True, ("target", "non_target", "new")),
            Column("status", "choice", "What the reader sees", True, ("present", "resolved", "not_assessable")),
            Column("region_name", "text", "Name of its region in the RTSTRUCT or SEG of that image"),
            Column(
                "longest_mm", "number", "Longest dimension of its uptake [mm], for EORTC 1999", minimum=0, maximum=2000
            ),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "timepoint", "lesion_id", "reader"),
    ),
    Table(
        "adjudications",
        "Whose reading of the lesions stands, where the readers differ; the latest line counts.",
        (
            participant_column(),
            Column("adjudicated_at", "datetime", "When; readings changed later are not covered by it", True),
            Column("adjudicator", "text", PERSON, True),
            Column("chosen_reader", "text", "Code of the reader whose reading stands", True),
            Column("reason", "text", "Why this reading stands", True),
            Column(
                "of_table",
                "choice",
                "What was read: lesion_readings (also where empty) or tumour_measurements",
                choices=("lesion_readings", "tumour_measurements"),
            ),
        ),
        ("participant_id", "adjudicated_at"),
    ),
    Table(
        "image_assignments",
        "Images that a person assigned to a planned image by hand, inside or outside its window.",
        (
            participant_column(),
            Column("series_instance_uid", "text", "SeriesInstanceUID of the image", True),
            Column("imaging_id", "id", "Imaging id of the protocol", True, refers_to="imaging"),
            SESSION,
            Column("assigned_at", "datetime", "When", True),
            Column("assigned_by", "text", PERSON, True),
            Column("reason", "text", "Why it is this image", True),
        ),
        ("participant_id", "series_instance_uid"),
    ),
    Table(
        "dispositions",
        "How participation ended.",
        (
            participant_column(),
            Column("occurred_on", "date", "When", True),
            Column(
                "event",
                "choice",
                "What ended it",
                True,
                ("screen_failure", "completed", "gate_stop", "withdrawal", "progression", "death", "lost_to_follow_up"),
            ),
            Column("reason", "text", "Reason"),
        ),
        ("participant_id", "event"),
    ),
    Table(
        "calibrations",
        "Camera calibrations: dated factors with uncertainty.",
        (
            Column("calibration_id", "id", "Name of the calibration", True),
            Column("camera", "text", "StationName in the images", True),
            Column("kind", "choice", "What it is for", True, ("spect", "planar")),
            Column("nuclide", "text", "Nuclide", True),
            Column("factor_cps_per_MBq", "number", "Count rate per activity [cps/MBq]", True, minimum=1e-9),
            Column("relative_sd_percent", "number", "Relative standard deviation [%]", True, minimum=0, maximum=100),
            Column("valid_from", "date", "First day it holds", True),
            Column("geometry", "text", "Phantom and geometry it was measured with"),
            Column("dead_time_us", "number", "Paralysable dead time of a planar camera [us]", minimum=0),
            Column("dead_time_sd_percent", "number", "Its relative standard deviation [%]", minimum=0, maximum=100),
            Column("dead_time_valid_kcps", "number", "Highest rate at which it was measured [kcps]", minimum=0),
            Column("intrinsic_fwhm_mm", "number", "Intrinsic resolution of a planar camera [mm FWHM]", minimum=0),
            Column("face_fwhm_mm", "number", "Resolution of its collimator at the face [mm FWHM]", minimum=0),
            Column("fwhm_mm_per_mm", "number", "Growth of that with distance [mm FWHM per mm]", minimum=0, maximum=1),
            Column("gap_mm", "number", "Usual distance from the face to the body [mm]", minimum=0, maximum=500),
        ),
        ("calibration_id",),
    ),
    Table(
        "recoveries",
        "Recovery of SPECT by volume: one line per sphere of the phantom, activity seen over activity in it.",
        (
            Column("camera", "text", "StationName in the images", True),
            Column("nuclide", "text", "Nuclide", True),
            Column("valid_from", "date", "First day it holds", True),
            Column("volume_mL", "number", "Volume of the sphere [mL]", True, minimum=1e-3),
            Column("coefficient", "number", "Activity seen in the outline over activity in it", True, minimum=1e-3),
            Column("relative_sd_percent", "number", "Relative standard deviation [%]", True, minimum=0, maximum=100),
            Column("geometry", "text", "Phantom, background and reconstruction it was measured with"),
        ),
        ("camera", "nuclide", "valid_from", "volume_mL"),
    ),
    *FURTHER_TABLES,
)


def table(name: str) -> Table:
    """The definition of ``records/<name>.csv`` (KeyError if there is none)."""
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def column_types() -> dict[str, dict[str, str]]:
    """Table -> column -> type: what a protocol may refer to."""
    return {one.name: {column.name: column.type for column in one.columns} for one in TABLES}
