"""A font that has Japanese, found at start: text that cannot be drawn is left out whole, never as boxes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["Fonts", "find_fonts"]

FONT_VARIABLE = "TWIN_FONT"
"""Environment variable that names a font file to use instead of searching."""

_JAPANESE = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansJP-Regular.ttf",
    "NotoSansJP-Regular.otf",
    "SourceHanSansJP-Regular.otf",
    "ipaexg.ttf",
    "ipagp.ttf",
    "ipag.ttf",
    "TakaoPGothic.ttf",
    "VL-PGothic-Regular.ttf",
    "fonts-japanese-gothic.ttf",
    "ヒラギノ角ゴシック W3.ttc",
    "Hiragino Sans GB.ttc",
    "YuGothR.ttc",
    "YuGothM.ttc",
    "meiryo.ttc",
    "msgothic.ttc",
    "Arial Unicode.ttf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
)
"""Files of fonts with Japanese, best first; the last ones have Chinese forms of some characters."""

_SAMPLE = "水位東京Tpm0"
"""Characters that must all be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fonts:
    """The font files to draw with."""

    regular: Path
    bold: Path
    japanese: bool
    """Whether they have Japanese; otherwise only English is drawn."""

    def sized(self, pixels: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """Return the font at a height in pixels."""
        return ImageFont.truetype(str(self.bold if bold else self.regular), size=max(6, round(pixels)))


@lru_cache(maxsize=1)
def find_fonts() -> Fonts:
    """Look for a font with Japanese; without one, take the Latin font that comes with matplotlib."""
    given = os.environ.get(FONT_VARIABLE)
    if given and _has_japanese(Path(given)):
        return Fonts(regular=Path(given), bold=Path(given), japanese=True)
    installed = _installed()
    for name in _JAPANESE:
        path = installed.get(name)
        if path is not None and _has_japanese(path):
            bold = installed.get(name.replace("Regular", "Bold").replace("W3", "W6"), path)
            return Fonts(regular=path, bold=bold, japanese=True)
    import matplotlib  # slow to import, and only machines without a Japanese font need it

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return Fonts(regular=folder / "DejaVuSans.ttf", bold=folder / "DejaVuSans-Bold.ttf", japanese=False)


def _installed() -> dict[str, Path]:
    """Font files by name; the first folder wins, folders are searched in a fixed order."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix.lower() in {".ttf", ".ttc", ".otf"}:
                found.setdefault(path.name, path)
    return found


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return [data / "fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


def _has_japanese(path: Path) -> bool:
    """Whether every sample character has a glyph of its own, not the box that stands for a missing one."""
    try:
        font = ImageFont.truetype(str(path), size=24)
        missing = bytes(font.getmask("\U0010fffe"))
        return all(bytes(font.getmask(character)) != missing for character in _SAMPLE)
    except OSError:
        return False
