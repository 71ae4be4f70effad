"""How old an observation is, and whether it may still be believed.

Age counts from when the sensor measured, never from when we heard of it: a gateway that repeats a value of yesterday
every minute is not fresh. The present is a parameter, so a replay of last year's typhoon can be judged at its own hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from twin.observation import Observation

__all__ = ["Freshness", "FreshnessLimits", "State", "age_text", "freshness"]

State = Literal["fresh", "stale", "dead"]

_WORDS: dict[State, tuple[str, str]] = {
    "fresh": ("最新", "fresh"),
    "stale": ("遅延", "late"),
    "dead": ("途絶", "no longer reporting"),
}

_UNITS = ((86_400, "日", "d"), (3_600, "時間", "h"), (60, "分", "min"), (1, "秒", "s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessLimits:
    """Ages at which a feed's values stop being fresh and stop being usable.

    Raises
    ------
    ValueError
        If the limits are not positive and in order.
    """

    stale_after_s: float = 900.0
    """Older than this is late, seconds; river and tide gauges in Japan report every 10 minutes, with a margin of 5."""
    dead_after_s: float = 7200.0
    """Older than this is no longer reporting, seconds; a tide moves up to about half a metre in two hours."""
    ahead_s: float = 300.0
    """A time further ahead of the present than this comes from a wrong clock, seconds; a drift of minutes is usual."""

    def __post_init__(self) -> None:
        if not (0 < self.stale_after_s <= self.dead_after_s and self.ahead_s >= 0):
            raise ValueError(f"freshness limits must be positive and in order: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The verdict on one observation."""

    state: State
    age_s: float
    """Seconds since the sensor measured; negative if its clock is ahead."""
    text_ja: str
    """For people, such as ``最新・3分前``."""
    text_en: str
    """For people, such as ``fresh, 3 min ago``."""

    def text(self, language: str = "en") -> str:
        """Return the text in ``ja`` or ``en``."""
        return self.text_ja if language == "ja" else self.text_en


def freshness(observation: Observation, now: datetime, limits: FreshnessLimits) -> Freshness:
    """Judge an observation at the moment `now` (with a time zone).

    A time too far ahead is ``stale``: the clock that made it is wrong, so its age is not known.
    """
    if now.tzinfo is None:
        raise ValueError("the present needs a time zone")
    age_s = (now - observation.observed_at).total_seconds()
    state: State = "fresh"
    if age_s > limits.dead_after_s:
        state = "dead"
    elif age_s > limits.stale_after_s or age_s < -limits.ahead_s:
        state = "stale"
    ja, en = _WORDS[state]
    return Freshness(
        state=state, age_s=age_s, text_ja=f"{ja}・{age_text(age_s, 'ja')}", text_en=f"{en}, {age_text(age_s, 'en')}"
    )


def age_text(age_s: float, language: str = "en") -> str:
    """Say an age in its largest unit, and the next one where it matters.

    Examples
    --------
    >>> age_text(190), age_text(8100), age_text(-7200)
    ('3 min ago', '2 h 15 min ago', '2 h ahead')
    >>> age_text(190, "ja")
    '3分前'
    """
    rest = int(abs(age_s))
    parts: list[str] = []
    for seconds, ja, en in _UNITS:
        count, left = divmod(rest, seconds)
        if count or (seconds == 1 and not parts):
            parts.append(f"{count}{ja}" if language == "ja" else f"{count} {en}")
            rest = left
            if len(parts) == 2 or seconds == 60:  # minutes are exact enough: no seconds after them
                break
        elif parts:
            break
    ahead = int(age_s) < 0
    if language == "ja":
        return "".join(parts) + ("先" if ahead else "前")
    return " ".join(parts) + (" ahead" if ahead else " ago")
