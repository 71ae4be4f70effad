"""What is to be said of heights against control points."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.pictures import control_chart
from pipelines.acceptance.verdicts import Judged, asked, asked_ja, beyond
from twin.acceptance import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.acceptance.controls import ControlResult
    from pipelines.acceptance.params import AcceptanceParams, ControlAxes

__all__ = ["ControlsUsed", "control_findings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsUsed:
    """Which control points, in which order of axes, and why."""

    path: str
    axes: ControlAxes
    why: str


def control_findings(results: Sequence[ControlResult], used: ControlsUsed | None, params: AcceptanceParams) -> Judged:
    """Judge heights against control points."""
    if used is None:
        return Judged()
    differences = np.array([result.dz_m for result in results if result.dz_m is not None])
    missing = [result.name for result in results if result.dz_m is None]
    order = "east first" if used.axes == "xy" else "north first"
    order_ja = "東(Y)・北(X)の順" if used.axes == "xy" else "北(X)・東(Y)の順"
    name = Path(used.path).name
    judged = Judged(facts={"controls": _control_facts(results, differences, used)})
    judged.findings.append(
        Finding(
            rule="control_axes",
            severity="info",
            message=f"{name}: read with {order}: {used.why}",
            message_ja=f"{name}: 座標を{order_ja}と解釈した",
        )
    )
    if missing:
        limits = (params.control_rmse_m, params.control_max_m)
        judged.findings.append(
            Finding(
                rule="control_points",
                severity="warning" if any(limit is not None for limit in limits) else "info",
                message=f"{name}: {len(missing)} of {len(results)} control points have no points around them:"
                f" {', '.join(missing[: params.listed])}",
                message_ja=f"{name}: {len(results)} 点の検証点のうち {len(missing)} 点は周囲に点がない:"
                f"{'、'.join(missing[: params.listed])}",
                value=float(len(missing)),
            )
        )
    if differences.size:
        judged.findings += _control_limits(results, differences, params, name)
        judged.pictures.append(control_chart(results))
    return judged


def _control_limits(
    results: Sequence[ControlResult], differences: Any, params: AcceptanceParams, name: str
) -> list[Finding]:
    rmse, mean = float(np.sqrt((differences**2).mean())), float(differences.mean())
    worst = max((result for result in results if result.dz_m is not None), key=lambda result: abs(result.dz_m or 0.0))
    worst_m = abs(worst.dz_m or 0.0)
    return [
        Finding(
            rule="control_rmse",
            severity=beyond(rmse, params.control_rmse_m),
            message=f"{name}: RMSE {rmse:.3f} m over {differences.size} control points, mean {mean:+.3f} m"
            + asked(params.control_rmse_m, "m"),
            message_ja=f"{name}: 検証点 {differences.size} 点との標高較差 RMS {rmse:.3f} m、平均 {mean:+.3f} m"
            + asked_ja(params.control_rmse_m, "m"),
            value=rmse,
            limit=params.control_rmse_m,
            unit="m",
            picture="controls",
        ),
        Finding(
            rule="control_max",
            severity=beyond(worst_m, params.control_max_m),
            message=f"{name}: greatest difference {worst.dz_m:+.3f} m at {worst.name}"
            + asked(params.control_max_m, "m"),
            message_ja=f"{name}: 標高較差の最大は {worst.name} の {worst.dz_m:+.3f} m"
            + asked_ja(params.control_max_m, "m"),
            value=worst_m,
            limit=params.control_max_m,
            unit="m",
            picture="controls",
        ),
    ]


def _control_facts(results: Sequence[ControlResult], differences: Any, used: ControlsUsed) -> dict[str, Any]:
    has_any = bool(differences.size)
    return {
        **asdict(used),
        "n": int(differences.size),
        "without_points": sum(result.dz_m is None for result in results),
        "mean_m": float(differences.mean()) if has_any else None,
        "rmse_m": float(np.sqrt((differences**2).mean())) if has_any else None,
        "max_m": float(np.abs(differences).max()) if has_any else None,
        "points": [asdict(result) for result in results],
    }
