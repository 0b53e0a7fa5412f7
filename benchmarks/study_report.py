"""The study report of the 15-patient trial, HTML and PDF, from results that are there: aim under 20 s.

The trial is simulated and run once before the clock starts (minutes); give a folder of `theratrial run` to skip that.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from theratrial.pipeline.outputs import write_outputs
from theratrial.pipeline.study_documents import opened, study_inputs
from theratrial.pipeline.trial import trial_run
from theratrial.report.study.make import document, voice_of
from theratrial.report.study.render import page, pdf
from theratrial.simulation.cohort import simulate


def main() -> None:
    """Print seconds of wall clock and of this process's CPU for each document and language."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else _run(Path(place))
        folder, result = opened(out)
        assert result is not None
        inputs = study_inputs(folder, result)
        for language in ("en", "fa"):
            voice = voice_of(folder.protocol, language)
            for kind in ("csr", "safety", "sap"):
                wall, cpu = time.perf_counter(), time.process_time()
                made = document(kind, inputs, voice)
                html = page(made, voice)
                drawn = time.process_time() - cpu
                content = pdf(made, voice)
                print(
                    f"{kind} {language}: {time.perf_counter() - wall:.1f} s wall, {time.process_time() - cpu:.1f} s CPU"
                    f" (HTML {drawn:.1f}); {len(html) // 1024} kB HTML, {len(content) // 1024} kB PDF"
                )


def _run(place: Path) -> Path:
    simulate(place / "trial", participants=15, seed=1, small=True)
    write_outputs(trial_run(place / "trial", workers=2), place / "out", place / "trial", pdf=False)
    return place / "out"


if __name__ == "__main__":
    main()
