"""Is a solid a solid: val3dity's rules and codes, checked before a building leaves."""

from pipelines.validity.check import CODES, check_solid, volume_m3

__all__ = ["CODES", "check_solid", "volume_m3"]
