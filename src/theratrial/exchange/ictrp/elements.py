"""Trials of an ICTRP file one after the other, from hostile bytes: no entity, no network, bounded depth and size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final
from xml.parsers import expat

from theratrial.errors import InputError

LARGEST_TRIAL: Final = 4_000_000
"""Characters of text, names and attributes in one trial; the longest ones seen have under 200 000."""
MOST_ELEMENTS: Final = 20_000
DEEPEST: Final = 12
_DEEPEST_OF_ALL: Final = 1000
_CHUNK: Final = 1 << 16
ROOTS: Final = ("trials", "trials_downloaded_from_ictrp")
TRIALS: Final = ("trial", "triall")
_HOW: Final = "export the trials anew from the registry or the ICTRP portal"


@dataclass(slots=True)
class Node:
    """An element: its name, line, own text and children; ``<br/>`` in a text is a line break."""

    name: str
    line: int
    attributes: dict[str, str]
    children: list[Node]
    parts: list[str]
    key: str
    """Its name in small letters, without namespace: registries differ in capitals."""
    text: str = ""
    """Its own text, trimmed: of an element that was read to its end."""


def _key(name: str) -> str:
    return name.rpartition("}")[2].casefold()


@dataclass(frozen=True, slots=True)
class Found:
    """A trial, or what stands beside the trials."""

    node: Node
    is_trial: bool
    refused: str = ""
    """Why a trial was not taken: too deep, too large. Nothing of it is here then."""


def trial_nodes(file: IO[bytes]) -> Iterator[Found]:
    """Every trial of a file; only one of them is in memory at a time.

    Raises
    ------
    InputError
        The file is no XML, or none of the ICTRP; declares entities; its encoding is not the one it names. Trials that
        end before the place of the fault have been given by then.
    """
    state = _State()
    parser = state.parser
    done, first = False, True
    while not done:
        chunk = file.read(_CHUNK)
        if not isinstance(chunk, bytes):
            raise InputError("the file was opened as text; open it in binary mode, so that its own encoding is used")
        done = not chunk
        if first and not chunk.strip():
            raise InputError(f"the file is empty; an ICTRP file begins with <trials>: {_HOW}")
        first = False
        try:
            _fed(state, parser, chunk, done)
        except InputError:
            yield from state.finished
            raise
        yield from state.finished
        state.finished.clear()


def _fed(state: _State, parser: Any, chunk: bytes, done: bool) -> None:
    state.silent_bytes += len(chunk)
    if state.silent_bytes > LARGEST_TRIAL:
        raise InputError(f"line {state.line}: a single tag or comment is longer than {LARGEST_TRIAL} bytes; {_HOW}")
    try:
        parser.Parse(chunk, done)
    except expat.ExpatError as error:
        raise InputError(_what_failed(state, error, chunk)) from None
    except (LookupError, ValueError) as error:
        raise InputError(f"the file's encoding '{state.encoding}' cannot be read ({error}); save it as UTF-8") from None


def _what_failed(state: _State, error: expat.ExpatError, chunk: bytes) -> str:
    encoding = (state.encoding or "utf-8").casefold()
    if "encoding" in expat.ErrorString(error.code):
        return f"the file says that its encoding is '{state.encoding}', and is not ({error}); save it as UTF-8"
    if encoding in ("utf-8", "utf8") and (bad := _not_utf8(chunk)) is not None:
        likely = "UTF-16" if b"\0" in chunk[:64] else "Windows-1252 or Windows-1256"
        return (
            f"line {error.lineno}: the byte 0x{bad:02x} is not UTF-8, which the file {_claims(state)}; it is probably "
            f"{likely}: write that into the XML declaration, or save the file as UTF-8"
        )
    if not state.root:
        return f"the file is no XML ({error}); an ICTRP file begins with <trials> or <Trials_downloaded_from_ICTRP>"
    return f"the XML is broken or cut off ({error}); {_HOW}"


def _claims(state: _State) -> str:
    return "names as its encoding" if state.encoding else "has to be in where it names no encoding"


def _not_utf8(chunk: bytes) -> int | None:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        # A sequence cut by the end of the chunk is no fault.
        return None if error.reason == "unexpected end of data" or error.start < 4 else chunk[error.start]
    return None


class _State:
    """Handlers of the parser, and the trial being read."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.encoding = ""
        self.root = ""
        self.stack: list[Node] = []
        self.depth = 0
        self.size = 0
        self.count = 0
        self.silent_bytes = 0
        self.keys: dict[str, str] = {}
        self.refused = ""
        self.refused_depth = 0
        self.finished: list[Found] = []
        self.parser.XmlDeclHandler = self._declared
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._skipped
        self.parser.ExternalEntityRefHandler = self._external
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    @property
    def line(self) -> int:
        return int(self.parser.CurrentLineNumber)

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or ""

    def _doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        # A reference to the 2009 DTD alone is harmless: it is never fetched.
        if internal:
            raise InputError(f"line {self.line}: the file declares a document type of its own; remove <!DOCTYPE ...>")

    def _entity(self, name: str, *_: object) -> None:
        raise InputError(f"line {self.line}: the file declares the entity '{name}'; entities are not read, remove it")

    def _skipped(self, name: str, _parameter: int) -> None:
        raise InputError(f"line {self.line}: the entity '&{name};' is not declared; write the character itself")

    def _external(self, _context: str, _base: str | None, system: str | None, _public: str | None) -> int:
        raise InputError(f"line {self.line}: the file refers to '{system}'; nothing outside the file is read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.silent_bytes = 0
        self.depth += 1
        if self.depth > DEEPEST:
            self._too_deep()
        if self.refused:
            return
        key = self.keys.get(name) or self._new_key(name)
        node = Node(name, self.parser.CurrentLineNumber, attributes, [], [], key)
        stack = self.stack
        if not stack:
            if self.depth == 1 and self._is_root(node):
                return
            self.size = self.count = 0
            self.refused_depth = self.depth
            stack.append(node)
            return
        self.size += len(name)
        if attributes:
            for one, value in attributes.items():
                self.size += len(one) + len(value)
        self.count += 1
        if self.size > LARGEST_TRIAL or self.count > MOST_ELEMENTS:
            self._too_large()
            return
        if key != "br":
            stack[-1].children.append(node)
        stack.append(node)

    def _new_key(self, name: str) -> str:
        # A hostile file has names without end; those of the ICTRP are under two hundred.
        if len(self.keys) > 1000:
            self.keys.clear()
        return self.keys.setdefault(name, _key(name))

    def _is_root(self, node: Node) -> bool:
        """Whether it stands around the trials; a trial may be the root itself."""
        self.root = node.key
        if node.key not in (*ROOTS, *TRIALS):
            raise InputError(
                f"line {self.line}: the file's root is <{node.name}>; an ICTRP file has <trials>, <trial> or "
                "<Trials_downloaded_from_ICTRP>"
            )
        return node.key in ROOTS

    def _end(self, _name: str) -> None:
        self.silent_bytes = 0
        self.depth -= 1
        if self.refused:
            if self.depth < self.refused_depth:
                self.finished.append(Found(self.stack.pop(), True, self.refused))
                self.refused = ""
            return
        stack = self.stack
        if not stack:
            return
        node = stack.pop()
        parts = node.parts
        if parts:
            node.text = (parts[0] if len(parts) == 1 else "".join(parts)).strip()
        if not stack:
            self.finished.append(Found(node, node.key in TRIALS))
        elif node.key == "br":
            stack[-1].parts.append("\n" + "".join(parts))

    def _characters(self, text: str) -> None:
        self.silent_bytes = 0
        if self.refused:
            return
        if self.stack:
            self.size += len(text)
            if self.size > LARGEST_TRIAL:
                self._too_large()
                return
            self.stack[-1].parts.append(text)
        elif self.depth and text.strip():
            stray = Node("text", self.line, {}, [], [text[:1000]], "text", text[:1000].strip())
            self.finished.append(Found(stray, is_trial=False))

    def _too_large(self) -> None:
        what = f"{LARGEST_TRIAL} characters" if self.size > LARGEST_TRIAL else f"{MOST_ELEMENTS} elements"
        self._refuse(f"line {self.line}: one trial has more than {what}; {_HOW}")

    def _too_deep(self) -> None:
        why = f"line {self.line}: elements lie deeper than {DEEPEST}; this is no ICTRP file"
        # The parser keeps every open element: a file of nothing else would fill the memory.
        if not self.stack or self.depth > _DEEPEST_OF_ALL:
            raise InputError(why)
        if not self.refused:
            self._refuse(why)

    def _refuse(self, why: str) -> None:
        """Let go of the trial being read, and of the rest of it as it comes."""
        self.refused = why
        trial = self.stack[0]
        trial.children.clear()
        trial.parts.clear()
        trial.text = ""
        self.stack[:] = [trial]


ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""
