"""LocalStack's view of a function's environment: a folder and a Node process, which is replaced when it dies."""

import json
import math
import os
import shutil
import tempfile
import time
from pathlib import Path

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .function_output import FunctionOutput
from .node_process import Answered, Ended, Happening, InitFailed, NodeProcess
from .runtime_api import Invocation


class ProcessExecutor(RuntimeExecutor):
    """Runs a function version in one Node process at a time; LocalStack makes as many of these as events are under way."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        name = function_version.id.function_name
        logs = Path(os.environ.get("FANLAKE_LAMBDA_LOGS") or tempfile.gettempdir())
        self._folder = Path(tempfile.gettempdir()) / "lambda-environments" / id
        self._output = FunctionOutput(logs / f"{name}.log")
        self._variables: dict[str, str] = {}
        self._process: NodeProcess | None = None
        self._stopped = False

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the process and waits until it asks for its first event.

        :raises StatusErrorException: the function can't be loaded, or the process ended
        """
        self._folder.mkdir(parents=True)
        self._variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            **{name: str(value) for name, value in env_vars.items()},
            "TZ": "UTC",
            "TMPDIR": str(self._folder),
        }
        self._process = self._spawn()
        failed = self._process.wait()
        if isinstance(failed, (InitFailed, Ended)):
            self._process.kill()
            raise StatusErrorException("Environment startup failed", payload=_describe(failed))

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Gives the function one event and waits for what becomes of it; a process that died is replaced first."""
        request_id = payload["invoke-id"]
        timeout_seconds = self.function_version.config.timeout
        started = time.monotonic()
        self._output.note(f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}")
        happened: Happening | None = None
        if self._process is None or not self._process.is_alive:
            self._process = self._spawn()
            # Time to load again is taken from the invocation's, as on AWS.
            happened = self._process.wait(timeout_seconds)
        process = self._process
        if happened is None or not isinstance(happened, (InitFailed, Ended)):
            left_seconds = max(0.0, started + timeout_seconds - time.monotonic())
            deadline_ms = math.floor((time.time() + left_seconds) * 1000)
            process.invoke(
                Invocation(request_id, payload["invoked-function-arn"], deadline_ms, payload["trace-id"], payload["payload"].encode())
            )
            happened = process.wait(left_seconds)
        if not isinstance(happened, Answered):
            process.kill()
            self._process = None
        process.drain()
        self._report(request_id, time.monotonic() - started, happened, process)
        if isinstance(happened, Answered):
            return InvocationResult(request_id, happened.payload, happened.is_error, self._output.take())
        return InvocationResult(request_id, _describe(happened or self._timed_out(), request_id), True, self._output.take())

    def stop(self) -> None:
        """Kills the process and deletes what the function kept in its temporary folder."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
            self._process.drain()
        self._output.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def get_logs(self) -> str:
        """What was printed outside of invocations."""
        return self._output.take()

    def get_address(self) -> str:
        """Where the function is, seen from LocalStack."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where LocalStack is, seen from the function."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """LocalStack's own init would want it; ours has `AWS_LAMBDA_RUNTIME_API`."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the code."""
        if function_version.config.code is None:
            raise ValueError(f"{function_version.qualified_arn} is an image: only zip files run as processes")
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leaves the unpacked code: a version that differs in its settings alone runs it too. It goes with the state folder."""

    @classmethod
    def validate_environment(cls) -> bool:
        """Whether there is a Node."""
        return shutil.which("node") is not None

    def _spawn(self) -> NodeProcess:
        if self._stopped:
            raise RuntimeError(f"environment {self.id} was stopped")
        config = self.function_version.config
        return NodeProcess(config.code.get_unzipped_code_location(), self._variables, config.memory_size, self._output)

    def _timed_out(self) -> Ended:
        return Ended("Sandbox.Timedout", f"Task timed out after {self.function_version.config.timeout:.2f} seconds")

    def _report(self, request_id: str, seconds: float, happened: Happening | None, process: NodeProcess) -> None:
        if not isinstance(happened, Answered):
            self._output.note(f"RequestId: {request_id} Error: {_describe(happened or self._timed_out()).decode()}")
        self._output.note(f"END RequestId: {request_id}")
        self._output.note(
            f"REPORT RequestId: {request_id}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {math.ceil(seconds * 1000)} ms"
            f"\tMemory Size: {self.function_version.config.memory_size} MB\tMax Memory Used: {process.peak_memory_mib} MB"
        )


def _describe(failure: Happening, request_id: str | None = None) -> bytes:
    """The answer of a function that gave none, in AWS's words."""
    if isinstance(failure, InitFailed):
        return failure.payload
    assert isinstance(failure, Ended)
    subject = "" if request_id is None else f"RequestId: {request_id} Error: "
    return json.dumps({"errorType": failure.error_type, "errorMessage": subject + failure.message}).encode()
