"""Protocols for the tests: the shipped one, the second one, and either with a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.protocol.reader import parse_protocol, shipped_protocol, shipped_protocol_bytes
from theratrial.protocol.schema import Protocol

SEED = "IRCT20210612051548N3"
SECOND = Path(__file__).parent.parent / "fixtures" / "protocols" / "second.yaml"


@pytest.fixture(scope="session")
def seed() -> Protocol:
    return shipped_protocol(SEED)


@pytest.fixture(scope="session")
def second() -> Protocol:
    return parse_protocol(SECOND.read_bytes(), str(SECOND))


@pytest.fixture(scope="session")
def seed_text() -> str:
    return shipped_protocol_bytes(SEED).decode()


@pytest.fixture
def changed(seed: Protocol) -> Callable[..., Protocol]:
    """The seed protocol with values replaced: ``changed(("sessions.reading.product", "x"))``; None removes."""

    def change(*edits: tuple[str, Any]) -> Protocol:
        content = seed.model_dump(mode="json")
        for path, value in edits:
            here: Any = content
            *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
            for step in steps:
                here = here[step]
            if value is None:
                del here[last]
            else:
                here[last] = value
        return Protocol.model_validate_json(json.dumps(content), strict=True)

    return change
