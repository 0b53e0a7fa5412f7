"""Read an ICTRP file whole: every trial of it."""

from __future__ import annotations

from datetime import date
from io import BytesIO

from theratrial.exchange.ictrp.stream import stream_ictrp
from theratrial.registry.imported import Imported


def read_ictrp(content: bytes, *, today: date) -> tuple[Imported, ...]:
    """All trials of a file; a large one is better read by `stream_ictrp`.

    Raises
    ------
    InputError
        The file is no ICTRP file, or not to be trusted: see `elements.trial_nodes`.
    """
    return tuple(stream_ictrp(BytesIO(content), today=today))
