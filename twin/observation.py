"""What a sensor said, when, and above which zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from twin.vertical import VerticalDatum

__all__ = ["Observation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One value of one quantity of one thing.

    Two clocks are kept apart: when the sensor measured, and when we heard of it. Freshness is counted from the first.
    """

    feed: str
    """Name of the feed's preset."""
    entity: str
    """Identifier of the thing, as the platform gives it."""
    kind: str
    """Type of the thing, such as ``WaterLevelObserved`` or ``FloodGate``."""
    quantity: str
    """What was measured, such as ``stage`` or ``gate_opening``."""
    value: float
    unit: str
    """UCUM code: ``m``, ``%``, ``1``."""
    observed_at: datetime
    """When the sensor measured, with a time zone."""
    received_at: datetime
    """When the feed delivered it, with a time zone."""
    name: str = ""
    """What people call the thing."""
    longitude_deg: float | None = None
    latitude_deg: float | None = None
    vertical: VerticalDatum | None = None
    """Datum of a `stage`'s zero; None means unknown, and such a stage is never drawn as a water surface."""

    def __post_init__(self) -> None:
        for name in ("observed_at", "received_at"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{self.feed}/{self.entity}: {name} has no time zone")
