"""The door: it takes the port, opens, keeps time beside it, and closes behind those who are in."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import signal
import threading
import time
from typing import TYPE_CHECKING

from chalice.config import Config
from chalice.local import LocalDevServer

from chalicelib.local.server.answering import Desk, one_request_per_thread
from chalicelib.local.server.conversation import Conversation, Limits
from chalicelib.local.server.discretion import hush, report
from chalicelib.local.server.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalice.app import Chalice

    from chalicelib.local.server.answering import Extra, Refuse

    Tick = tuple[float, Callable[[], object]]

_OPEN_FILES = 16_384
_ARENA_MAX = -8  # M_ARENA_MAX of <malloc.h>


class PortInUse(OSError):  # noqa: N818 - it reads as what is the case
    """Something else listens there already; the message is one sentence for the person who started us."""


class CannotListen(OSError):  # noqa: N818 - it reads as what is the case
    """The address is not one of this machine's; the message is one sentence, without the address."""


def serve(  # noqa: PLR0913 - everything a server is made of, by name
    app: Chalice,
    *,
    refuse: Refuse,
    host: str = "127.0.0.1",
    port: int = 8000,
    extra: Mapping[tuple[str, str], Extra] | None = None,
    ticks: Sequence[Tick] = (),
    limits: Limits | None = None,
    ready: Callable[[LocalServer], object] | None = None,
) -> None:
    """
    Open the door until somebody sends SIGINT or SIGTERM, then finish what is in progress and return.

    *ready* is called once the port is taken and before the first request is answered: the place to print where we are.

    Raises:
        PortInUse: the port is taken.
    """
    server = LocalServer(app, refuse=refuse, host=host, port=port, extra=extra, ticks=ticks, limits=limits)
    if ready is not None:
        ready(server)
    server.run()


class LocalServer:
    """
    One listening port in front of one app.

    *refuse(status, code, accept_language)* words the errors that never reach the app. *extra* maps (method, exact path)
    to routes that only a person's own machine has. *ticks* are (seconds, callable): what a schedule does on AWS.
    """

    def __init__(
        self,
        app: Chalice,
        *,
        refuse: Refuse,
        host: str = "127.0.0.1",
        port: int = 8000,
        extra: Mapping[tuple[str, str], Extra] | None = None,
        ticks: Sequence[Tick] = (),
        limits: Limits | None = None,
    ) -> None:
        """
        Take the port; nobody is answered before `run`.

        Raises:
            PortInUse: the port is taken.
            CannotListen: the address is not one of ours.
        """
        one_request_per_thread(app)
        hush(app.log)
        _raise_open_files()
        _share_one_heap()
        limits = limits or Limits()
        config = Config.create(app_name=app.app_name)
        desk = Desk(app, config, refuse=refuse, extra=extra or {})
        listener = functools.partial(Listener, desk=desk, limits=limits)
        try:
            self._server = LocalDevServer(app, config, host, port, handler_cls=Conversation, server_cls=listener)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                message = "This machine has no such address to listen on."
                raise CannotListen(message) from None
            message = f"Port {port} is already in use: stop what is running there, or choose another port."
            raise PortInUse(message) from None
        self._ticks = ticks
        self._patience = limits.stop_seconds

    @property
    def port(self) -> int:
        """The port we listen on; of interest when 0 asked for any free one."""
        return int(self._server.server.server_port)

    def run(self) -> None:
        """Answer until `stop` is called, or until SIGINT or SIGTERM where this is the main thread."""
        stopped = threading.Event()
        clockwork = threading.Thread(target=_keep_time, args=(self._ticks, stopped), name="ticks", daemon=True)
        clockwork.start()
        try:
            with self._stopped_by_signals():
                self._server.server.serve_forever()
        finally:
            stopped.set()
            clockwork.join(self._patience)

    def stop(self) -> None:
        """Close the door behind those who are in: `run` returns when they are answered, or after five seconds."""
        self._server.shutdown()

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = [(number, signal.signal(number, lambda *_: self.stop())) for number in wanted]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)


def _raise_open_files() -> None:
    """Allow ourselves as many open connections as the system lets us, up to a limit of reason."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _share_one_heap() -> None:
    """
    Let all threads take memory from one heap, where the C library would give them eight for each processor.

    Each heap keeps what it ever needed at once, and our threads take turns anyway: two thirds of what a server had
    grown by after 100,000 requests was free memory in sixteen heaps.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError, TypeError):
        return  # only glibc has it, and needs it


def _keep_time(ticks: Sequence[Tick], stopped: threading.Event) -> None:
    """Call each tick every so many seconds, one at a time, until stopped; one that fails has its turn again."""
    due = {index: time.monotonic() + seconds for index, (seconds, _) in enumerate(ticks)}
    while due:
        index = min(due, key=due.__getitem__)
        if stopped.wait(max(0.0, due[index] - time.monotonic())):
            return
        seconds, call = ticks[index]
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the others still have to be called
            report(error)
        due[index] = time.monotonic() + seconds
