"""The learned second stage: trees that look again at what the ground filter said.

============  ==========================================================
`params`      when the trees are asked, how far they may go
`cells`       what stands in the cells around a place
`features`    what the trees see of a point
`trees`       flat trees and their sums
`model`       a trained model at rest
`odds`        the second look
`truths`      what delivered classes tell
`recipe`      what a model is trained from
`examples`    clouds, thinned and warped, as rows for training
`training`    examples to a model, and its record
============  ==========================================================
"""

from __future__ import annotations

from pipelines.learned.features import Filtered
from pipelines.learned.odds import Odds, look_again
from pipelines.learned.params import LearnedParams

__all__ = ["Filtered", "LearnedParams", "Odds", "look_again"]
