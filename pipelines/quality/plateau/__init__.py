"""PLATEAU's quality check of buildings (CityGML), so that a delivery can be put right before it is sent."""

from pipelines.quality.plateau.delivery import check_files
from pipelines.quality.plateau.findings import RULES, Finding, title_of

__all__ = ["RULES", "Finding", "check_files", "title_of"]
