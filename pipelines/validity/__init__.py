"""Is a solid a solid: val3dity's rules and codes, checked before a building leaves."""

from pipelines.validity.cavities import check_shells
from pipelines.validity.check import Fault, check_solid, check_steps, find_faults, volume_m3
from pipelines.validity.codes import CODES
from pipelines.validity.params import DEFAULT, STRICT, Tolerances

__all__ = [
    "CODES",
    "DEFAULT",
    "STRICT",
    "Fault",
    "Tolerances",
    "check_shells",
    "check_solid",
    "check_steps",
    "find_faults",
    "volume_m3",
]
