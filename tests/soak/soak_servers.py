"""Three real servers on one data folder: one that stays, and two that are killed in turns and come back."""

from __future__ import annotations

import contextlib
import os
import re
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


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a server's process held at one moment: *minute* of the soak, megabytes, open files, threads."""

    minute: float
    life: int
    memory: float
    files: int
    threads: int


@dataclass
class Server:
    """`make run` on a port of its own; *name* is what the report calls it."""

    name: str
    home: Path
    begun: float
    port: int = 0
    lives: int = 0
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
            "QUIETLINE_HOME": str(self.home),
            "QUIETLINE_PORT": str(self.port),
            "QUIETLINE_CLOCK": now.isoformat(),
        }
        self.lives += 1
        with (self.home.parent / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "chalicelib.local.run"], cwd=ROOT, env=environment, stdout=log, stderr=log
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
            self.samples.append(
                Sample(
                    minute=minute,
                    life=self.lives,
                    memory=int(memory[1]) / 1024,
                    files=len(list((place / "fd").iterdir())),
                    threads=int(threads[1]),
                )
            )


class Street:
    """The servers, somebody who kills them, and somebody who looks at them."""

    def __init__(self, home: Path, *, kill_every: float, sample_every: float = 10.0) -> None:
        self.begun = time.monotonic()
        self.home = home
        self.stays = Server("stays", home, self.begun)
        self.rolling = [Server("rolls-1", home, self.begun), Server("rolls-2", home, self.begun)]
        self.servers = [self.stays, *self.rolling]
        self.kills: list[tuple[float, float]] = []
        self.files: list[tuple[float, dict[str, float]]] = []
        self.failures: list[str] = []
        self._kill_every, self._sample_every = kill_every, sample_every
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._kill), threading.Thread(target=self._look)]

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
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
        while not self._over.wait(self._sample_every):
            minute = (time.monotonic() - self.begun) / 60
            for server in self.servers:
                server.sample(minute)
            sizes = {}
            for name in ("quietline.db", "quietline.db-wal", "shred.db", "shred.db-wal", "reach.db", "reach.db-wal"):
                with contextlib.suppress(OSError):
                    sizes[name] = (self.home / name).stat().st_size / 1024 / 1024
            self.files.append((minute, sizes))
