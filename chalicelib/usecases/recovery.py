"""Recovery: when the desk's own key is lost, the offline key opens one request, and the trail tells who did it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.audit import Deed
from chalicelib.domain.errors import NotFound
from chalicelib.domain.requests import Status

if TYPE_CHECKING:
    from chalicelib.ports import Clock, Opener, RequestStore
    from chalicelib.usecases.checking import Checking
    from chalicelib.usecases.correspondence import Correspondence, Opened
    from chalicelib.usecases.shredding import Shredding


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The verb *recover*."""

    store: RequestStore
    correspondence: Correspondence
    shredding: Shredding
    checking: Checking
    opener: Opener
    clock: Clock

    def open(self, request_id: str, *, by: str) -> Opened:
        """
        Open one request for *by*, whose name goes into the trail first; what was withdrawn stays erased.

        Raises:
            NotFound: `request-unknown`.
        """
        now = self.clock.now()
        request = self.store.get(request_id, now=now)
        if request is None or request.status is Status.WITHDRAWN:
            raise NotFound("request-unknown")
        self.store.record(Deed(at=now, actor=by, verb="recover", request_id=request_id))
        key = self.shredding.key(request)
        sealed = self.shredding.content(request, self.store.content(request), key)
        messages = self.shredding.unwrap(request_id, self.store.messages(request_id), key)
        return self.correspondence.at_desk(request, sealed, messages, self.opener, self.checking)
