"""Measures the 3D models: thousands of buildings with known truth, and real ones.

``python tests/benchmarks/models --only synthetic --kinds gabled,hipped --n 200`` prints figures within a minute.
``python tests/benchmarks/models --out docs/accuracy.md`` puts the tables between their markers on the page; with
``--only memory --buildings 100000`` beside it that part alone is measured anew, which takes an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(_ROOT))  # the checkout that is measured, wherever the program is installed
for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # rates are per core

from cases import ROW, TEST_SEED, cases, core_of, thinned  # noqa: E402
from field import write_survey  # noqa: E402
from kinds import KINDS  # noqa: E402
from modelling import METHODS  # noqa: E402
from page import placed, render  # noqa: E402
from real import run_ahn, run_delft  # noqa: E402
from scale import run_bytes, run_memory  # noqa: E402
from scan import DISTURBANCES  # noqa: E402
from synthetic import run_outlines, run_synthetic  # noqa: E402
from tables import breakdown, summary, worst  # noqa: E402
from targets import target_rows  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cases import Case

_BREAKDOWNS = {"kind": "kind", "asked_density": "pts/m2", "noise_m": "noise, m", "disturbance": "disturbance"}
_LOD1_N = 400
_SCALE_ROWS = 4
"""Rows of 50 buildings that the stage is run over in several ways, and that are repeated for the memory."""


def main(arguments: list[str]) -> int:
    """Measure what is asked for."""
    options = _parser().parse_args(arguments)
    options.seed = options.seed or (TEST_SEED if options.out else TEST_SEED + 1)
    wanted = options.only.split(",") if options.only else list(PARTS)
    if unknown := sorted(set(wanted) - set(PARTS)):
        raise SystemExit(f"--only {','.join(unknown)}: choose from {', '.join(PARTS)}")
    if options.survey:
        _say(f"{write_survey(options.survey, _cases(options)):,} points written")
        return 0
    results = {}
    for name in wanted:
        _say(name)
        results[name] = PARTS[name](options)
        if options.out:
            _with_kept(results, options.work)  # hours of figures must not hang on the last part
    if options.json:
        print(json.dumps(results, ensure_ascii=False))
    elif options.out:
        section = render(_with_kept(results, options.work))
        options.out.write_text(placed(options.out.read_text(encoding="utf-8"), section), encoding="utf-8")
    else:
        _print(results, options.worst)
    return 0


def _with_kept(results: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Add the parts that were measured for the page before, and keep all for the next time."""
    path = folder / "figures.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    every = {name: {**kept, **results}[name] for name in PARTS if name in kept or name in results}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(every), encoding="utf-8")
    return every


def _print(results: Mapping[str, Any], n_worst: int) -> None:
    for metric, asked, reached, holds in target_rows(results):
        print(f"{holds.strip('*'):4}{metric} | {asked} | {reached}")
    if "synthetic" in results:
        _print_synthetic(results["synthetic"], n_worst)
    for name in ("delft", "ahn"):
        for row in worst(results.get(name, {}).get("rows", ()), "rmse_3d", n_worst):
            print(
                f"{row['id']}: 3D {row['rmse_3d']:.2f}, roof {row['rmse_roof']:.2f}, lod {row['lod']} {row['reason']}"
            )


def _print_synthetic(result: Mapping[str, Any], n_worst: int) -> None:
    print("\n".join(summary(result)))
    for key, title in _BREAKDOWNS.items():
        if len({row[key] for row in result["rows"]}) > 1:
            print("\n" + "\n".join(breakdown(result["rows"], key, title)))
    print()
    for row in worst(result["rows"], "rmse_truth", n_worst):
        print(
            f"{row['id']} {row['asked_density']:g}/m2 {row['noise_m']} m {row['disturbance']}: roof vs truth "
            f"{row['rmse_truth']:.2f} m, rmse z {row['rmse_z']:.2f}, 3D {row['rmse_3d']:.2f}, lod {row['lod']}, "
            f"{row['planes']} planes of {row['true_planes']}, codes '{row['codes']}' {row['reason']}"
        )


def _synthetic(options: argparse.Namespace) -> dict[str, Any]:
    return run_synthetic(_cases(options), options.work / "synthetic", _say, options.method, options.lod)


def _lod1(options: argparse.Namespace) -> dict[str, Any]:
    found = thinned(core_of(cases(options.rounds, seed=options.seed)), _LOD1_N)
    return run_synthetic(found, options.work / "lod1", _say, lod="1.2")


def _outlines(options: argparse.Namespace) -> dict[str, Any]:
    return run_outlines(core_of(_cases(options)))


def _few(options: argparse.Namespace) -> list[Case]:
    return cases(1, seed=options.seed)[: _SCALE_ROWS * ROW]


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "synthetic": _synthetic,
    "lod1": _lod1,
    "delft": lambda options: run_delft(options.real, options.work, _say, options.lod, options.method),
    "ahn": lambda options: run_ahn(options.real, options.work, _say, options.lod, options.method),
    "outlines": _outlines,
    "bytes": lambda options: run_bytes(_few(options), options.work, _say, options.lod),
    "memory": lambda options: run_memory(_few(options), options.buildings, options.work, _say, options.lod),
}


def _cases(options: argparse.Namespace) -> list[Case]:
    kinds = tuple(options.kinds.split(",")) if options.kinds else KINDS
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise SystemExit(f"--kinds {','.join(unknown)}: choose from {', '.join(KINDS)}")
    found = cases(options.rounds, kinds=kinds, seed=options.seed)
    if options.core:
        found = core_of(found)
    if options.disturbance:
        found = [case for case in found if case.survey.disturbance in options.disturbance.split(",")]
    if options.id:
        found = [case for case in found if case.id in options.id.split(",")]
    if not found:
        raise SystemExit("no building is chosen: look at --disturbance and --id")
    return found if options.id else thinned(found, options.n)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(PARTS)}; all if not given")
    parser.add_argument("--kinds", default="", help=f"comma-separated, of {', '.join(KINDS)}; all if not given")
    parser.add_argument("--disturbance", default="", help=f"comma-separated, of {', '.join(DISTURBANCES)}")
    parser.add_argument(
        "--core", action="store_true", help="only 10 points a square metre, 5 cm of noise, nothing else"
    )
    parser.add_argument("--n", type=int, help="so many buildings, drawn alike each time")
    parser.add_argument("--id", default="", help="only these buildings, comma-separated")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of 24 surveys of 17 kinds (408 buildings)")
    parser.add_argument(
        "--seed", type=int, help=f"never tune on {TEST_SEED}, the page's; {TEST_SEED + 1} without --out"
    )
    parser.add_argument("--method", choices=list(METHODS), default="ladder", help="what is measured")
    parser.add_argument("--lod", default="2.2", help="level asked for")
    parser.add_argument("--buildings", type=int, default=2000, help="how many for the memory; 100000 takes an hour")
    parser.add_argument(
        "--out",
        type=Path,
        help="page whose marked section is written anew; parts not measured now are taken from --work",
    )
    parser.add_argument("--real", type=Path, default=_ROOT.parent / "shared" / "data", help="folder of real files")
    parser.add_argument("--survey", type=Path, help="only write survey.las and outlines.gpkg of the buildings here")
    parser.add_argument("--worst", type=int, default=10, help="how many of the worst to name")
    parser.add_argument("--json", action="store_true", help="print every figure of every building as one JSON object")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "models", help="files, reports, pictures")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
