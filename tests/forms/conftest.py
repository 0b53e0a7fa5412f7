"""The two protocols, and a short way to fill a form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forms_cast import NOW, TEHRAN

from theratrial.forms import Answer, Submission, form_definition, submission
from theratrial.protocol.reader import parse_protocol, shipped_protocol
from theratrial.protocol.schema import Protocol

SECOND = Path(__file__).resolve().parents[1] / "fixtures" / "protocols" / "second.yaml"


@pytest.fixture(scope="session")
def seed() -> Protocol:
    """The shipped protocol."""
    return shipped_protocol("IRCT20210612051548N3")


@pytest.fixture(scope="session")
def second() -> Protocol:
    """The other protocol, in another time zone."""
    return parse_protocol(SECOND.read_bytes(), SECOND.name)


@pytest.fixture
def filled(seed: Protocol) -> Callable[..., Submission]:
    """A form of the shipped protocol with answers as text, or (text, unit)."""

    def fill(form: str, others: dict[str, Any] | None = None, words: str = "en", **answers: Any) -> Submission:
        given = {item: Answer(*text) if isinstance(text, tuple) else Answer(text) for item, text in answers.items()}
        definition = form_definition(seed, form, words)
        return submission(definition, given, zone=TEHRAN, now=NOW, others=others or {}, participant_id="P-001")

    return fill
