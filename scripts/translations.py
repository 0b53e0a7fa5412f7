"""Collect the interface's sentences into locale/fa, say which lack a translation, and compile (`make translations`).

Collecting needs GNU gettext on the developer's machine; compiling (--compile) needs nothing. Sentences no longer in use
are dropped. The compiled file is committed, so that nobody needs a tool to run the site.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "src" / "theratrial" / "web"


def catalogue(language: str) -> Path:
    """The catalogue of a language."""
    return WEB / "locale" / language / "LC_MESSAGES" / "django.po"


def collected(language: str) -> None:
    """Bring the catalogue up to the code; needs xgettext."""
    if shutil.which("xgettext") is None:
        raise SystemExit("translations: xgettext is not installed (Debian: apt install gettext)")
    command = [sys.executable, "-m", "django", "makemessages", "--locale", language, "--no-obsolete", "--no-wrap"]
    command += ["--no-location", "--ignore", "static/*"]
    subprocess.run(
        command, cwd=WEB, check=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""}, stdout=subprocess.DEVNULL
    )


def without_guesses(language: str) -> None:
    """Empty what gettext guessed from a similar sentence, and the header's placeholders."""
    file = polib.pofile(str(catalogue(language)), wrapwidth=0)
    for entry in file:
        if entry.fuzzy:
            entry.flags.remove("fuzzy")
            entry.msgstr = ""
            entry.msgstr_plural = dict.fromkeys(entry.msgstr_plural, "")
            entry.previous_msgid = None
            entry.previous_msgid_plural = None
    file.header = "Persian of the site's interface. Collected and compiled by scripts/translations.py."
    file.metadata = {
        "Project-Id-Version": "theratrial",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n > 1);",
    }
    file.metadata_is_fuzzy = False
    file.save()


def compiled(language: str) -> polib.POFile:
    """Write the .mo beside the catalogue; fuzzy entries are not compiled."""
    file = polib.pofile(str(catalogue(language)))
    file.save_as_mofile(str(catalogue(language).with_suffix(".mo")))
    return file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="only compile")
    parser.add_argument("--missing", action="store_true", help="list what lacks a translation")
    options = parser.parse_args()
    for language in ("fa",):
        if not options.compile:
            collected(language)
            without_guesses(language)
        file = compiled(language)
        lacking = [entry for entry in file if not entry.translated() and not entry.obsolete]
        print(f"{language}: {len(file)} sentences, {len(lacking)} without translation")
        if options.missing:
            for entry in lacking:
                print(f"  {entry.msgid!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
