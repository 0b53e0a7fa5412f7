"""Record tables of response beside the PET, serious events, radiation protection and follow-up; all optional."""

from __future__ import annotations

from typing import Final

from theratrial.trialfolder.columns import PERSON, SESSION_REQUIRED, Column, Table, participant_column

FURTHER_TABLES: Final[tuple[Table, ...]] = (
    Table(
        "tumour_measurements",
        "Lesions measured on CT or MRI for RECIST 1.1, one line per lesion, day and reader.",
        (
            participant_column(),
            Column("measured_on", "date", "Day of the image", True),
            Column("lesion_id", "id", "The lesion's name, kept over all days and the same as on the PET", True),
            Column("reader", "text", PERSON, True),
            Column("organ", "text", "Organ (liver, lung, lymph_node ...)", True),
            Column("role", "choice", "Role in RECIST 1.1", True, ("target", "non_target", "new")),
            Column("nodal", "flag", "Whether it is a lymph node, whose short axis is measured", True),
            Column(
                "status",
                "choice",
                "What is written in place of, or beside, a length",
                True,
                ("measured", "too_small", "absent", "merged", "present", "progressed", "not_evaluated"),
            ),
            Column("length_mm", "number", "Longest diameter; short axis of a node [mm]", minimum=0, maximum=500),
            Column("merged_into", "id", "Of a merged target the one that is measured over both; else empty"),
            Column("modality", "text", "CT, MR ..."),
            Column("comment", "text", "Remark"),
        ),
        ("participant_id", "measured_on", "lesion_id", "reader"),
    ),
    Table(
        "lesion_classes",
        "The reader's visual class of the tracer in each lesion known from any image (ZEPHIR's four classes).",
        (
            participant_column(),
            Column("timepoint", "id", "Time point of the protocol's imaging", True, refers_to="timepoint"),
            Column("lesion_id", "id", "The lesion's name", True),
            Column("reader", "text", PERSON, True),
            Column("read_at", "datetime", "When", True),
            Column("known_from", "choice", "Image that shows it", True, ("ct", "fdg_pet", "tracer", "other")),
            Column(
                "uptake_class",
                "choice",
                "Uptake of the tracer: none, near background, visible, high",
                True,
                ("none", "background", "visible", "high", "not_assessable"),
            ),
            Column("volume_mL", "number", "Volume on the image that shows it [mL]", minimum=0),
        ),
        ("participant_id", "timepoint", "lesion_id", "reader"),
    ),
    Table(
        "serious_reports",
        "Reports of serious adverse events: when the investigator knew, when the report went, to whom.",
        (
            participant_column(),
            Column("term", "text", "Term of the adverse event, as in adverse_events", True),
            Column("started_on", "date", "First day of the adverse event, as in adverse_events", True),
            Column("report", "choice", "Which report", True, ("initial", "follow_up")),
            Column("became_aware_at", "datetime", "When the investigator became aware of it", True),
            Column("sent_at", "datetime", "When the report was sent; empty while it is owed"),
            Column("recipient", "text", "To whom, in the protocol's words", True),
            Column("expected", "choice", "By the reference safety information", False, ("yes", "no", "not_known")),
            Column("narrative", "text", "What happened; no identifying detail"),
            Column("reported_by", "text", PERSON, True),
        ),
        ("participant_id", "term", "started_on", "report", "recipient", "became_aware_at"),
    ),
    Table(
        "pregnancies",
        "Pregnancies that became known in the trial, of a participant or a participant's partner.",
        (
            participant_column(),
            Column("became_aware_at", "datetime", "When the investigator became aware of it", True),
            Column("whose", "choice", "Who is pregnant", True, ("participant", "partner")),
            Column("conceived_on", "date", "Presumed day of conception"),
            Column("sent_at", "datetime", "When it was reported; empty while it is owed"),
            Column("recipient", "text", "To whom, in the protocol's words"),
            Column(
                "outcome",
                "choice",
                "How it ended, where it has",
                False,
                ("ongoing", "live_birth", "loss", "termination", "not_known"),
            ),
            Column("reported_by", "text", PERSON, True),
        ),
        ("participant_id", "became_aware_at"),
    ),
    Table(
        "household",
        "Who lives with the participant, by kind and never by name: for contact restrictions.",
        (
            participant_column(),
            Column("member_id", "id", "Number of the person in the household (1, 2 ...)", True),
            Column(
                "kind",
                "choice",
                "Who it is",
                True,
                ("adult", "pregnant", "child_under_2", "child_2_to_5", "child_5_to_11", "child_over_11"),
            ),
            Column("shares_bed", "flag", "Whether they sleep in one bed", True),
            Column("stated_on", "date", "When the participant said so", True),
        ),
        ("participant_id", "member_id"),
    ),
    Table(
        "dose_rates",
        "Dose rates measured at the participant.",
        (
            participant_column(),
            SESSION_REQUIRED,
            Column("measured_at", "datetime", "When", True),
            Column("distance_m", "number", "From the middle of the body [m]", True, minimum=0.01, maximum=10),
            Column("dose_rate_uSv_per_h", "number", "Ambient dose equivalent rate [uSv/h]", True, minimum=0),
            Column("background_uSv_per_h", "number", "Rate without the participant [uSv/h]", minimum=0),
            Column("instrument", "text", "Code of the instrument"),
            Column("measured_by", "text", PERSON),
        ),
        ("participant_id", "session", "measured_at", "distance_m"),
    ),
    Table(
        "discharges",
        "When the participant went home after a session, and with which instructions.",
        (
            participant_column(),
            SESSION_REQUIRED,
            Column("discharged_at", "datetime", "When", True),
            Column("decided_by", "text", PERSON, True),
            Column("leaflet_language", "text", "Language of the leaflet that was given; empty: none"),
        ),
        ("participant_id", "session"),
    ),
    Table(
        "follow_up",
        "What is known of the participant after treatment: alive, progressed.",
        (
            participant_column(),
            Column("seen_on", "date", "Day of contact or image", True),
            Column("status", "choice", "What is known", True, ("alive", "dead", "not_reached")),
            Column(
                "disease",
                "choice",
                "The disease, as judged that day",
                False,
                ("not_progressed", "progressed", "not_assessed"),
            ),
            Column("reported_by", "text", PERSON),
        ),
        ("participant_id", "seen_on"),
    ),
    Table(
        "later_therapy",
        "Treatment of the cancer that began after the trial's, which intercurrent events and censoring ask for.",
        (
            participant_column(),
            Column("agent", "text", "Drug or treatment", True),
            Column("started_on", "date", "First day", True),
            Column("category", "text", "Kind of treatment"),
        ),
        ("participant_id", "agent", "started_on"),
    ),
)
