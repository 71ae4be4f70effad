"""Numbers as people read them. Every function takes None for "not known" and says so with a dash."""

from __future__ import annotations

__all__ = ["area", "count", "metres", "percent", "rate", "seconds", "size"]

_DASH = "–"


def count(value: float | None) -> str:
    """Write a whole number with separators.

    Examples
    --------
    >>> count(848942), count(None)
    ('848,942', '–')
    """
    return _DASH if value is None else f"{value:,.0f}"


def metres(value: float | None, digits: int = 2) -> str:
    """Write metres; a negative height gets a real minus sign.

    Examples
    --------
    >>> metres(-1.1344, 4), metres(3), metres(float("nan"))
    ('−1.1344 m', '3.00 m', '–')
    """
    if value is None or value != value:  # NaN differs from itself
        return _DASH
    return f"{value:.{digits}f} m".replace("-", "−")


def area(square_metres: float | None) -> str:
    """Write an area in the unit that suits it.

    Examples
    --------
    >>> area(3_450.0), area(2_500_000.0)
    ('3,450 m²', '2.50 km²')
    """
    if square_metres is None:
        return _DASH
    return f"{square_metres:,.0f} m²" if square_metres < 1e5 else f"{square_metres / 1e6:,.2f} km²"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share of 1; what is there but rounds to nothing says so.

    Examples
    --------
    >>> percent(0.954), percent(0.00001), percent(0.0)
    ('95.4 %', '< 0.1 %', '0.0 %')
    """
    if share is None:
        return _DASH
    least = 10.0**-digits
    return f"< {least:.{digits}f} %" if 0 < share * 100 < least / 2 else f"{share * 100:.{digits}f} %"


def seconds(value: float | None) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(3.14159), seconds(754), seconds(0.0042)
    ('3.1 s', '12 min 34 s', '< 0.1 s')
    """
    if value is None:
        return _DASH
    if value < 0.05:
        return "< 0.1 s"
    return f"{value:.1f} s" if value < 100 else f"{int(value) // 60} min {int(value) % 60:02d} s"


def size(n_bytes: float | None) -> str:
    """Write bytes in decimal units.

    Examples
    --------
    >>> size(590), size(3_530_000), size(4.2e9)
    ('590 B', '3.5 MB', '4.2 GB')
    """
    if n_bytes is None:
        return _DASH
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def rate(per_second: float | None) -> str:
    """Write a rate with three figures.

    Examples
    --------
    >>> rate(243_912.0), rate(5_210_000.0), rate(4.2)
    ('244 k/s', '5.21 M/s', '4.2/s')
    """
    if per_second is None:
        return _DASH
    if per_second >= 1e6:
        return f"{per_second / 1e6:.3g} M/s"
    return f"{per_second / 1e3:.3g} k/s" if per_second >= 1e3 else f"{per_second:.3g}/s"
