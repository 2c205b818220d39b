"""What a function prints: kept for the invocation's log, and written at once to a file that people and tests follow."""

import os
import threading
from pathlib import Path


class FunctionOutput:
    """Reads the pipes that are stdout and stderr of one environment's process, and of those that take its place after it died.

    Node writes to pipes synchronously, so all that a handler printed is in the pipe before its answer is here: whoever
    has the answer calls `drain` and misses nothing.
    """

    def __init__(self, log_file: Path) -> None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log = open(log_file, "ab", buffering=0)
        self._lock = threading.Lock()
        self._untaken = bytearray()
        self._unwritten = bytearray()

    def drain(self, pipe: int) -> bool:
        """Reads what is in the pipe, which doesn't block. False when nobody can write to it any more."""
        with self._lock:
            while True:
                try:
                    data = os.read(pipe, 65536)
                except BlockingIOError:
                    return True
                if not data:
                    return False
                self._add(data)

    def note(self, line: str) -> None:
        """Adds a line of the platform's own, as Lambda's START and REPORT are."""
        with self._lock:
            end_of_line = b"\n" if self._unwritten else b""
            self._add(end_of_line + line.encode() + b"\n")

    def take(self) -> str:
        """What was printed since this was last called."""
        with self._lock:
            text = self._untaken.decode(errors="replace")
            self._untaken.clear()
            return text

    def close(self) -> None:
        """Writes the last line, though it has no end, and closes the file."""
        with self._lock:
            if self._unwritten:
                self._log.write(bytes(self._unwritten) + b"\n")
            self._unwritten.clear()
            self._log.close()

    def _add(self, data: bytes) -> None:
        self._untaken += data
        self._unwritten += data
        # Processes of one function share the file: whole lines only, so that none is cut in two by another's.
        end = self._unwritten.rfind(b"\n") + 1
        if end > 0 and not self._log.closed:
            self._log.write(bytes(self._unwritten[:end]))
        del self._unwritten[:end]
