"""Forms drawn from the protocol: typed answers to rows of the record tables, with every finding. One engine.

See ``docs/methods/forms.md``.
"""

from theratrial.forms.answers import Answer
from theratrial.forms.definition import Choice, Field, FormDefinition, form_definition, form_ids
from theratrial.forms.laboratory_import import ImportedRow, LaboratoryImport, TestColumn, laboratory_import
from theratrial.forms.moments import TypedDate, TypedInstant, shown_date, shown_instant, typed_date, typed_instant
from theratrial.forms.outside import outside_values
from theratrial.forms.rows import Entered, FormRow, row_digest, row_key
from theratrial.forms.stored import answers_of
from theratrial.forms.submission import Calculated, Dropped, Issue, Submission, Undetermined, submission

__all__ = [
    "Answer",
    "Calculated",
    "Choice",
    "Dropped",
    "Entered",
    "Field",
    "FormDefinition",
    "FormRow",
    "ImportedRow",
    "Issue",
    "LaboratoryImport",
    "Submission",
    "TestColumn",
    "TypedDate",
    "TypedInstant",
    "Undetermined",
    "answers_of",
    "form_definition",
    "form_ids",
    "laboratory_import",
    "outside_values",
    "row_digest",
    "row_key",
    "shown_date",
    "shown_instant",
    "submission",
    "typed_date",
    "typed_instant",
]
