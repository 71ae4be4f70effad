"""Everything that can go wrong, by name.

Each error also inherits the builtin that a caller would catch anyway. A message says what was found, where
(file, tile, row), and what to do next, in one line.
"""

from __future__ import annotations

import errno

__all__ = [
    "ClusterError",
    "ConfigError",
    "CrsError",
    "DatumError",
    "FootprintError",
    "FormatError",
    "RenderError",
    "RoofError",
    "StageError",
    "StoreError",
    "TwinError",
    "UnitError",
    "UnreachableError",
    "ends_everything",
]


class TwinError(Exception):
    """Base of all errors that this engine raises on purpose."""


class FormatError(TwinError, ValueError):
    """A file's bytes are not what its header or its format promises."""


class CrsError(TwinError, ValueError):
    """A horizontal reference system is missing, unknown, or not the store's."""


class UnitError(CrsError):
    """Coordinates are in feet or degrees where metres are needed."""


class DatumError(TwinError, ValueError):
    """Two heights cannot be compared: a vertical datum is unknown or no offset between them is."""


class ConfigError(TwinError, ValueError):
    """A preset, project file or override has a wrong key or value."""


class ClusterError(TwinError, RuntimeError):
    """Workers elsewhere cannot do the work: their scheduler is gone, there are none, or they are not fit for it."""


class StoreError(TwinError, OSError):
    """A store is missing, of another version, locked, or its bytes changed."""


class UnreachableError(StoreError):
    """An object store does not answer, or refuses."""


class StageError(TwinError, RuntimeError):
    """A stage cannot run: what it needs is not in the store yet."""


class FootprintError(TwinError, ValueError):
    """One building's outline cannot be used."""


class RoofError(TwinError, ValueError):
    """One building's roof cannot be modelled at the level of detail asked for.

    `code` is val3dity's number of the fault where it has one, else 0.
    """

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[type[RoofError], tuple[int, str]]:
        """Travel between processes with both facts."""
        return type(self), (self.code, str(self))


class RenderError(TwinError, RuntimeError):
    """No picture can be drawn on this machine; the message names the package to install."""


def ends_everything(error: BaseException) -> bool:
    """Tell whether going on would only fail all that follows: the disk is full, or the object store is gone."""
    return isinstance(error, UnreachableError) or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
