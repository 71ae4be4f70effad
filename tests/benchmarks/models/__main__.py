"""Measures the 3D models: thousands of buildings with known truth, and real ones.

``python tests/benchmarks/models --only synthetic --kinds gabled,hipped --n 200`` prints figures within a minute.
``python tests/benchmarks/models --out docs/accuracy.md`` puts the tables between their markers on the page.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(_ROOT))  # the checkout that is measured, wherever the program is installed
for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # rates are per core

from cases import TEST_SEED, cases, core_of, thinned  # noqa: E402
from kinds import KINDS  # noqa: E402
from modelling import METHODS  # noqa: E402
from scan import DISTURBANCES  # noqa: E402
from synthetic import run_synthetic  # noqa: E402
from tables import breakdown, summary, worst  # noqa: E402

PARTS = ("synthetic",)
_BREAKDOWNS = {"kind": "kind", "asked_density": "pts/m2", "noise_m": "noise, m", "disturbance": "disturbance"}


def main(arguments: list[str]) -> int:
    """Measure what is asked for."""
    options = _parser().parse_args(arguments)
    results = {}
    if "synthetic" in options.only.split(","):
        results["synthetic"] = run_synthetic(_cases(options), options.work, _say, options.method, options.lod)
        if not options.json:
            _print_synthetic(results["synthetic"], options.worst)
    if options.json:
        print(json.dumps(results, ensure_ascii=False))
    return 0


def _print_synthetic(result: dict, n_worst: int) -> None:
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


def _cases(options: argparse.Namespace) -> list:
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
        return [case for case in found if case.id in options.id.split(",")]
    return thinned(found, options.n)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated, of {', '.join(PARTS)}")
    parser.add_argument("--kinds", default="", help=f"comma-separated, of {', '.join(KINDS)}; all if not given")
    parser.add_argument("--disturbance", default="", help=f"comma-separated, of {', '.join(DISTURBANCES)}")
    parser.add_argument(
        "--core", action="store_true", help="only 10 points a square metre, 5 cm of noise, nothing else"
    )
    parser.add_argument("--n", type=int, help="so many buildings, drawn alike each time")
    parser.add_argument("--id", default="", help="only these buildings, comma-separated")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of 24 surveys of 17 kinds (408 buildings)")
    parser.add_argument("--seed", type=int, default=TEST_SEED + 1, help=f"never tune on {TEST_SEED}, the page's")
    parser.add_argument("--method", choices=list(METHODS), default="ladder", help="what is measured")
    parser.add_argument("--lod", default="2.2", help="level asked for")
    parser.add_argument("--worst", type=int, default=10, help="how many of the worst to name")
    parser.add_argument("--json", action="store_true", help="print every figure of every building as one JSON object")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "models", help="files, reports, pictures")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
