"""Pictures of a group of files: maps of at most 400 cells a side, histograms, residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from twin.acceptance import Chart, MapPicture, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.acceptance.controls import ControlResult
    from pipelines.acceptance.totals import GroupTotals

__all__ = ["control_chart", "group_charts", "group_maps"]

_COVERAGE = {
    0: ("dense enough", "密度を満たす"),
    1: ("below the density", "密度不足"),
    2: ("water", "水部"),
    3: ("void", "欠測"),
}


def group_maps(group: GroupTotals, suffix: str, *, has_density_limit: bool) -> list[MapPicture]:
    """Return maps of density, coverage, strips and height differences; `suffix` ends their names."""
    if group.grid is None or group.layers is None:
        return []
    cells = group.layer("cells").astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where(cells > 0, group.layer("points") / (cells * group.cell_m**2), np.nan)
        # Strips are counted in every cell, surveyed or not.
        strips = np.where(cells > 0, group.layer("strips") / cells, np.nan)
        compared = group.layer("compared").astype(np.float64)
        difference = np.where(compared > 0, group.layer("difference") * 1e-5 / compared, np.nan)
    maps = [
        _map(group, "density" + suffix, ("Point density", "点密度"), density, unit="points/m2"),
        _coverage(group, "coverage" + suffix, has_density_limit=has_density_limit),
    ]
    if group.strips.rule != "none":
        maps.append(_map(group, "strips" + suffix, ("Strips over each place", "コース数"), strips))
        if np.isfinite(difference).any():
            titles = ("Height differences between strips", "コース間標高較差")
            maps.append(_map(group, "overlap" + suffix, titles, difference, unit="m", kind="diverging"))
    return maps


def group_charts(group: GroupTotals, suffix: str) -> list[Chart]:
    """Return histograms of density and classes, and the strips' figures."""
    charts = []
    if group.histogram.any():
        last = int(np.flatnonzero(group.histogram).max())
        counts = np.arange(last + 1)
        series = Series(name="cells", name_ja="格子数", x=counts / group.cell_m**2, y=group.histogram[: last + 1])
        charts.append(
            Chart(
                name="density_histogram" + suffix,
                title="Cells by point density",
                title_ja="点密度別の格子数",
                series=(series,),
                x_label="points/m2",
                y_label="cells",
            )
        )
    codes = np.flatnonzero(group.classes)
    charts.append(
        Chart(
            name="classes" + suffix,
            title="Points by class",
            title_ja="クラス別点数",
            series=(Series(name="points", name_ja="点数", x=codes, y=group.classes[codes]),),
            x_label="class",
            y_label="points",
        )
    )
    if group.pairs:
        charts.append(_pairs(group, suffix))
    return charts


def control_chart(results: Sequence[ControlResult]) -> Chart:
    """Return the height differences to control points, in their order."""
    judged = [(i + 1, result.dz_m) for i, result in enumerate(results) if result.dz_m is not None]
    numbers, differences = np.array(judged, np.float64).reshape(-1, 2).T
    return Chart(
        name="controls",
        title="Height differences to control points",
        title_ja="検証点との標高較差",
        series=(Series(name="delivered minus control", name_ja="成果-検証点", x=numbers, y=differences),),
        x_label="control point",
        y_label="m",
    )


def _pairs(group: GroupTotals, suffix: str) -> Chart:
    total = np.sum([pair.bins for pair in group.pairs.values()], axis=0)
    used = np.flatnonzero(total)
    first, last = int(used.min()), int(used.max())
    x = (np.arange(first, last + 1) - total.size // 2 + 0.5) * 0.005
    series = Series(name="compared cells", name_ja="比較した格子数", x=x, y=total[first : last + 1])
    return Chart(
        name="overlap_histogram" + suffix,
        title="Height differences between strips",
        title_ja="コース間標高較差",
        series=(series,),
        x_label="m",
        y_label="cells",
    )


def _coverage(group: GroupTotals, name: str, *, has_density_limit: bool) -> MapPicture:
    """Say of each map cell what it mostly lacks: a void or water that touches it shows."""
    cells, low = group.layer("cells"), group.layer("low" if has_density_limit else "empty")
    values = np.full(cells.shape, 255, np.uint8)
    values[cells > 0] = 0
    values[(cells > 0) & (2 * low > cells)] = 1
    if group.void_map is not None:
        values[group.void_map == 2] = 2
        values[group.void_map == 1] = 3
    labels = dict(_COVERAGE)
    if not has_density_limit:
        labels[0], labels[1] = ("points", "点あり"), ("mostly empty cells", "空白の格子が多い")
    return _map(group, name, ("Coverage and voids", "欠測"), values, kind="classes", labels=labels)


def _map(group: GroupTotals, name: str, titles: tuple[str, str], values: NDArray[Any], **more: Any) -> MapPicture:
    """Return a map; `values` has row 0 in the south."""
    if group.grid is None:
        raise ValueError("a map needs a grid")
    north_up = np.ascontiguousarray(values[::-1])
    if north_up.dtype != np.uint8:
        north_up = north_up.astype(np.float32)
    return MapPicture(name=name, title=titles[0], title_ja=titles[1], frame=group.grid.frame, values=north_up, **more)
