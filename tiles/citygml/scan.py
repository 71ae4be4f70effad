"""A CityGML file member by member: nothing of it stays in memory but the member at hand.

Python's own `iterparse` would do, but it tells no line numbers, and it builds the textures' coordinates that may make
up half of a file. Here expat feeds a tree builder that only sees what is wanted.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LINE", "Header", "gml_id", "line_of", "local", "members", "namespace", "read_header"]

LINE = "line-number"
"""Attribute that holds the line on which an element begins; no name in XML has a hyphen there by chance."""
_CHUNK_BYTES = 1 << 20
_LINED = frozenset({"Building", "BuildingPart", "Polygon", "posList", "pos", "coordinates", "Envelope"})
_SKIPPED = frozenset({"appearanceMember", "appearance", "address", "Address"})
"""Textures and postal addresses: half of a file, and nothing that is read here."""
_HOLDERS = frozenset({"boundedBy", "cityObjectMember", "featureMember", "featureMembers"})
"""Children of the city model whose content is read."""
_CITYGML = re.compile(r"http://www\.opengis\.net/citygml/(?:[a-z]+/)?([123]\.0)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself before its first member."""

    version: str
    """Of CityGML: ``1.0``, ``2.0`` or ``3.0``."""
    srs_name: str
    """Reference system of the envelope as written; empty if the file has no envelope or it names none."""
    lower: tuple[float, ...] = ()
    """Lower corner of the envelope, in the order of the reference system's axes; empty if there is none."""
    upper: tuple[float, ...] = ()
    """Upper corner, likewise."""
    prefixes: tuple[tuple[str, str], ...] = ()
    """Prefix and address of each namespace that the root declares, in its order."""


def members(path: Path, header: list[Header] | None = None) -> Iterator[Element]:
    """Yield what stands directly in the city model, one child of a ``cityObjectMember`` after the other.

    Parameters
    ----------
    path
        CityGML 1.0 to 3.0.
    header
        Gets the file's header as its only entry before the first member is yielded; and at the end if there is none.

    Raises
    ------
    FormatError
        If it is no well-formed XML, declares entities, or is no city model; the message has the line.
    """
    found = header if header is not None else []
    scanner = _Scanner(str(path))
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK_BYTES)
            scanner.feed(chunk)
            if scanner.header is not None and not found:
                found.append(scanner.header)
            while scanner.ready:
                yield scanner.ready.popleft()
            if not chunk:
                break
    if not found:
        found.append(scanner.head())


def read_header(path: Path) -> Header:
    """Read what a file says of itself; stops at its first member.

    Raises
    ------
    FormatError
        As `members`.
    """
    header: list[Header] = []
    for _ in members(path, header):
        break
    return header[0]


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return the address of an element's namespace."""
    return element.tag.rpartition("}")[0].removeprefix("{")


def gml_id(element: Element) -> str:
    """Return an element's ``gml:id``, or nothing."""
    return next((value for name, value in element.attrib.items() if name.endswith("}id") or name == "id"), "")


def line_of(element: Element) -> int:
    """Return the line on which an element begins; 0 for one whose line is not kept."""
    return int(element.get(LINE, "0"))


class _Scanner:
    """Expat's callbacks: builds one member at a time and skips what is not read."""

    def __init__(self, where: str) -> None:
        self.ready: deque[Element] = deque()
        self.header: Header | None = None
        self._where = where
        self._depth = 0
        self._skipped_at = 0
        self._holder = ""
        self._builder: TreeBuilder | None = None
        self._version = ""
        self._prefixes: list[tuple[str, str]] = []
        self._envelope: Element | None = None
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._entity
        self._parser = parser

    def feed(self, chunk: bytes) -> None:
        """Parse some bytes; none at the end of the file."""
        try:
            self._parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            what = expat.errors.messages.get(error.code, "not well formed")
            raise FormatError(f"{self._where}, line {error.lineno}: not XML ({what})") from None
        except FormatError:
            raise
        except (LookupError, ValueError) as error:  # an encoding that nobody knows
            raise FormatError(f"{self._where}, line {self._parser.CurrentLineNumber}: not readable ({error})") from None

    def head(self) -> Header:
        """Return what the file said of itself so far."""
        corners = [_numbers(self._envelope, name) for name in ("lowerCorner", "upperCorner")]
        system = "" if self._envelope is None else self._envelope.get("srsName", "")
        return Header(
            version=self._version,
            srs_name=system.strip(),
            lower=corners[0],
            upper=corners[1],
            prefixes=tuple(self._prefixes),
        )

    def _declare(self, prefix: str | None, uri: str) -> None:
        if self._depth == 0:
            self._prefixes.append((prefix or "", uri))

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._skipped_at:
            return
        plain = name.rpartition("}")[2]
        if self._depth == 1:
            self._root(name, plain)
        elif self._depth == 2 and plain in _HOLDERS:
            self._holder = plain
        elif self._depth == 2 or plain in _SKIPPED:
            self._skipped_at = self._depth
        else:
            self._build(name, plain, attributes)

    def _build(self, name: str, plain: str, attributes: list[str]) -> None:
        if self._builder is None:
            self._builder = TreeBuilder()
            if self._holder != "boundedBy" and self.header is None:
                self.header = self.head()
        pairs = {_qualified(key): value for key, value in zip(attributes[::2], attributes[1::2], strict=True)}
        if plain in _LINED:
            pairs[LINE] = str(self._parser.CurrentLineNumber)
        self._builder.start(_qualified(name), pairs)

    def _root(self, name: str, plain: str) -> None:
        uris = [name.rpartition("}")[0], *(uri for _, uri in self._prefixes)]
        versions = [match[1] for uri in uris if (match := _CITYGML.match(uri))]
        if plain != "CityModel" or not versions:
            raise FormatError(f"{self._where}: no CityGML: the document is a {plain!r}")
        self._version = versions[0]

    def _end(self, name: str) -> None:
        depth, self._depth = self._depth, self._depth - 1
        if self._skipped_at:
            self._skipped_at = 0 if depth == self._skipped_at else self._skipped_at
            return
        if self._builder is None:
            return
        self._builder.end(_qualified(name))
        if depth == 3:
            element, self._builder = self._builder.close(), None
            if self._holder != "boundedBy":
                self.ready.append(element)
            elif local(element) == "Envelope":
                self._envelope = element

    def _data(self, text: str) -> None:
        if self._builder is not None and not self._skipped_at and self._depth >= 3:
            self._builder.data(text)

    def _entity(self, *_: Any) -> None:
        raise FormatError(
            f"{self._where}, line {self._parser.CurrentLineNumber}: declares entities, which CityGML does not need;"
            " remove the document type"
        )


def _qualified(name: str) -> str:
    return "{" + name if "}" in name else name


def _numbers(envelope: Element | None, corner: str) -> tuple[float, ...]:
    """Corner of an envelope; nothing if it is not numbers."""
    if envelope is None:
        return ()
    text = next((child.text or "" for child in envelope if local(child) == corner), "")
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        return ()
