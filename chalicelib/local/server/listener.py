"""
Who is heard, in which order, by which thread, and for how long.

A small crew of threads takes the connections on which somebody has spoken, in the order in which they spoke. A thread
that has to wait for its client (half a request, a long body) leaves the crew for that time and another takes its place:
whoever is slow is slow alone. A thread for each connection was measured as well: it answered a quarter fewer at 50
connections, and at a thousand a few were answered at once while most waited for three seconds.
"""

from __future__ import annotations

import contextlib
import math
import select
import selectors
import socket
import socketserver
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from chalice.local import ThreadedHTTPServer

from chalicelib.local.server.discretion import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.local.server.answering import Desk
    from chalicelib.local.server.conversation import Conversation, Limits

_LISTEN_BACKLOG = 4096
# Only pages that are touched cost memory. Python counts on the main thread's 8 MiB when it bounds the nesting of its C
# code: with less, a body of brackets crashes the process (256 KiB on Python 3.11, 1 MiB on 3.13).
_STACK = 16 * 1024 * 1024
# Few threads, because they take turns anyway: with more of them, more time goes into handing over. Eight and not four,
# because whoever waits for the disk gathers more companions for its next sync: 0.93 of the processor time for each of
# 50 connections that submit; twelve are no better. More are taken on when all are stuck in handlers that wait.
_CREW = 8
_LARGEST_CREW = 64


class _Ears:
    """
    Hears who of many speaks: a door every time, a conversation once, and again after another `listen_to`.

    One thread at a time calls `hear`; meanwhile any other may call the rest.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._doors = 0

    def add_door(self, door: socket.socket) -> None:
        """Hear *door* from now on."""
        self._selector.register(door, selectors.EVENT_READ, door)
        self._doors += 1

    def remove_door(self, door: socket.socket) -> None:
        """Hear *door* no more."""
        self._selector.unregister(door)
        self._doors -= 1

    def listen_to(self, conversation: Conversation) -> None:
        """Hear the next that is said."""
        self._selector.register(conversation.socket, selectors.EVENT_READ, conversation)

    def hear(self) -> list[Conversation | socket.socket]:
        """Wait until somebody speaks."""
        heard = [key.data for key, _ in self._selector.select()]
        for one in heard:
            if not isinstance(one, socket.socket):
                self._selector.unregister(one.socket)
        return heard

    @property
    def silent(self) -> int:
        """How many conversations have been listened to, and not been heard."""
        return len(self._selector.get_map()) - self._doors

    def close(self) -> None:
        """Hear nobody any more."""
        self._selector.close()


class _LinuxEars(_Ears):
    """The same with one call of the system for each time that somebody is heard, where `selectors` needs two."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._silent: dict[int, Conversation] = {}
        self._doors_by: dict[int, socket.socket] = {}

    def add_door(self, door: socket.socket) -> None:
        self._doors_by[door.fileno()] = door
        self._epoll.register(door, select.EPOLLIN)

    def remove_door(self, door: socket.socket) -> None:
        self._epoll.unregister(door)
        del self._doors_by[door.fileno()]

    def listen_to(self, conversation: Conversation) -> None:
        number = conversation.socket.fileno()
        self._silent[number] = conversation  # now, for another thread may hear it as soon as the system knows
        try:
            if conversation.known:
                self._epoll.modify(number, select.EPOLLIN | select.EPOLLONESHOT)
            else:
                self._epoll.register(number, select.EPOLLIN | select.EPOLLONESHOT)
        except OSError:
            self._silent.pop(number, None)
            raise
        conversation.known = True

    def hear(self) -> list[Conversation | socket.socket]:
        spoken = [number for number, _ in self._epoll.poll()]
        heard = [self._doors_by.get(each) or self._silent.pop(each, None) for each in spoken]
        return [one for one in heard if one is not None]  # a door that was removed meanwhile

    @property
    def silent(self) -> int:
        return len(self._silent)

    def close(self) -> None:
        self._epoll.close()


