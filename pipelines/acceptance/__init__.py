"""Acceptance of a delivery without a store: what is wrong with its files, and with all of them together."""

from pipelines.acceptance.delivery import check_delivery, check_source
from pipelines.acceptance.params import AcceptanceParams

__all__ = ["AcceptanceParams", "check_delivery", "check_source"]
