"""The three things every clause holds side by side: verbatim text, machine reading, decision."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""Name of a clause, visit, item or region inside a protocol: lower case, digits, underscore."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]*$", max_length=64)]
"""Name of a variable, item or record column: as an identifier, and capitals where a unit has them (``_MBq``)."""

NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
"""Tag of a language, as in ``identity.languages``."""


class _AddedLater:
    """Marks a field that files from before it could be written do not have."""


ADDED_LATER: Final = _AddedLater()
"""For ``Annotated``: at its default the field is left out of the protocol's hash, so that older files keep theirs."""


class Strict(BaseModel):
    """A piece of a protocol file: unknown keys and infinite numbers are refused, values never change after reading."""

    # An infinite dose limit would let every dose pass, and nothing compares with what is not a number.
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class DecisionStatus(StrEnum):
    """How far the reading of a clause is settled."""

    AS_WRITTEN = "as_written"
    """The text says it; nothing had to be decided."""
    OPEN = "open"
    """Ambiguous, silent or contradictory, and nobody decided: blocks activation."""
    DEMONSTRATION = "demonstration"
    """An assumption of theratrial's, so that the demonstration can run: named wherever it matters."""
    DECIDED = "decided"
    """Decided by a named person or body, on a date, for a reason."""


class Decision(Strict):
    """Who settled the reading of a clause, when and why."""

    status: DecisionStatus = DecisionStatus.AS_WRITTEN
    by: str = ""
    on: date | None = None
    why: str = ""

    @model_validator(mode="after")
    def _says_why(self) -> Decision:
        if self.status is DecisionStatus.DEMONSTRATION and not self.why:
            raise ValueError("a demonstration decision says why it was chosen (why:)")
        if self.status is DecisionStatus.DECIDED and not (self.by and self.on and self.why):
            raise ValueError("a decided clause names who (by:), when (on:) and why (why:)")
        return self


class Sentence(Strict):
    """A sentence of the registered document, exactly as it stands there, and its section."""

    text: NonEmpty
    where: NonEmpty


ReadingT = TypeVar("ReadingT")


class Clause(Strict, Generic[ReadingT]):
    """One clause: what the document says, how the machine reads it, and who decided what was unclear.

    An open clause may lack its reading; every other clause has one.
    """

    verbatim: tuple[Sentence, ...] = ()
    reading: ReadingT | None = None
    decision: Decision = Decision()
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Clause[ReadingT]:
        if self.reading is None and self.decision.status is not DecisionStatus.OPEN:
            raise ValueError("a clause without reading must have decision.status: open")
        if self.decision.status is DecisionStatus.AS_WRITTEN and not self.verbatim:
            raise ValueError("a clause read as_written quotes the text (verbatim:); else it is a decision")
        return self


class ConflictKind(StrEnum):
    """What is wrong with the text."""

    CONTRADICTION = "contradiction"
    SILENCE = "silence"
    AMBIGUITY = "ambiguity"
    IMPLAUSIBLE = "implausible"


class Conflict(Strict):
    """Sentences that clash, or a silence that blocks conduct, with the question they raise and its answer."""

    id: Identifier
    kind: ConflictKind
    title: NonEmpty
    sentences: tuple[Sentence, ...] = ()
    question: NonEmpty
    affects: tuple[NonEmpty, ...] = Field(min_length=1)
    """Paths of the clauses that rest on the answer (``sessions``, ``dosimetry.regions.red_marrow``)."""
    answer: str = ""
    decision: Decision
    titles: Annotated[dict[Language, NonEmpty], ADDED_LATER] = Field(default_factory=dict)
    """Title in further languages of the trial."""
    questions: Annotated[dict[Language, NonEmpty], ADDED_LATER] = Field(default_factory=dict)
    """Question in further languages of the trial."""

    @model_validator(mode="after")
    def _answered(self) -> Conflict:
        if self.decision.status is DecisionStatus.AS_WRITTEN:
            raise ValueError("a conflict is open, demonstration or decided, never as_written")
        if self.decision.status is not DecisionStatus.OPEN and not self.answer:
            raise ValueError("a conflict that is not open states its answer (answer:)")
        if self.kind is ConflictKind.CONTRADICTION and len(self.sentences) < 2:
            raise ValueError("a contradiction quotes at least two sentences")
        return self


class Window(Strict):
    """A closed interval of time relative to an anchor; the unit stands in the names of the fields that use it."""

    minimum: float
    maximum: float

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.minimum > self.maximum:
            raise ValueError(f"window starts after it ends: {self.minimum} > {self.maximum}")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` lies in the window, its ends included."""
        return self.minimum <= value <= self.maximum


ValueType = Literal["number", "integer", "text", "flag", "date", "datetime", "choice"]
