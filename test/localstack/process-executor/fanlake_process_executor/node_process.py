"""One `node` process in which a function lives: started, given one event at a time, watched, killed."""

import os
import queue
import select
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .function_output import FunctionOutput
from .runtime_api import Invocation, RuntimeApi

BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")
WATCH_SECONDS = 0.1


class Ready(NamedTuple):
    """The function is loaded: the process asked for its first invocation."""


class InitFailed(NamedTuple):
    """The function couldn't be loaded; Lambda's description of the error."""

    payload: bytes


class Answered(NamedTuple):
    """The handler returned, or threw."""

    payload: bytes
    is_error: bool


class Ended(NamedTuple):
    """The process is gone; the type and the sentence by which Lambda says so."""

    error_type: str
    message: str


Happening = Ready | InitFailed | Answered | Ended

_api: RuntimeApi | None = None
_lock = threading.Lock()


def _runtime_api() -> RuntimeApi:
    global _api
    with _lock:
        _api = _api or RuntimeApi()
        return _api


class NodeProcess:
    """A process group of its own, so that nothing that the function starts survives it.

    Memory is limited as Lambda does it, by what the process really has: the pages that are its own. No limit of the system is of use:
    RLIMIT_AS counts the gigabytes of addresses that V8 and WebAssembly reserve, and RLIMIT_DATA makes an allocation fail
    where Lambda kills. So the pages are counted ten times a second, on Linux; `--max-old-space-size` holds everywhere.
    """

    def __init__(self, code: Path, variables: Mapping[str, str], memory_mib: int, output: FunctionOutput) -> None:
        self._name = uuid.uuid4().hex
        self._memory_mib = memory_mib
        self._output = output
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._ready = False
        self._closed = False
        self._reason: Ended | None = None
        self.peak_memory_mib = 0
        self._process = subprocess.Popen(
            # nine tenths of the memory for V8's heap, as AWS's own runtime has it
            ["node", f"--max-old-space-size={memory_mib * 9 // 10}", str(BOOTSTRAP)],
            cwd=code,
            env={**variables, "LAMBDA_TASK_ROOT": str(code), "AWS_LAMBDA_RUNTIME_API": _runtime_api().add(self._name, self)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        # Whoever ends LocalStack finds here what it may have left behind.
        self._note = Path(tempfile.gettempdir()) / "process-groups" / str(self._process.pid)
        self._note.parent.mkdir(exist_ok=True)
        self._note.touch()
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        threading.Thread(target=self._watch, name=f"lambda-process-{self._process.pid}", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs. One that was killed a moment ago may still seem to."""
        return self._process.poll() is None

    def invoke(self, invocation: Invocation) -> None:
        """Gives it an event; what comes of it, `wait` tells."""
        self._inbox.put(invocation)

    def wait(self, timeout_seconds: float | None = None) -> Happening | None:
        """What happens next; None when nothing does for so long."""
        try:
            return self._happenings.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """Ends the process and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def drain(self) -> bool:
        """Takes over what was printed until now; False when nobody can print any more."""
        return not self._closed and self._output.drain(self._pipe)

    def next_invocation(self) -> Invocation | None:
        """Called by the process over the Runtime API."""
        if not self._ready:
            self._ready = True
            self._happenings.put(Ready())
        return self._inbox.get()

    def answered(self, request_id: str, payload: bytes, is_error: bool) -> None:
        """Called by the process over the Runtime API."""
        self._happenings.put(Answered(payload, is_error))

    def init_failed(self, payload: bytes) -> None:
        """Called by the process over the Runtime API."""
        self._happenings.put(InitFailed(payload))

    def _watch(self) -> None:
        while self._process.poll() is None:
            readable, _, _ = select.select([self._pipe], [], [], WATCH_SECONDS)
            if readable and not self.drain():
                self._process.wait()
            self._limit_memory()
        self.kill()
        self.drain()
        self._closed = True
        self._note.unlink(missing_ok=True)
        _runtime_api().remove(self._name)
        self._happenings.put(self._reason or _ended(self._process.returncode))
        self._inbox.put(None)
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()

    def _limit_memory(self) -> None:
        used_mib = _own_memory_mib(self._process.pid)
        self.peak_memory_mib = max(self.peak_memory_mib, used_mib)
        if used_mib > self._memory_mib and self._reason is None:
            self._reason = Ended("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")
            self.kill()


def _own_memory_mib(pid: int) -> int:
    """Memory that the process doesn't share with files: Linux alone tells it cheaply. 0 where it isn't told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:")))
    return sum(int(kib) for _, kib, _ in lines) // 1024


def _ended(code: int) -> Ended:
    if code < 0:
        return Ended("Runtime.ExitError", f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}")
    if code > 0:
        return Ended("Runtime.ExitError", f"Runtime exited with error: exit status {code}")
    return Ended("Runtime.ExitError", "Runtime exited without providing a reason")
