"""
Calls to AWS: a client is made when it is first used, waits as long as we say and no longer, and fails without input.

botocore puts parameters into the texts of its errors, so none of them travels on: what a caller hears is a code.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.adapters.aws_json import JsonService, Way

_DONE, _SERVER_ERROR = 200, 500
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_PAUSE = 0.05


class Client:
    """
    A client for *service*; *connect* and *read* are seconds for one attempt, *attempts* counts the first.

    It is boto3's, unless the environment says the whole *way* (see `aws_json`).
    """

    def __init__(self, service: str, *, connect: float, read: float, attempts: int, way: Way | None = None) -> None:
        self._service = service
        self._way = way
        self._direct: JsonService | None = None
        self._limits = (connect, read, attempts)
        self._making = threading.Lock()
        self._client: Any = None

    def __call__(self, action: str, *, refuse: Callable[[str], Unavailable], **parameters: object) -> dict[str, Any]:
        """
        Call *action*, a method of the boto3 client.

        *refuse* makes the refusal from AWS's error code; from an empty one where no answer came, or none that can be
        read.

        Raises:
            Unavailable: what *refuse* made.
        """
        if self._way is not None:
            return self._asked_directly(self._way, action, refuse, parameters)
        from botocore.exceptions import ClientError  # noqa: PLC0415 - paid for by who calls AWS

        try:
            answer: dict[str, Any] = getattr(self._made(), action)(**parameters)
        except ClientError as error:
            raise refuse(str(error.response.get("Error", {}).get("Code", ""))) from None
        except Exception:  # noqa: BLE001 - over an answer that is none, botocore's parsers raise whatever they like
            raise refuse("") from None
        return answer

    def _asked_directly(
        self, way: Way, action: str, refuse: Callable[[str], Unavailable], parameters: dict[str, object]
    ) -> dict[str, Any]:
        """Ask until there is an answer, *attempts* times at most; what AWS has refused for good is not asked again."""
        from chalicelib.adapters.aws_json import JsonService, Unreached, code_of  # noqa: PLC0415

        connect, read, attempts = self._limits
        code = ""
        for left in reversed(range(attempts)):
            try:
                with self._making:
                    self._direct = self._direct or JsonService(way, connect=connect, read=read)
                status, said = self._direct.call(action, parameters)
            except Unreached:
                code = ""
            else:
                if status == _DONE:
                    return said
                code = code_of(said)
                if status < _SERVER_ERROR and code not in _THROTTLED:
                    break
            if left:
                time.sleep(_PAUSE)
        raise refuse(code)

    def _made(self) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        with self._making:
            if self._client is None:
                import boto3  # noqa: PLC0415 - a quarter of a second that only callers of AWS pay
                from botocore.config import Config  # noqa: PLC0415

                connect, read, attempts = self._limits
                config = Config(
                    connect_timeout=connect,
                    read_timeout=read,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                )
                self._client = boto3.session.Session().client(self._service, config=config)
            return self._client


def unavailable(code: str) -> Callable[[str], Unavailable]:
    """Refuse with *code*, whatever AWS says."""
    return lambda _said: Unavailable(code)
