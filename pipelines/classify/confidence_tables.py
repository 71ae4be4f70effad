"""Tables of `pipelines.classify.confidence`, tenths of log odds; a row for each of its groups.

Made by ``python tests/benchmarks/accuracy --calibrate THIS_FILE``; do not edit.
Fitted on BR, FR, NL, SYN, each with the same weight.
"""

from __future__ import annotations

__all__ = ["AGREEMENT_TENTHS", "LIFT_TENTHS", "MARGIN_TENTHS", "ODDS_TENTHS"]

MARGIN_TENTHS = (
    (27, 25, 31, 32, 38, 39),
    (24, 24, 24, 15, 24, 25),
    (30, 28, 29, 30, 30, 30),
    (-2, 1, 1, 1, 1, 1),
    (50, 50, 47, 50, 50, 50),
    (-21, -16, -33, -12, -21, -21),
)
AGREEMENT_TENTHS = (
    (-2, -4, -3, -1, 0, 4, 2),
    (0, -8, -15, -7, 1, 6, 15),
    (-2, -15, -8, -2, 8, 9, 6),
    (-8, 11, 14, 7, -2, -5, -20),
    (0, 0, -1, -5, -6, -1, 10),
    (-4, -5, -10, 2, 4, 0, 16),
)
LIFT_TENTHS = (
    (0, 0, 0, 5, 5, -14, 0, -1, -1, 2),
    (0, 0, 0, 0, 0, 0, -1, -8, -9, 10),
    (0, 0, 0, 0, 0, 0, -4, -1, 1, 2),
    (0, -10, 0, 0, 0, 0, -4, 4, 7, 0),
    (0, 0, 0, -6, -4, 0, 0, 0, 0, 6),
    (9, 6, 0, 0, 0, 0, -8, -11, 0, 8),
)
ODDS_TENTHS = (
    (-5, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (-8, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (-3, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (-3, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (-3, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (4, 0, 0, 0, 0, 0, 0, 0, 0, 0),
)
