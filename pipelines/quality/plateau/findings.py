"""What PLATEAU's quality check looks for in buildings, by the names that it reports under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["RULES", "Finding", "title_of"]

RULES: Final = {
    "C01": "gml:id重複",
    "C05": "C05_必須属性等の欠落_Error",
    "C-bldg-01": "C-bldg-01 エラー",
    "L-id": "gml:id書式不正",
    "L05": "L05CRS識別子",
    "L-xlink": "xlink参照先なし",
    "T-number": "不正な建物ID",
    "T-city": "市区町村コードエラー",
    "L-bldg-02": "L-bldg-02 エラー",
    "L-bldg-04,05": "L-bldg-04,05 エラー",
    "L-bldg-06": "L-bldg-06 エラー",
    "T-bldg-02": "T-bldg-02エラー",
    "L-part": "LOD0-1のBuildingPart",
    "L-mesh": "図郭不正",
    "L-turned": "LOD0 面の向きエラー",
    "L-face": "境界面のエラー",
    "L14-open": "非水密立体",
    "L14": "立体のエラー",
    "L-bldg-01": "立体の交差",
    "unreadable": "読み取れない地物",
}
"""Rule to the name of its column in PLATEAU's report; names of rules about one level lack the level. Codes with a
number are PLATEAU's own; L07, L09, L11 and L13 are one column there, ``L-face`` here, told apart by the message."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One fault."""

    file: str
    """Name of the file."""
    rule: str
    """Key of `RULES`."""
    id: str
    """``gml:id`` of the building, part or installation."""
    level: str = ""
    """Level of detail, for rules about geometry."""
    message: str = ""
    """What was found."""

    @property
    def title(self) -> str:
        """Name of the column in PLATEAU's report that counts it."""
        return title_of(self.rule, self.level)


def title_of(rule: str, level: str = "") -> str:
    """Return the name of a rule's column in PLATEAU's report.

    Examples
    --------
    >>> title_of("L-face", "0"), title_of("L-face", "2"), title_of("L-bldg-01", "0")
    ('LOD0 面のエラー', 'LOD2 境界面のエラー', 'LOD0 面の交差')
    """
    name = RULES[rule]
    if rule in ("L-face", "L14-open", "L14", "L-bldg-01"):
        flat = {"L-face": "面のエラー", "L-bldg-01": "面の交差"}
        return f"LOD{level} {flat.get(rule, name) if level == '0' else name}"
    return name
