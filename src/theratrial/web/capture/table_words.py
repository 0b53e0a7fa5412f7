"""What tables and columns are called where no item of a form fills them: short words, for headings."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

TABLES: Final = (
    _("Visits and procedures of the schedule, done or missed"),
    _("Whose reading of the lesions stands, where the readers differ; the latest line counts"),
    _("Images that a person assigned to a planned image by hand, inside or outside its window"),
)
"""Tables of which the shipped protocol has no form."""

COLUMNS: Final = {
    "participant_id": _("Participant"),
    "item": _("Item"),
    "value": _("Value"),
    "unit": _("Unit"),
    "visit_id": _("Visit or image"),
    "session": _("Session"),
    "status": _("Status"),
    "occurred_on": _("Day"),
    "reason": _("Reason"),
    "test": _("Laboratory test"),
    "lower_limit": _("Lower limit"),
    "upper_limit": _("Upper limit"),
    "seriousness": _("Why it is serious"),
    "action_taken": _("What was done"),
    "adjudicated_at": _("Decided at"),
    "adjudicator": _("Decided by (code)"),
    "chosen_reader": _("Reader whose reading stands"),
    "of_table": _("What was read"),
    "series_instance_uid": _("Series of the image"),
    "imaging_id": _("Planned image"),
    "assigned_at": _("Assigned at"),
    "assigned_by": _("Assigned by (code)"),
}
"""Columns that no item of a form of the shipped protocol fills, or several do."""
