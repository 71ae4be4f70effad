"""A real S3 service on loopback (moto's), with a switch for its faults and a counter of its requests."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from twin.cli.app import build_app

if TYPE_CHECKING:
    from collections.abc import Callable

BUCKET = "twin-test"


class ObjectServer:
    """The service; it keeps its objects while it is stopped."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app

        self._app: Any = DomainDispatcherApplication(create_backend_app)
        self._server: Any = None
        self._mutex = threading.Lock()
        self.port = 0
        self.requests: Counter[str] = Counter()
        self.failing: random.Random | None = None
        self.share = 0.0
        self.stop_after = -1
        self.bodies_lost = 0
        self.sent = 0
        """Bytes of all answers."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self._mutex:
            self.requests[environ["REQUEST_METHOD"]] += 1
            failed = self.failing is not None and self.failing.random() < self.share
            if self.stop_after > 0:
                self.stop_after -= 1
            is_gone = self.stop_after == 0
            lose = self.bodies_lost > 0 and environ["REQUEST_METHOD"] == "PUT"
            self.bodies_lost -= lose
        if is_gone:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # the connection ends without an answer
            raise ConnectionAbortedError
        if failed:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(random.choice(["500 Internal Server Error", "503 Slow Down"]), [("Content-Length", "0")])
            return [b""]
        answer = list(self._app(environ, start_response))
        with self._mutex:
            self.sent += sum(map(len, answer))
        if lose:
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return answer

    def start(self) -> None:
        """Listen, on the same port as before."""
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", self.port, self, threaded=True)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Close the port: new connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def calm(self) -> None:
        """End all faults."""
        self.failing, self.share, self.stop_after, self.bodies_lost = None, 0.0, -1, 0

    def fail(self, share: float, seed: int) -> None:
        """Answer a share of all requests with 500 or 503."""
        self.failing, self.share = random.Random(seed), share

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def _server() -> Any:
    pytest.importorskip("moto.server", reason="moto[server] plays the object store")
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ObjectServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service with an empty bucket, and the environment that names it."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": _server.url,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "nobody",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TWIN_STORE_PATIENCE_S": "20",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield _server
    _server.calm()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    for page in pages:
        for entry in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a service that does not answer after a second."""
    monkeypatch.setenv("TWIN_STORE_PATIENCE_S", "1")


@pytest.fixture
def address(server: ObjectServer) -> str:
    """Address of a store that is not there yet."""
    return f"s3://{BUCKET}/area/store"


@pytest.fixture
def twin(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run ``twin ARGS --json`` in this process, and return what it says."""

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            build_app()(prog_name="twin", args=[*map(str, arguments), "--json"])
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.err
        answer: dict[str, Any] = json.loads(printed.out.splitlines()[-1])
        return answer

    return run
