"""The register of traces of a document: each is listed once, every number points to its own."""

from __future__ import annotations

import json

from theratrial.report.blocks import Cell, Table
from theratrial.report.texts import interval_text, value_text
from theratrial.trace import Quantity, Trace


class TraceBook:
    """Numbers traces in the order in which they are first met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._traces: list[Trace] = []

    def anchor(self, trace: Trace) -> str:
        """Fragment under which the appendix lists the trace."""
        key = json.dumps(trace.as_dict(), sort_keys=True)
        if key not in self._numbers:
            self._traces.append(trace)
            self._numbers[key] = len(self._traces)
        return f"trace-{self._numbers[key]}"

    def cell(self, text: str, trace: Trace, *, hint: str = "", style: str = "", below: str = "") -> Cell:
        """A cell whose words come from a trace."""
        said = f"{trace.method}, version {trace.version}"
        return Cell(text, f"{hint} [{said}]" if hint else said, self.anchor(trace), style, below)

    def quantity(self, quantity: Quantity | None, *, absent: str = "not known", signed: bool = False) -> Cell:
        """A cell with a value, its unit and its interval; the note stands below where there is no value."""
        if quantity is None:
            return Cell(absent, style="missing")
        interval = interval_text(quantity)
        if quantity.value is None:
            below = "; ".join(part for part in (interval, quantity.note) if part)
            return self.cell(value_text(quantity), quantity.trace, style="missing", below=below)
        return self.cell(
            value_text(quantity, signed=signed), quantity.trace, hint=quantity.note, style="number", below=interval
        )

    def listed(self) -> tuple[tuple[str, Trace], ...]:
        """Each trace with its fragment."""
        return tuple((f"trace-{number}", trace) for number, trace in enumerate(self._traces, 1))

    def table(self) -> Table:
        """The appendix."""
        rows = []
        for index, trace in enumerate(self._traces, 1):
            inputs = "; ".join(f"{name} = {place}" for name, place in sorted(trace.inputs.items()))
            rows.append(
                (
                    Cell(str(index), anchor=f"trace-{index}", style="target"),
                    Cell(f"{trace.method}, version {trace.version}"),
                    Cell(trace.author),
                    Cell(inputs or "none", style="wrap"),
                    Cell(", ".join(trace.demonstration) or "none", style="wrap"),
                )
            )
        return Table(
            "Traces of the values shown",
            ("No", "Method", "Author", "Inputs", "Demonstration clauses it rests on"),
            tuple(rows),
            style="traces",
        )