_best_ears = _LinuxEars if hasattr(select, "epoll") else _Ears


class Listener(ThreadedHTTPServer):
    """Accepts connections, gives each a thread, and ends those that take too long."""

    request_queue_size = _LISTEN_BACKLOG
    allow_reuse_port = False  # a second server on the same port must hear of it

    def __init__(
        self, address: tuple[str, int], handler: Callable[..., Conversation], *, desk: Desk, limits: Limits
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.desk = desk
        self.limits = limits
        self.stopping = False
        self._greet = handler
        self._open: set[Conversation] = set()
        self._spoken: deque[Conversation] = deque()
        self._listening = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._heard_last: Conversation | None = None
        self._counting = threading.Lock()
        self._crew = 0
        self._wanted = _CREW
        self._turns = 0
        self._over = False
        super().__init__(address, handler)
        self._ears: _Ears = _best_ears()
        self._bell, self._rope = socket.socketpair()

    def server_bind(self) -> None:
        """Take the port, without asking a name server what we are called, as the standard library would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        """Welcome connections until `shutdown`; then let the requests in progress finish."""
        self.socket.settimeout(0)
        self._ears.add_door(self.socket)
        stack = threading.stack_size(_STACK)
        try:
            self._complete_crew()
            self._watch(poll_interval)
            self._see_off()
        finally:
            self.stopping = self._over = True
            threading.stack_size(stack)
            self._dismiss_crew()

    def _dismiss_crew(self) -> None:
        self._rope.send(b"!")
        self._ears.add_door(self._bell)
        until = time.monotonic() + 1
        while self._crew and time.monotonic() < until:
            time.sleep(0.001)
        self._rope.close()
        if not self._crew:  # else a handler is stuck; its thread ends with the process
            self._ears.close()
            self._bell.close()

    def shutdown(self) -> None:
        """Ask `serve_forever` to end; may be called from any thread, and from a signal handler."""
        self.stopping = True
        with contextlib.suppress(OSError):
            self._rope.send(b"!")

    def server_close(self) -> None:
        """Give the port back, without the standard library's endless wait for threads: `_see_off` waits."""
        self.socket.close()

    # The crew

    def _complete_crew(self) -> None:
        for _ in range(_LARGEST_CREW):  # and not more, where they die as soon as they begin
            with self._counting:
                if self._crew >= self._wanted or self._over:
                    return
                self._crew += 1
            try:
                threading.Thread(target=self._work, name="crew", daemon=True).start()
            except RuntimeError as error:  # no more threads: whoever steps back next fills the gap, or `_watch` does
                report(error)
                self._leave()
                return

    def step_aside(self) -> None:
        """Count the calling thread out of the crew while it waits for one client, and put another in its place."""
        self._hand_over()
        self._leave()
        self._complete_crew()

    def _step_back(self) -> bool:
        """Count the calling thread in again, and say whether there is room for it."""
        with self._counting:
            needed = self._crew < self._wanted
            self._crew += needed
        return needed

    def _work(self) -> None:
        """Serve whoever has spoken; if nobody has, one of the crew listens to all of them."""
        try:
            while not self._over:
                try:
                    conversation = self._spoken.popleft()
                except IndexError:
                    self._hear()
                    continue
                aside = conversation.converse()
                self._turns += 1
                if aside and not self._step_back():
                    return
                if self._crew > self._wanted and not self._spoken:
                    break
        except BaseException as error:  # noqa: BLE001 - the boundary of a thread; `_watch` puts another in its place
            report(error)
        finally:
            self._hand_over()
        self._leave()

    def _hear(self) -> None:
        """
        Wait until somebody speaks, one thread at a time.

        Where one speaks again and again and all others are silent, the thread that hears him serves him too, and stays
        the one that listens: another, woken to hear nobody meanwhile, costs a request a twentieth of its processor
        time. Whoever speaks up waits for the end of that request, or until `_watch` relieves the thread.
        """
        me = threading.current_thread()
        with self._counting:
            mine = self._keeper is me
            if mine:
                self._keeper = None
        if not mine:
            self._listening.acquire()
        keeps = False
        try:
            if not self._spoken and not self._over:
                keeps = self._listen() and not self.stopping
        finally:
            if keeps:
                self._keeper = me
            else:
                self._listening.release()

    def _hand_over(self) -> None:
        """Let another thread listen, if the calling one kept that for itself."""
        if self._keeper is threading.current_thread():
            self._relieve()

    def _relieve(self) -> None:
        """Let another thread listen, if one keeps that for itself while it serves."""
        with self._counting:
            kept = self._keeper is not None
            self._keeper = None
        if kept:
            self._listening.release()

    def _leave(self) -> None:
        with self._counting:
            self._crew -= 1

    def _listen(self) -> bool:
        """Wait until somebody speaks; say whether it is the one who spoke last, and everybody else is silent."""
        heard = self._ears.hear()
        spoken = [one for one in heard if not isinstance(one, socket.socket)]
        alone = spoken == [self._heard_last] and self._ears.silent == len(self._open) - 1
        if spoken:
            self._heard_last = spoken[-1]
            self._spoken.extend(spoken)
        if self.socket in heard:
            self._welcome()
            alone = False
        return alone

    def _welcome(self) -> None:
        """Accept whoever waits at the door."""
        while not self.stopping:
            try:
                connection, address = self.socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if not self.stopping:
                    report(error)
                    time.sleep(0.05)  # out of file descriptors: those who are in have to leave first
                return
            with contextlib.suppress(OSError):
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = self._greet(connection, address, self)
            if len(self._open) >= self.limits.connections:
                conversation.turn_away()
                continue
            conversation.deadline = time.monotonic() + self.limits.idle_seconds
            self._open.add(conversation)
            self.welcome_back(conversation)

    def welcome_back(self, conversation: Conversation, *, spoken: bool = False) -> None:
        """Listen for the next request; if it has come already, it queues behind those that came before it."""
        if self._over:
            conversation.socket.close()
        elif spoken:
            self._spoken.append(conversation)
        else:
            try:
                self._ears.listen_to(conversation)
            except OSError as error:  # the system has no room for more: nobody would ever hear this one
                report(error)
                conversation.socket.close()
                self.forget(conversation)

    def forget(self, conversation: Conversation) -> None:
        """Hear that a conversation has ended."""
        if self._heard_last is conversation:
            self._heard_last = None
        self._open.discard(conversation)

    # The watch

    def _watch(self, interval: float) -> None:
        """Look around every so often, until somebody rings the bell."""
        limits = self.limits
        shortest = min(limits.head_seconds, limits.body_seconds, limits.idle_seconds, limits.linger_seconds)
        self._bell.settimeout(min(interval, shortest / 4))
        turns = -1
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                self._bell.recv(1)
            self._expire_overdue()
            if self._listening.locked():
                self._wanted = _CREW
            elif turns == self._turns:
                self._wanted = min(self._wanted + 1, _LARGEST_CREW)
            turns = self._turns
            self._relieve()
            self._complete_crew()

    def _expire_overdue(self) -> None:
        now = time.monotonic()
        for conversation in self._open.copy():
            if conversation.deadline < now:
                conversation.deadline = math.inf
                conversation.expire()

    def _see_off(self) -> None:
        """Close the door and wait for requests in progress; whoever is between two of them is not kept."""
        self._ears.remove_door(self.socket)
        self.socket.close()
        until = time.monotonic() + self.limits.stop_seconds
        while self._open and time.monotonic() < until:
            self._relieve()
            for conversation in self._open.copy():
                if conversation.between_requests:
                    conversation.expire()
            self._expire_overdue()
            time.sleep(0.01)
