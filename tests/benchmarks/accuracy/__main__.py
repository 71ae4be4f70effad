"""Scores the classification on every labelled file and scene, and prints or writes the tables.

``python tests/benchmarks/accuracy --only isprs,dense --quick --set ground.slope=0.2`` prints one compact table.
``python tests/benchmarks/accuracy --out docs/accuracy.md`` writes the page, with and without the learned stage.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(_ROOT))  # the checkout that is measured, wherever the program is installed
for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # rates are per core

from cases import GROUPS, real_cases  # noqa: E402
from confidence_fit import counted, fitted, left_out, source  # noqa: E402
from models import Models  # noqa: E402
from page import render, with_foreign_sections  # noqa: E402
from runs import Runs  # noqa: E402
from scenes import DEVELOPMENT_SEED, TEST_SEED, TRAINING_SEED, scene_cases  # noqa: E402
from settings import Variant, has_learned, stage_for, variants_of  # noqa: E402
from table import compact  # noqa: E402

if TYPE_CHECKING:
    from cases import Case
    from confidence_fit import Counts

_LEARNT_FROM = ("NL", "FR", "BR")
"""Real regions that may be learned from; the ISPRS samples may not, and the Florida file's truth is too weak."""


def main(arguments: list[str]) -> int:
    """Score what is asked for."""
    options = _parser().parse_args(arguments)
    if options.calibrate is not None:
        return _calibrate(options)
    page = options.out is not None
    models = Models(options.work / "models", options.real, _say, options.models)
    runs = Runs(folder=options.work, models=models, overrides=options.overrides, say=_say, keeps=page)
    results = []
    for case in _cases(options):
        given = Variant(name="given", profile=options.profile, is_learned=options.learned)
        variants = variants_of(case) if page else [given]
        results += runs.measured(case, variants)
        if not page:
            print(compact(results[-1:], header=len(results) == 1), flush=True)
    if page:
        speeds = runs.speeds(_cases(options))
        old = options.out.read_text(encoding="utf-8") if options.out.is_file() else ""
        made = render(results, options.work / "pictures", speeds)
        options.out.write_text(with_foreign_sections(made, old), encoding="utf-8")
    else:
        print(compact(results, means=True), flush=True)
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    """Fit the confidence tables on the regions that may be learned from, and write them."""
    cases = [case for case in real_cases(options.real) if case.region in _LEARNT_FROM and case.kind != "mosaic"]
    for seed in range(TRAINING_SEED, TRAINING_SEED + 2):
        cases += scene_cases(seed, 150_000)
    regions: dict[str, Counts] = {}
    models = Models(options.work / "models", options.real, _say, options.models)
    for case in cases:
        _say(case.name)
        loaded = case.load()
        for is_learned in (False, True) if has_learned() else (False,):  # the tables serve both
            model = models.layer(case.region, is_learned=is_learned)
            counts = counted(case, loaded, stage_for(case.profile, options.overrides, model))
            regions[case.region] = regions.get(case.region, 0) + counts
    for region, (without, within) in left_out(regions).items():
        print(f"{region}: calibration error {without:.1f} % fitted without it, {within:.1f} % with it")
    options.calibrate.write_text(source(fitted(regions), sorted(regions)), encoding="utf-8")
    return 0


def _cases(options: argparse.Namespace) -> list[Case]:
    wanted = options.only.split(",") if options.only else list(GROUPS)
    unknown = sorted(set(wanted) - set(GROUPS))
    if unknown:
        raise SystemExit(f"--only {','.join(unknown)}: choose from {', '.join(GROUPS)}")
    seed = options.seed if options.seed is not None else DEVELOPMENT_SEED if options.quick else TEST_SEED
    every = real_cases(options.real)
    if {"synthetic", "seabed"} & set(wanted):
        every += scene_cases(seed, 300_000 if options.quick else 600_000)
    return [case for case in every if case.group in wanted and options.match in case.name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(GROUPS)}; all if not given")
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="stage.param=value")
    parser.add_argument("--profile", default="", help="profile for all cases; the case's own, or the default, if empty")
    parser.add_argument("--learned", action="store_true", help="with the learned stage, region left out; see models.py")
    parser.add_argument("--models", type=Path, help="folder of models trained already: without_REGION.trees")
    parser.add_argument("--quick", action="store_true", help="small scenes of a development seed")
    parser.add_argument("--seed", type=int, help="seed of the scenes; never tune on 300 to 399")
    parser.add_argument("--calibrate", type=Path, help="fit the confidence tables and write them into this module")
    parser.add_argument("--out", type=Path, help="page to write, with every variant; figures are kept in the folder")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "accuracy", help="figures, models, pictures")
    parser.add_argument("--real", type=Path, default=_ROOT.parent / "shared" / "data", help="folder of real files")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
