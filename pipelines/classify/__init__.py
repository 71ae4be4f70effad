"""Classifying: what each point is, tile by tile, the same whatever the tiling."""

from __future__ import annotations

from pipelines.classify.chain import classify_points, label_points
from pipelines.classify.evidence import Evidence, EvidenceFile, evidence_file
from pipelines.classify.params import STAGES, ClassifyParams
from pipelines.classify.stage import ClassifyStage, classify_profile, classify_stage, profile_layer

__all__ = [
    "STAGES",
    "ClassifyParams",
    "ClassifyStage",
    "Evidence",
    "EvidenceFile",
    "classify_points",
    "classify_profile",
    "classify_stage",
    "evidence_file",
    "label_points",
    "profile_layer",
]
