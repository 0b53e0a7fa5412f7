"""A small cohort, simulated once: one participant of three sessions, one stopped by toxicity, one screen failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import shared_cohort

from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.simulation.plan import Plan, plan_of


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_cohort(tmp_path_factory, participants=2)


@pytest.fixture(scope="session")
def truth(cohort: Path) -> dict[str, Any]:
    return json.loads((cohort / "truth.json").read_text(encoding="utf-8"))["participants"]


@pytest.fixture(scope="session")
def plan() -> Plan:
    return plan_of(shipped_protocol(SEED_PROTOCOL))
