"""Three real servers on one data folder: one that stays, and two that are killed in turns and come back."""

from __future__ import annotations

import _sqlite3
import contextlib
import ctypes
import functools
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
CLOCK = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
"""When the soak takes place: a Tuesday evening on which the line is open for two hours more."""
SETTINGS = {
    # Nothing lapses and nothing is turned away meanwhile: then every request that is handed out twice is a fault.
    "QUIETLINE_LEASE_MINUTES": "240",
    "QUIETLINE_CLAIM_LIMIT": "1000",
    "QUIETLINE_UNVERIFIED_CAP": "1000000",
}
EXACT = {"PYTHONMALLOC": "malloc"}
"""Has the C library keep small objects too, which it counts by the byte; Python tells only how many there are."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """
    What a server's process held at one moment: *minute* of the soak, megabytes, open files, threads.

    *memory* is all that is resident, *sqlite* what SQLite has (pages of the file, up to 2 MB a connection), *used* what
    else is not free: both None where it was not asked, or did not say. *answered* is how many requests it has answered.
    """

    minute: float
    life: int
    answered: int
    memory: float
    files: int
    threads: int
    used: float | None = None
    sqlite: float | None = None


@dataclass
class Server:
    """What `make run` runs, on a port of its own, named for the report; an *exact* one is asked what it uses."""

    name: str
    home: Path
    begun: float
    exact: bool = False
    port: int = 0
    lives: int = 0
    answered: int = 0
    asked: int = 0
    samples: list[Sample] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, with a clock that has gone on meanwhile, and wait until it is healthy."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        now = CLOCK + timedelta(seconds=time.monotonic() - self.begun)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUIETLINE_")},
            **SETTINGS,
            **(EXACT if self.exact else {}),
            "PYTHONPATH": str(ROOT),
            "QUIETLINE_HOME": str(self.home),
            "QUIETLINE_PORT": str(self.port),
            "QUIETLINE_CLOCK": now.isoformat(),
        }
        self.lives += 1
        with (self.home.parent / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError, HTTPException):
                connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.1)
        message = f"server {self.name} did not become healthy"
        raise AssertionError(message)

    def kill(self) -> None:
        """Kill it as the power going would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def used(self) -> tuple[float | None, float | None]:
        """Have it say how many megabytes it and SQLite use; two times None if it cannot, or not within ten seconds."""
        process = self.process
        with contextlib.suppress(OSError, ValueError):
            assert process is not None
            assert process.stdin is not None
            assert process.stdout is not None
            self.asked += 1
            process.stdin.write(b"%d\n" % self.asked)
            while select.select([process.stdout], [], [], 10)[0] and (line := process.stdout.readline()):
                number, *said = (int(each) for each in line.split())
                if number == self.asked:  # and not an earlier one, which came late
                    used, sqlite = (each / 1024 / 1024 for each in said)
                    return used, sqlite
        return None, None

    def sample(self, minute: float) -> None:
        """Note what it holds, if it is alive."""
        process = self.process
        with contextlib.suppress(OSError, AssertionError):
            assert process is not None
            place = Path(f"/proc/{process.pid}")
            status = (place / "status").read_text()
            memory, threads = (re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE) for name in ("VmRSS", "Threads"))
            assert memory is not None
            assert threads is not None
            files = len(list((place / "fd").iterdir()))
            used, sqlite = self.used() if self.exact else (None, None)
            self.samples.append(
                Sample(
                    minute=minute,
                    life=self.lives,
                    answered=self.answered,
                    memory=int(memory[1]) / 1024,
                    files=files,
                    threads=int(threads[1]),
                    used=used,
                    sqlite=sqlite,
                )
            )


class Street:
    """The servers, somebody who kills them, and somebody who looks at them."""

    def __init__(self, home: Path, *, kill_every: float, sample_every: float = 10.0) -> None:
        self.begun = time.monotonic()
        self.home = home
        self.stays = Server("stays", home, self.begun, exact=True)
        self.rolling = [Server("rolls-1", home, self.begun), Server("rolls-2", home, self.begun)]
        self.servers = [self.stays, *self.rolling]
        self.kills: list[tuple[float, float]] = []
        self.files: list[tuple[float, dict[str, float]]] = []
        self.failures: list[str] = []
        self._kill_every, self.sample_every = kill_every, sample_every
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._kill), threading.Thread(target=self._look)]

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
            if self.stays.used()[0] is None:
                self.failures.append("what is in use cannot be had: it takes glibc 2.33 and a SQLite that is shared")
                sys.stderr.write(f"{self.failures[-1]}\n")
        except BaseException:
            self._end()
            raise
        self.begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def stop_killing(self) -> None:
        """Let everybody come back and stay."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _end(self) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for server in self.servers:
            if server.process is not None:
                server.process.kill()
                server.process.wait()

    def _kill(self) -> None:
        turn = 0
        while not self._over.wait(self._kill_every):
            server = self.rolling[turn % 2]
            turn += 1
            killed = time.monotonic()
            server.kill()
            try:
                server.start()
            except AssertionError as error:
                self.failures.append(str(error))
                return
            self.kills.append((killed - self.begun, time.monotonic() - self.begun))

    def _look(self) -> None:
        while not self._over.wait(self.sample_every):
            minute = (time.monotonic() - self.begun) / 60
            for server in self.servers:
                server.sample(minute)
            sizes = {}
            for name in ("quietline.db", "quietline.db-wal", "shred.db", "shred.db-wal", "reach.db", "reach.db-wal"):
                with contextlib.suppress(OSError):
                    sizes[name] = (self.home / name).stat().st_size / 1024 / 1024
            self.files.append((minute, sizes))


# ---------------------------------------------------------------- inside a server


class _Heap(ctypes.Structure):
    """glibc's `struct mallinfo2`; *used* and *mapped* are bytes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "free_parts", "_", "maps", "mapped", "_1", "_2", "used", "free", "top")
    ]


@functools.cache
def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    libc, sqlite = ctypes.CDLL(None), ctypes.CDLL(_sqlite3.__file__)
    libc.mallinfo2.restype, sqlite.sqlite3_memory_used.restype = _Heap, ctypes.c_int64
    return libc, sqlite


def in_use() -> tuple[int, int]:
    """
    Tell how many bytes of this process are in use, but for SQLite's, and how many SQLite has.

    Rings of objects count until Python clears them away: to clear them at each question would hide that they grow.

    Raises:
        AttributeError, OSError: this C library does not tell, or SQLite is part of Python.
    """
    libc, sqlite = _libraries()
    heap, pages = libc.mallinfo2(), sqlite.sqlite3_memory_used()
    return heap.used + heap.mapped - pages, pages


def answer(number: str) -> str:
    """Answer a question by its number, and with what is in use if that can be had."""
    try:
        used, sqlite = in_use()
    except (AttributeError, OSError):
        return number
    return f"{number} {used} {sqlite}"


def main() -> int:
    """Serve as `make run` does, and answer every line of the input, a number, with how much is in use."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell() -> None:
        for line in sys.stdin:
            answers.write(f"{answer(line.strip())}\n")

    threading.Thread(target=tell, daemon=True).start()
    from chalicelib.local import run  # noqa: PLC0415 - whoever starts servers needs none of it

    return run.main()


if __name__ == "__main__":
    sys.exit(main())
