"""The section of the page of accuracy that tells of the 3D models, and its place between two markers."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from tables import breakdown
from targets import target_rows

from twin import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BEGIN", "END", "placed", "render"]

BEGIN, END = "<!-- begin 3D models -->", "<!-- end 3D models -->"
_SENSES = """\
**Synthetic buildings** are made by code: 17 kinds under 24 surveys, six times with other measures (2 448). Points have
noise along z, wall points across their wall. *Walls*: scanned from both sides; *one-sided*: from one side at 25
degrees, with shadows; *tree*: a crown beside the outline that leans over it above the eaves, labelled building;
*patch*: an eighth of the roof without return; *chimney*: one to three; *all*: one-sided with all of these. Seed 500 is
for this page alone.

**Along z**: the residual of every point inside the outline to the roof above or below it, walls, chimneys and trees
too, as other programs report it. **In space**: the distance of every point to the nearest face, walls included; that
is `rmse_all_m` of a building. **Roof against truth**: the model's roof minus the true one on a grid of 0.25 m, free of
noise. A row of quantiles is over buildings.

**Without ground around them** (the 50 single AHN buildings), the base is the height that a hundredth of the points
lie below, and the outline is drawn from the points. Delft's ground is `twin terrain` of the delivered classes.

**Speed** is CPU time of one core: clipping of the points, model with self-check, and writing of all levels as
CityJSONSeq, on buildings of 10 points a square metre; machines that are busy otherwise show less."""


def render(results: Mapping[str, Any]) -> str:
    """Return the section in Markdown, without its markers."""
    lines = [
        "## 3D models: what was asked and what was reached",
        "",
        *wrap(
            "Made by `python tests/benchmarks/models --out docs/accuracy.md`; do not edit."
            f" Version {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_machine()}.",
            width=120,
        ),
        "",
        "| metric | asked | reached | holds |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in target_rows(results)),
        "",
        *_tables(results),
        "### How the figures of the models are made",
        "",
        _SENSES,
    ]
    return "\n".join(lines)


def placed(page: str, section: str) -> str:
    """Put the section between its markers on a page, in place of what is there, or at the end.

    Examples
    --------
    >>> placed(placed("# Page\\n", "old"), "new")
    '# Page\\n\\n<!-- begin 3D models -->\\n\\nnew\\n\\n<!-- end 3D models -->\\n'
    """
    marked = f"{BEGIN}\n\n{section}\n\n{END}"
    if BEGIN in page and END in page:
        before, _, rest = page.partition(BEGIN)
        return before + marked + rest.partition(END)[2]
    return f"{page.rstrip()}\n\n{marked}\n"


def _tables(results: Mapping[str, Any]) -> Iterator[str]:
    rows = results.get("synthetic", {}).get("rows", [])
    plain = [row for row in rows if row["disturbance"] == "plain"]
    shown = (
        ("Kinds, at 10 points a square metre and 5 cm", "kind", [row for row in rows if row["is_core"]]),
        ("Densities, at 5 cm", "asked_density", [row for row in plain if row["noise_m"] == 0.05]),
        ("Noise, at 10 points a square metre", "noise_m", [row for row in plain if row["asked_density"] == 10.0]),
        ("What goes wrong, at 10 points a square metre and 5 cm", "disturbance",
         [row for row in rows if row["asked_density"] == 10.0 and row["noise_m"] == 0.05]),
    )  # fmt: skip
    for title, key, own in shown:
        if own:
            yield from (f"### {title}", "", *breakdown(own, key, key.replace("asked_", "").replace("_m", ", m")), "")


def _machine() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in told if line.startswith("model name")), platform.machine())
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
