"""Vertical datums: a height is never a bare number.

Only offsets that are on record are applied. Everything else is an error, because a metre of error here floods a street.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from twin.errors import DatumError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from twin.zeros import LocalZero

__all__ = ["AP", "ELLIPSOIDAL", "TP", "YP", "VerticalDatum", "convert_height", "epsg_of", "same_zero"]

_EPSG = re.compile(r"EPSG:(\d+)", re.IGNORECASE)

_ABOVE_TP_M = {"TP": 0.0, "AP": -1.1344, "YP": -0.8402}
"""Height of each datum's zero above Tokyo Peil, metres (Tokyo Port and Edo river tables: A.P. 0 = T.P. -1.1344)."""

_SAME_AS = {"EPSG:6695": ("TP", ""), "EPSG:11317": ("TP", "JGD2024")}
"""Name and epoch of Tokyo Peil under its codes: 6695 is JGD2011 (vertical) height, which many files name and
do not mean the geoid of 2011; 11317 is JGD2024 (vertical) height (since EPSG 12.055, 2026), and means 2024."""
_EPSG_OF_TP = {"JGD2024": 11317}
"""Code of Tokyo Peil by epoch where it is not 6695."""


@dataclass(frozen=True, slots=True, order=True)
class VerticalDatum:
    """What a height's zero is, and for geoid-based heights the epoch of the geoid.

    Examples
    --------
    >>> VerticalDatum.parse("t.p.")
    VerticalDatum(name='TP', epoch='')
    >>> VerticalDatum.parse("EPSG:5709").name
    'EPSG:5709'
    >>> VerticalDatum.parse("TP@JGD2011")
    VerticalDatum(name='TP', epoch='JGD2011')
    >>> str(VerticalDatum.parse("EPSG:11317"))
    'TP@JGD2024'
    """

    name: str
    """``TP``, ``AP``, ``YP``, ``ellipsoidal``, ``EPSG:<code>``, or ``local:<place>`` (an island's or chart's zero)."""
    epoch: str = ""
    """Epoch of the geoid where it matters, such as ``JGD2011`` or ``JGD2024``; empty if not stated."""

    @staticmethod
    def parse(text: str, epoch: str = "") -> VerticalDatum:
        """Read a datum's name as people write it, with the epoch of its geoid behind an ``@`` if it matters.

        Raises
        ------
        DatumError
            If the name is not one this engine knows how to keep apart from others, or two epochs are stated.
        """
        name, mark, written = (part.strip() for part in text.partition("@"))
        if mark and (not written or (epoch and written != epoch)):
            stated = f"and {epoch} is stated for it" if written else "without the epoch of a geoid behind the @"
            raise DatumError(f"vertical datum {text!r} {stated}; write it once, such as TP@JGD2011")
        epoch = epoch or written
        plain = name.replace(".", "").upper()
        if plain in _ABOVE_TP_M:
            return VerticalDatum(plain, epoch)
        if plain == "ELLIPSOIDAL":
            return VerticalDatum("ellipsoidal", epoch)
        match = _EPSG.fullmatch(name)
        if match is not None:
            code = f"EPSG:{match[1]}"
            same, its_epoch = _SAME_AS.get(code, (code, ""))
            if its_epoch and epoch and epoch != its_epoch:
                raise DatumError(f"vertical datum {text!r} is of {its_epoch}, and {epoch} is stated for it")
            return VerticalDatum(same, epoch or its_epoch)
        if name.lower().startswith("local:") and len(name) > len("local:"):
            return VerticalDatum("local:" + name[len("local:") :], epoch)
        raise DatumError(f"unknown vertical datum {text!r}: give TP, AP, YP, ellipsoidal, local:<place> or EPSG:<code>")

    def __str__(self) -> str:
        """Return the name, with the epoch if there is one."""
        return f"{self.name}@{self.epoch}" if self.epoch else self.name


TP = VerticalDatum("TP")
AP = VerticalDatum("AP")
YP = VerticalDatum("YP")
ELLIPSOIDAL = VerticalDatum("ellipsoidal")


def epsg_of(datum: VerticalDatum | None) -> int | None:
    """Return the EPSG code of a datum with its epoch, or None if the registry has none for it (A.P., an island's zero).

    Examples
    --------
    >>> epsg_of(TP), epsg_of(VerticalDatum("TP", "JGD2024")), epsg_of(AP)
    (6695, 11317, None)
    """
    if datum is None:
        return None
    if datum.name == "TP":
        return _EPSG_OF_TP.get(datum.epoch, 6695)
    return int(datum.name.removeprefix("EPSG:")) if datum.name.startswith("EPSG:") else None


def same_zero(first: VerticalDatum, second: VerticalDatum) -> bool:
    """Whether two datums have one zero, as far as is stated: the same name, and no two epochs that contradict."""
    return first.name == second.name and not (first.epoch and second.epoch and first.epoch != second.epoch)


@overload
def convert_height(
    height_m: float,
    source: VerticalDatum | None,
    target: VerticalDatum | None,
    zeros: Mapping[str, LocalZero] | None = None,
) -> float: ...
@overload
def convert_height(
    height_m: NDArray[np.float64],
    source: VerticalDatum | None,
    target: VerticalDatum | None,
    zeros: Mapping[str, LocalZero] | None = None,
) -> NDArray[np.float64]: ...
def convert_height(
    height_m: float | NDArray[np.float64],
    source: VerticalDatum | None,
    target: VerticalDatum | None,
    zeros: Mapping[str, LocalZero] | None = None,
) -> float | NDArray[np.float64]:
    """Express a height above `source` as a height above `target`, both in metres, positive up.

    Parameters
    ----------
    height_m
        Metres above the zero of `source`: one, or shape (n,).
    source, target
        Datums; None is one that nobody stated.
    zeros
        Local zeros by name, from `twin.zeros.read_zeros`; those in ``config/datums`` if None.

    Raises
    ------
    DatumError
        If either datum is unknown (None), the epochs contradict each other, or no offset is on record.

    Examples
    --------
    >>> round(convert_height(2.10, AP, TP), 4)
    0.9656
    """
    if source is None or target is None:
        raise DatumError(
            "a height without a vertical datum cannot be compared; state the datum of the gauge or the store"
        )
    if source.epoch and target.epoch and source.epoch != target.epoch:
        raise DatumError(f"{source} and {target} are of different epochs; convert with a geoid model first")
    if source.name == target.name:
        return height_m
    (source_root, source_m), (target_root, target_m) = (_rooted(datum, zeros) for datum in (source, target))
    if not same_zero(source_root, target_root):
        if source_root.epoch and target_root.epoch and source_root.epoch != target_root.epoch:
            raise DatumError(
                f"{source} is known above {source_root}, {target} above {target_root}: of different epochs; convert"
                " with a geoid model first"
            )
        try:
            source_m += _ABOVE_TP_M[source_root.name]
            target_m += _ABOVE_TP_M[target_root.name]
        except KeyError:
            raise DatumError(
                f"no offset from {source} to {target} is on record; "
                "give heights in one datum, or convert them with a geoid model"
            ) from None
    return height_m + (source_m - target_m)


def _rooted(datum: VerticalDatum, zeros: Mapping[str, LocalZero] | None) -> tuple[VerticalDatum, float]:
    """Return the datum that a local zero is known above, and by how many metres; any other datum as it is."""
    if not datum.name.startswith("local:"):
        return datum, 0.0
    from twin.zeros import rooted  # here, since that module speaks of datums, and few heights are above a local zero

    return rooted(datum, zeros)
