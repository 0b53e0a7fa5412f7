"""What tables and columns are called where no item of a form fills them, written out for translation."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

TABLES: Final = (
    _("Visits and procedures of the schedule, done or missed"),
    _("Whose reading of the lesions stands, where the readers differ; the latest line counts"),
    _("Images that a person assigned to a planned image by hand, inside or outside its window"),
)
"""Tables of which the shipped protocol has no form."""

COLUMNS: Final = (
    _("Pseudonym of the participant, the PatientID of her images"),
    _("Item id, as named by the protocol's variables"),
    _("Value: number, yes/no or text, as the protocol's variable says"),
    _("Unit, where the protocol's variable has one"),
    _("Visit or imaging id of the protocol"),
    _("Treatment session, counted from 1"),
    _("What happened"),
    _("Date, where it was done"),
    _("Why it was missed"),
    _("Test (neutrophils, platelets, haemoglobin ...)"),
    _("Result in the stated unit"),
    _("Unit of value and limits"),
    _("Lower limit of the reference range"),
    _("Upper limit of the reference range"),
    _("Why it is serious, in the protocol's words"),
    _("What was done with the treatment, in the protocol's words"),
    _("When; readings changed later are not covered by it"),
    _("Code of the person in the delegation log, never a name"),
    _("Code of the reader whose reading stands"),
    _("Why this reading stands"),
    _("SeriesInstanceUID of the image"),
    _("Imaging id of the protocol"),
    _("When"),
    _("Why it is this image"),
)
"""Columns that no item of a form of the shipped protocol fills, or several do."""
