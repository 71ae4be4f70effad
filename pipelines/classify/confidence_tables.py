"""Tables of `pipelines.classify.confidence`, tenths of log odds; a row for each of its groups.

Made by ``python tests/benchmarks/accuracy --calibrate THIS_FILE``; do not edit.
Fitted on BR, FR, NL, SYN, each with the same weight.
"""

from __future__ import annotations

__all__ = ["AGREEMENT_TENTHS", "LIFT_TENTHS", "MARGIN_TENTHS", "ODDS_TENTHS"]

MARGIN_TENTHS = (
    (24, 25, 24, 30, 33, 39),
    (26, 26, 26, 17, 26, 22),
    (30, 27, 27, 30, 30, 30),
    (0, 1, 5, 5, 5, 14),
    (43, 43, 43, 43, 39, 43),
    (-21, -37, -14, -11, -20, -20),
)
AGREEMENT_TENTHS = (
    (-5, -6, -5, -3, -1, 3, 0),
    (-1, -3, -11, -9, -1, 4, 9),
    (-6, -10, -5, -2, 5, 7, 5),
    (-1, 2, 1, 7, 0, -10, -12),
    (0, 0, -1, -3, -5, -6, 11),
    (-2, -9, -11, 1, 2, 0, 16),
)
LIFT_TENTHS = (
    (0, 0, 0, 2, 1, -11, -1, -2, -2, -3),
    (0, 0, 0, 0, 0, 0, -1, -9, -9, 6),
    (0, 0, 0, 0, 0, -4, -5, -1, 2, 2),
    (0, -8, 0, 0, 1, -5, -11, -5, 6, 9),
    (0, 0, 0, 1, -2, -10, 0, 0, 1, 6),
    (10, 7, 0, 0, 0, -2, -8, -9, -2, 3),
)
ODDS_TENTHS = (
    (0, -5, -2, -3, -1, -1, -3, -4, -2, 4),
    (-2, -10, -4, -1, 0, 0, 0, 0, 1, 3),
    (0, -7, 0, -5, -4, -3, -2, 0, 3, 11),
    (2, -9, -6, -4, -5, -3, 4, 9, 0, 0),
    (0, -2, -2, -2, -1, -1, -2, 0, 1, 5),
    (-2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
)
