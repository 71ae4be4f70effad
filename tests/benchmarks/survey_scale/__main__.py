"""Measures what a survey of hundreds of millions of points costs, and writes docs/benchmarks.md.

Run it as ``.venv/bin/python tests/benchmarks/survey_scale --out docs/benchmarks.md``. Parts that were measured already
are taken from the working folder, so an interrupted run goes on; ``--again`` measures them anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(_ROOT))  # the checkout that is measured, wherever the program is installed
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))

from costs import busy_seconds, own_seconds  # noqa: E402
from inputs import Inputs  # noqa: E402
from page import machine, now, render  # noqa: E402
from parts import PARTS, Bench, Sizes, install_py3dtiles  # noqa: E402

_TWIN = (sys.executable, "-c", "from twin.cli import main; main()")
_FULL = Sizes(real_copies=32, scene_points=10_000_000, many_copies=20, tasks=100_000, crumbs=(500, 2500), rounds=2)
_QUICK = Sizes(real_copies=16, scene_points=10_000_000, many_copies=0, tasks=5_000, crumbs=(100, 500), rounds=1)
_TINY = Sizes(real_copies=1, scene_points=40_000, many_copies=2, tasks=30, crumbs=(4, 9), rounds=1)
_SIZES = {"full": _FULL, "quick": _QUICK, "tiny": _TINY}


def main(arguments: list[str]) -> int:
    """Measure what is asked for and write the page."""
    options = _parser().parse_args(arguments)
    folder = options.work / options.size
    (folder / "results").mkdir(parents=True, exist_ok=True)
    real = options.real if options.real.is_dir() else None
    inputs = Inputs(folder=options.data or options.work / "data", real=real, twin=_TWIN)
    wanted = options.parts.split(",") if options.parts else list(PARTS)
    py3dtiles = None
    if "throughput" in wanted and not options.no_peers:
        py3dtiles = install_py3dtiles(options.peers or options.work / "peers", _say)
    bench = Bench(folder=folder, inputs=inputs, sizes=_SIZES[options.size], say=_say, py3dtiles=py3dtiles)
    for name in wanted:
        _part(name, bench, options.again)
    results = {name: json.loads(path.read_text()) for name in PARTS if (path := _result(folder, name)).is_file()}
    (folder / "benchmarks.json").write_text(json.dumps(results, indent=1))
    text = render(results)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


def _part(name: str, bench: Bench, again: bool) -> None:
    """Measure one part, unless its figures are there."""
    path = _result(bench.folder, name)
    if path.is_file() and not again:
        _say(f"{name}: measured already ({json.loads(path.read_text())['date']}); --again measures it anew")
        return
    _say(f"{name} ...")
    started, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    result: dict[str, Any] = PARTS[name](bench)
    seconds = time.perf_counter() - started
    others = max(0.0, busy_seconds() - busy - (own_seconds() - own)) / seconds
    result |= {"machine": machine(), "date": now(), "seconds": seconds, "others_cores": others}
    path.write_text(json.dumps(result, indent=1))
    for store in ("store", "py3dtiles"):
        shutil.rmtree(bench.folder / store, ignore_errors=True)
    _say(f"{name}: took {seconds:.0f} s")


def _result(folder: Path, name: str) -> Path:
    return folder / "results" / f"{name}.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="page to write; without it the page is printed")
    parser.add_argument("--parts", default="", help=f"comma-separated, of {', '.join(PARTS)}; all if not given")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick", help="10 M points, one round")
    parser.add_argument("--tiny", dest="size", action="store_const", const="tiny", help="does it run at all?")
    parser.add_argument("--again", action="store_true", help="measure parts anew that were measured already")
    parser.add_argument("--no-peers", action="store_true", help="do not install and measure py3dtiles")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "bench", help="stores, logs and figures")
    parser.add_argument("--data", type=Path, help="folder that keeps the input, 2 GB; WORK/data if not given")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments; WORK/peers if not given")
    parser.add_argument("--real", type=Path, default=_ROOT.parent / "shared" / "data", help="folder of real files")
    parser.set_defaults(size="full")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
