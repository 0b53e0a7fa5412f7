"""CDISC's CORE rules for USDM 4.0, run by CDISC's engine, on every shipped protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.exchange.usdm import usdm_json
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_names
from theratrial.registry.reader import shipped_registration

SDTM_EDITION = "2025-03-28"
"""The one edition of SDTM's terminology that the tool has; DDF's package has none of that date."""
RULES_OF_SDTM_CODELISTS = (
    *(f"CORE-000{number}" for number in (*range(854, 862), 979, 987, 988, 989)),
    *(f"CORE-00{number}" for number in (1058, 1059, 1060)),
)
"""What the tool skips, for want of terminology, on the file as it is exported."""


@pytest.mark.parametrize("name", shipped_protocol_names())
def test_the_core_rules_of_usdm_pass(name: str, tmp_path: Path, conformance: Callable[..., dict[str, Any]]) -> None:
    file = tmp_path / "trial.json"
    file.write_bytes(usdm_json(shipped_protocol(name), record=shipped_registration(name)))
    report = conformance("usdm", file)
    assert report["failures"] == []
    assert report["rules"]["passed"] > 150


@pytest.mark.long
@pytest.mark.parametrize("name", shipped_protocol_names())
def test_codes_of_sdtm_are_in_their_lists(
    name: str, tmp_path: Path, conformance: Callable[..., dict[str, Any]]
) -> None:
    file = tmp_path / "trial.json"
    file.write_bytes(usdm_json(shipped_protocol(name), record=shipped_registration(name), terminology=SDTM_EDITION))
    report = conformance("usdm", file, options=("--rules", ",".join(RULES_OF_SDTM_CODELISTS)))
    assert report["failures"] == []
    assert report["rules"]["passed"] >= 10
