"""
The helpline's door on a person's own machine: plain HTTP/1.1 in front of the Chalice app.

`chalice local` is made for a look at an app, and answers one keep-alive connection 23 times a second. This server uses
Chalice's own gateway, through the hooks that Chalice offers for it (`handler_cls`, `server_cls`), and replaces what is
around: it reads strictly, writes every answer in one piece, gives up on clients that dawdle, and logs nothing about
anybody.

    client -> Listener -> Conversation -> Desk -> Gateway -> app
                 ^
           Listener._watch: ends what takes too long

`door.py` opens and closes it, `listener.py` shares connections out among threads, `conversation.py` reads and answers
on one of them, `answering.py` decides who answers and lays the answer out, `discretion.py` keeps the log empty.
"""

from __future__ import annotations

from chalicelib.local.server.conversation import Limits
from chalicelib.local.server.door import CannotListen, LocalServer, PortInUse, serve

__all__ = ["CannotListen", "Limits", "LocalServer", "PortInUse", "serve"]
