"""What an ``xlink:href`` refers to: mostly something in the same building, sometimes a wall of the neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiles.citygml.geometry import href
from tiles.citygml.scan import gml_id, members

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["References"]


class References:
    """Finds elements by their ``gml:id``: in the member at hand, then anywhere in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._elsewhere: dict[str, Element] | None = None

    def within(self, member: Element) -> Callable[[str], Element | None]:
        """Return the function that finds what a member refers to; it indexes the member when first asked."""
        own: dict[str, Element] = {}

        def find(name: str) -> Element | None:
            if not own:
                own.update(_named(member))
            found = own.get(name)
            return found if found is not None else self._outside(name)

        return find

    def _outside(self, name: str) -> Element | None:
        """Find something that stands in another member: reads the file twice, the first time that it is needed."""
        if self._elsewhere is None:
            wanted: set[str] = set()
            for member in members(self._path):
                targets = {target for element in member.iter() if (target := href(element))}
                wanted |= targets - _named(member).keys()
            self._elsewhere = {}
            for member in members(self._path):
                named = _named(member)
                self._elsewhere.update((key, named[key]) for key in wanted & named.keys())
        return self._elsewhere.get(name)


def _named(member: Element) -> dict[str, Element]:
    """Elements by id; the first of two with one id."""
    found: dict[str, Element] = {}
    for element in member.iter():
        name = gml_id(element)
        if name:
            found.setdefault(name, element)
    return found
