"""A small survey, the command line as processes, and what a store holds, for tests that break things on purpose."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TWIN = [sys.executable, "-c", "from twin.cli import main; main()"]
STAGES = ["ingest", "classify", "terrain", "model", "flood"]
LIMIT_S = 150
"""Only ends what hangs."""


@dataclass(frozen=True)
class Answer:
    code: int
    stdout: str
    stderr: str


@dataclass
class Command:
    """``twin ARGS`` as a process of its own, which a test may hurt."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [*TWIN, *self.arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until(self, happened: Callable[[], object]) -> bool:
        """Wait for something; tells whether the command was still running then."""
        while self.process.poll() is None and not happened():
            time.sleep(0.005)
        return self.process.poll() is None

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        except psutil.NoSuchProcess:
            return []

    def end(self) -> Answer:
        stdout, stderr = self.process.communicate(timeout=LIMIT_S)
        return Answer(self.process.returncode, stdout, stderr)


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Start commands; those that still run at the end of the test are killed."""
    started: list[Command] = []

    def begin(*arguments: object) -> Command:
        started.append(Command(tuple(map(str, arguments))))
        return started[-1]

    yield begin
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
            command.process.communicate()


@dataclass
class Lab:
    """A small survey, and stores made of it that nothing disturbed."""

    folder: Path

    @property
    def survey(self) -> Path:
        """Folder with the survey of a small bay."""
        folder = self.folder / "survey"
        if not folder.exists():
            self.run("synth", folder, "--points", 60_000)
        return folder

    def run(self, *arguments: object, code: int = 0) -> Answer:
        """Run a command to its end; it must succeed unless another exit code is expected."""
        answer = Command(tuple(map(str, arguments))).end()
        assert answer.code == code, answer.stderr
        return answer

    def new_store(self, path: Path) -> Path:
        """Make an empty store whose tiles are small enough that there are many."""
        self.run("init", path, "--crs", "EPSG:6677", "--vertical", "TP", "--tile-edge", 64)
        return path

    def copy(self, stage: str, path: Path) -> Path:
        """Return a copy of a store that was brought up to a stage."""
        subprocess.run(["cp", "-a", self.finished(stage), path], check=True)
        return path

    def finished(self, stage: str) -> Path:
        """Return a store that was brought up to a stage one task after the other; made once a stage."""
        store = self.folder / stage
        if store.exists():
            return store
        position = STAGES.index(stage)
        if position == 0:
            self.new_store(store)
        else:
            self.copy(STAGES[position - 1], store)
        self.run(*self.command(stage, store), "--executor", "sequential")
        return store

    def stages(self, last: str) -> list[str]:
        """Return the stages up to one."""
        return STAGES[: STAGES.index(last) + 1]

    def command(self, stage: str, store: Path) -> tuple[object, ...]:
        """Return the arguments that do a stage."""
        return (stage, store, *({"ingest": (self.survey,), "flood": ("surge_design",)}.get(stage, ())))

    def contents(self, store: Path) -> Any:
        """Return all that a store says and holds, times and costs aside."""
        files = {
            str(path.relative_to(store)): hashlib.blake2b(path.read_bytes()).hexdigest()
            for path in sorted(store.rglob("*"))
            if path.is_file() and not path.name.startswith(("manifest.sqlite", ".lock"))
        }
        manifest = Store.open(store).manifest
        runs = [(row.run, row.stage, row.params, row.inputs, row.state) for row in manifest.runs()]
        artefacts = [
            (row.run, key, entry.path, entry.checksum, entry.inputs)
            for row in manifest.runs()
            for key, entry in manifest.artefacts(row.run).items()
        ]
        return files, [manifest.sources(), manifest.tiles(), runs, artefacts]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Return the survey and the undisturbed stores; each is made when it is first asked for."""
    return Lab(tmp_path_factory.mktemp("lab"))


@dataclass
class Cluster:
    """A Dask scheduler and its workers, each a process of its own, on loopback."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start_scheduler(self, port: int = 0) -> None:
        """Start the scheduler and learn its address."""
        facts = self.folder / "scheduler.json"
        facts.unlink(missing_ok=True)
        self._spawn("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", "--scheduler-file", facts)
        deadline = time.monotonic() + 60
        while not facts.exists() or not facts.read_text():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        self.address = json.loads(facts.read_text())["address"]

    def add_worker(self, *options: object, **environment: str) -> subprocess.Popen[bytes]:
        """Start one worker of one thread."""
        place = ("--local-directory", self.folder, "--no-dashboard", "--nthreads", 1)
        return self._spawn("worker", self.address, *place, *options, **environment)

    def _spawn(self, *arguments: object, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a running scheduler; workers are for the test to add."""
    (tmp_path / "dask").mkdir()
    made = Cluster(tmp_path / "dask")
    try:
        made.start_scheduler()
        yield made
    finally:
        made.stop()
