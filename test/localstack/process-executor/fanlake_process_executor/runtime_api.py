"""The Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) on one loopback port for all processes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Protocol


class Invocation(NamedTuple):
    """One event for a function."""

    request_id: str
    function_arn: str
    deadline_ms: int
    trace_id: str
    payload: bytes


class Runtime(Protocol):
    """A process that asks for invocations and answers them."""

    def next_invocation(self) -> Invocation | None:
        """Blocks until there is one; None when the process has ended."""

    def answered(self, request_id: str, payload: bytes, is_error: bool) -> None:
        """The handler returned, or threw."""

    def init_failed(self, payload: bytes) -> None:
        """The function couldn't be loaded."""


class RuntimeApi:
    """Serves any number of processes; each has a path of its own, which it is given as its `AWS_LAMBDA_RUNTIME_API`."""

    def __init__(self) -> None:
        self._runtimes: dict[str, Runtime] = {}
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"runtimes": self._runtimes}))
        server.daemon_threads = True
        self._port = server.server_address[1]
        threading.Thread(target=server.serve_forever, name="lambda-runtime-api", daemon=True).start()

    def add(self, name: str, runtime: Runtime) -> str:
        """Returns the value of `AWS_LAMBDA_RUNTIME_API` for this process."""
        self._runtimes[name] = runtime
        return f"127.0.0.1:{self._port}/{name}"

    def remove(self, name: str) -> None:
        """What this process still says is answered with 404."""
        self._runtimes.pop(name, None)


class _Handler(BaseHTTPRequestHandler):
    runtimes: dict[str, Runtime]
    protocol_version = "HTTP/1.1"
    # A body after its headers otherwise waits 40 ms or more for the other side's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        match self.path.split("/")[1:]:
            case [name, "2018-06-01", "runtime", "invocation", "next"] if name in self.runtimes:
                invocation = self.runtimes[name].next_invocation()
                if invocation is None:
                    self._answer(410)
                else:
                    self._answer(
                        200,
                        invocation.payload,
                        {
                            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                            "Lambda-Runtime-Trace-Id": invocation.trace_id,
                        },
                    )
            case _:
                self._answer(404)

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path.split("/")[1:]:
            case [name, "2018-06-01", "runtime", "init", "error"] if name in self.runtimes:
                self.runtimes[name].init_failed(payload)
                self._answer(202)
            case [name, "2018-06-01", "runtime", "invocation", request_id, ("response" | "error") as kind] if name in self.runtimes:
                self.runtimes[name].answered(request_id, payload, kind == "error")
                self._answer(202)
            case _:
                self._answer(404)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            # the process was killed while it waited
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: each request would be a line."""
