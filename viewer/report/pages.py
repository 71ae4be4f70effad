"""What all pages share: templates that escape every text, and words for moments, datums, pictures and colours."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from twin.vertical import VerticalDatum
from viewer.live import datum_text
from viewer.report import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["clock", "data_uri", "datum", "environment", "gradient", "unit_text"]

_FOLDER = Path(__file__).parent


def environment() -> Environment:
    """Return the environment of this folder's templates: every text escaped, a missing name is an error."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        count=figures.count,
        metres=figures.metres,
        area=figures.area,
        percent=figures.percent,
        seconds=figures.seconds,
        size=figures.size,
        rate=figures.rate,
        datum=datum,
        clock=clock,
    )
    return made


def data_uri(picture: bytes, kind: str = "jpeg") -> Markup:
    """Return a picture that stands in the page itself. Base64 has no character that HTML would read."""
    return Markup(f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}")


def unit_text(unit: str) -> str:
    """Write a unit as people do.

    Examples
    --------
    >>> unit_text("points/m2"), unit_text("m2")
    ('/m²', 'm²')
    """
    return unit.replace("points/", "/").replace("m2", "m²")


def gradient(stops: Sequence[tuple[float, str]]) -> str:
    """Return a CSS gradient with the stops of a map's colours."""
    low, high = stops[0][0], stops[-1][0]
    span = (high - low) or 1.0
    return ", ".join(f"{color} {100 * (at - low) / span:.1f}%" for at, color in stops)


def datum(name: str) -> str:
    """Write a datum as it stands on maps, with its epoch if it has one."""
    plain, _, epoch = name.partition("@")
    text = datum_text(VerticalDatum(plain))
    return f"{text} ({epoch})" if epoch else text


def clock(moment: datetime | str | None) -> str:
    """Write a moment to the minute with its zone."""
    if moment is None or moment == "":
        return "–"
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    offset = moment.utcoffset()
    hours = 0.0 if offset is None else offset.total_seconds() / 3600
    return f"{moment:%Y-%m-%d %H:%M} UTC{hours:+g}" if hours else f"{moment:%Y-%m-%d %H:%M} UTC"
