"""
Processes that work at the use cases until they are killed, and tell what they try and what they are answered.

This one imports what it takes once, and forks a worker for each home that it reads from its standard input. Whatever a
worker tells its history is a line of JSON on the standard output, before the store is called and after it has answered.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from random import Random

from mixed_work import Work, house_in, leave
from total_queue import History

from chalicelib.domain.errors import Unavailable


def tell(*said: object, **how: object) -> None:
    """Say something in one write, so that a kill cannot cut it in two."""
    os.write(1, f"{json.dumps([said, how])}\n".encode())


class ToldHistory:
    """A `History` that is somewhere else."""

    ended = False

    def __getattr__(self, verb: str):
        """Tell the verb and what it is about."""
        return partial(tell, verb)


def work(home: Path, name: str) -> None:
    """Work in four threads, so that commits are shared."""
    house = house_in(home)
    assert house._intake
    assert house.mailbox
    assert house.desk
    assert house.publications

    def be(who: str, *turns: str) -> None:
        person = Work(house=house, history=ToldHistory(), dice=Random(), name=who)
        while True:
            try:
                getattr(person, person.dice.choice(turns))()
            except Unavailable as refusal:
                tell("refused", refusal.code)
            except Exception as error:  # noqa: BLE001 - told, and judged where it is heard
                tell("failed", f"{type(error).__name__}: {error}")

    for who, turns in {
        f"requester-{name}-0": ("be_requester",),
        f"requester-{name}-1": ("be_requester",),
        f"alex-{name}": ("be_practitioner",),
        f"sam-{name}": ("be_practitioner", "be_practitioner", "be_editor"),
    }.items():
        threading.Thread(target=be, args=(who, *turns)).start()


def main() -> None:
    """Fork a worker for each line, and say which it is and how it ended."""
    with tempfile.TemporaryDirectory() as folder:  # everything is imported now, so that a worker starts at once
        house = house_in(Path(folder))
        person = Work(house=house, history=History(), dice=Random(), name="first")
        for _ in range(5):
            person.be_requester()
            person.be_practitioner()
            person.be_editor()
        leave(house)
    for name, line in enumerate(sys.stdin):
        pid = os.fork()
        if pid == 0:
            work(Path(line.strip()), str(name))
            return
        tell("started", pid)
        tell("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
