"""Trial folders made in code: a sound one, and the same with a table replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sound_folder import SEED, SOUND

from theratrial.errors import Problem, Problems
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.trialfolder import read_folder


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the sound tables; a table given replaces one (text or bytes), None removes it."""

    def make(**tables: str | bytes | None) -> Path:
        (tmp_path / "records").mkdir()
        (tmp_path / "images").mkdir()
        (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes(SEED))
        for name, content in {**SOUND, **tables}.items():
            if content is not None:
                data = content.encode() if isinstance(content, str) else content
                (tmp_path / "records" / f"{name}.csv").write_bytes(data)
        return tmp_path

    return make


@pytest.fixture
def problems_of(make_folder: Callable[..., Path]) -> Callable[..., tuple[Problem, ...]]:
    """The problems of a folder with tables replaced; fails where it has none."""

    def problems(**tables: str | bytes | None) -> tuple[Problem, ...]:
        with pytest.raises(Problems) as caught:
            read_folder(make_folder(**tables))
        return caught.value.problems

    return problems
