"""Section 10: study patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Text
from theratrial.report.study import figures
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.tables import people

BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "10.1": lambda desk: (*figures.flow(desk), people.disposition_table(desk), people.screen_failures(desk)),
    "10.2": lambda desk: (Text(people.deviation_counts(desk)), Text(desk.voice("Section 16.2.2 lists each."), "quiet")),
}
