"""CDISC's CORE rules for USDM 4.0, run by CDISC's engine, on every shipped protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.exchange.usdm import usdm_json
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_names
from theratrial.registry.reader import shipped_registration

SDTM_CODELISTS = "2025-03-28"
"""The one edition of SDTM's terminology that the tool has; DDF's package has none of that date."""
DDF_CODELISTS = "DDF codelist"


@pytest.mark.parametrize("name", shipped_protocol_names())
def test_the_core_rules_of_usdm_pass(name: str, tmp_path: Path, conformance: Callable[..., dict[str, Any]]) -> None:
    file = tmp_path / "trial.json"
    file.write_bytes(usdm_json(shipped_protocol(name), record=shipped_registration(name)))
    report = conformance("usdm", file)
    assert report["failures"] == []
    assert report["rules"]["passed"] > 150


@pytest.mark.parametrize("name", shipped_protocol_names())
def test_codes_of_sdtm_are_in_their_lists(
    name: str, tmp_path: Path, conformance: Callable[..., dict[str, Any]]
) -> None:
    file = tmp_path / "trial.json"
    content = usdm_json(shipped_protocol(name), record=shipped_registration(name), terminology=SDTM_CODELISTS)
    file.write_bytes(content)
    report = conformance("usdm", file, accept_failures=True)
    assert [
        one for one in report["failures"] if DDF_CODELISTS not in one["message"] and "C201" not in one["message"]
    ] == []
