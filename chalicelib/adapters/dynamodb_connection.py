"""
The way to DynamoDB: a client with time-outs and retries that are ours, and how long anybody waits for it.

Every failure becomes `Unavailable("storage")`, which carries nothing of what was sent.
"""

from __future__ import annotations

import contextlib
import threading
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.adapters.aws_json import JsonService, Way

_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_DONE, _SERVER_ERROR = 200, 500
_CONNECT = 0.5
"""Seconds for one attempt to connect."""


class Refused(Exception):  # noqa: N818
    """A condition was not met; *doubtful* if an earlier attempt of ours may have been what it met."""

    def __init__(self, *, doubtful: bool) -> None:
        super().__init__()
        self.doubtful = doubtful


class Patience:
    """
    How long a person waits for the store, all calls and attempts together: at most 5 seconds, time-outs included.

    Time is counted from the first call that fails or drags on, and shared by what the same thread asks in the seconds
    after it, so that a request which needs six calls does not wait six times. *again* is for how long calls are tried
    again, *limit* from when on none is begun; what is then in flight ends by the client's time-outs (1.5 s together).
    """

    SLOW = 0.25
    FORGOTTEN = 5.0

    def __init__(
        self,
        *,
        again: float = 2.0,
        limit: float = 3.5,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._again, self._limit = again, limit
        self._clock, self._sleep = clock, sleep
        self._local = threading.local()
        self._dice = SystemRandom()

    def afresh(self) -> None:
        """Forget how long this thread has waited: what begins now is another person's request."""
        self._local.since = None

    def begin(self) -> float:
        """
        Say when a call begins.

        Raises:
            Unavailable: `storage`, this thread has waited long enough.
        """
        now = self._clock()
        if getattr(self._local, "unhurried", False):
            self._local.since = None
        since = getattr(self._local, "since", None)
        if since is not None and since + self._limit < now < since + self.FORGOTTEN:
            raise Unavailable("storage")
        return now

    @contextlib.contextmanager
    def unhurried(self) -> Iterator[None]:
        """Let each call have a patience of its own: nobody waits for what runs by queue or clock."""
        before = getattr(self._local, "unhurried", False)
        self._local.unhurried = True
        try:
            yield
        finally:
            self._local.unhurried = before

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Let each call be tried once: whoever asks has something to go on with if it fails."""
        before = getattr(self._local, "hurried", False)
        self._local.hurried = True
        try:
            yield
        finally:
            self._local.hurried = before

    def ended(self, began: float) -> None:
        """Take note that a call was answered."""
        if self._clock() - began > self.SLOW:
            self._since(began)

    def may_try_again(self, began: float, attempt: int) -> bool:
        """Wait a little after a failure, if there is time for another attempt."""
        since = self._since(began)
        if getattr(self._local, "hurried", False):
            return False
        pause = self._dice.uniform(0, min(0.2, 0.025 * 2**attempt))
        if self._clock() + pause > since + self._again:
            return False
        self._sleep(pause)
        return True

    def pause(self, turn: int) -> None:
        """Wait a moment for somebody else to finish."""
        self._sleep(self._dice.uniform(0, min(0.05, 0.002 * 2**turn)))

    def _since(self, began: float) -> float:
        since: float | None = getattr(self._local, "since", None)
        if since is None or began >= since + self.FORGOTTEN:
            since = self._local.since = began
        return since


class Connection:
    """
    A client that is made on first use, with time-outs and retries that are ours.

    Where the environment says the whole *way*, calls go it directly; else by boto3, which takes longer to load than
    everything else together. *meter* is told of each answer's consumed capacity, for benchmarks and tests.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        way: Way | None = None,
        patience: Patience | None = None,
        read_timeout: float = 1.0,
        meter: Callable[[str, Any], None] | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._endpoint, self._region, self._read_timeout = endpoint, region, read_timeout
        self._way = way
        self._meter = meter
        self._lock = threading.Lock()
        self._client: Any = None
        self._direct: JsonService | None = None

    @property
    def client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """The boto3 client."""
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = self._connect()
        return self._client

    def _connect(self) -> Any:  # noqa: ANN401
        from boto3.session import Session  # noqa: PLC0415 - a GET of content needs none of it
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        # botocore tries once: it would retry a write without telling us that the first may have been done.
        config = Config(
            connect_timeout=_CONNECT,
            read_timeout=self._read_timeout,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=50,
            tcp_keepalive=True,
        )
        try:
            return Session(region_name=self._region).client("dynamodb", endpoint_url=self._endpoint, config=config)
        except (BotoCoreError, ValueError):  # no region, an address that is none: what they say may hold settings
            raise Unavailable("storage") from None

    def call(self, operation: str, **parameters: object) -> Any:  # noqa: ANN401
        """
        Ask once, and again while patience lasts.

        Raises:
            Refused: a condition was not met.
            Unavailable: `storage`, for everything else; it never carries what was sent.
        """
        self._ready()
        attempt, doubtful = 0, False
        began = self.patience.begin()
        while True:
            failure = self._attempt(operation, parameters)
            if not isinstance(failure, _Failure):
                self.patience.ended(began)
                return failure
            if failure.refused:
                raise Refused(doubtful=doubtful) from None
            doubtful = doubtful or failure.doubtful
            if failure.final or not self.patience.may_try_again(began, attempt):
                raise Unavailable("storage") from None
            attempt += 1

    def once(self, operation: str, **parameters: object) -> Any:  # noqa: ANN401
        """
        Ask once and never again: for what may be lost, and must neither be done twice nor keep anybody waiting.

        Raises:
            Unavailable: `storage`; it may have been done all the same.
        """
        self._ready()
        began = self.patience.begin()
        answer = self._attempt(operation, parameters)
        self.patience.ended(began)
        if isinstance(answer, _Failure):
            raise Unavailable("storage")
        return answer

    def _ready(self) -> None:
        """Load what calls need before the time of a call begins."""
        if self._way is None:
            _ = self.client
        elif self._direct is None:
            from chalicelib.adapters.aws_json import JsonService, Unreached  # noqa: PLC0415

            try:
                self._direct = JsonService(self._way, connect=_CONNECT, read=self._read_timeout)
            except Unreached:
                raise Unavailable("storage") from None

    def _attempt(self, operation: str, parameters: dict[str, object]) -> Any:  # noqa: ANN401
        if self._meter is not None:
            parameters = {**parameters, "ReturnConsumedCapacity": "INDEXES"}
        asked = self._asked if self._direct is None else self._asked_directly
        answer = asked(operation, parameters)
        if self._meter is not None and not isinstance(answer, _Failure):
            self._meter(operation, answer.get("ConsumedCapacity"))
        return answer

    def _asked_directly(self, operation: str, parameters: dict[str, object]) -> Any:  # noqa: ANN401
        from chalicelib.adapters.aws_json import Unreached, code_of, reasons_of  # noqa: PLC0415

        if self._direct is None:
            raise Unavailable("storage")
        try:
            status, said = self._direct.call(operation, parameters)
        except Unreached as error:
            return _Failure(doubtful=error.sent)
        if status == _DONE:
            return said
        return _judged(
            {
                "Error": {"Code": code_of(said)},
                "ResponseMetadata": {"HTTPStatusCode": status},
                "CancellationReasons": reasons_of(said),
            }
        )

    def _asked(self, operation: str, parameters: dict[str, object]) -> Any:  # noqa: ANN401
        from botocore.exceptions import (  # noqa: PLC0415
            BotoCoreError,
            ClientError,
            ConnectionError,  # noqa: A004
            EndpointConnectionError,
            HTTPClientError,
        )
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        try:
            return getattr(self.client, operation)(**parameters)
        except ClientError as error:
            return _judged(error.response)
        except EndpointConnectionError:
            return _Failure(doubtful=False)
        except (ConnectionError, HTTPClientError, ResponseParserError):
            return _Failure()
        except BotoCoreError:
            return _Failure(final=True)


class _Failure:
    def __init__(self, *, refused: bool = False, final: bool = False, doubtful: bool = True) -> None:
        self.refused, self.final, self.doubtful = refused, final, doubtful


def _judged(response: Any) -> _Failure:  # noqa: ANN401
    """Tell what an error of the service means; throttled work was not done, a server's error may come after it."""
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in response.get("CancellationReasons", ())}
        refused = "ConditionalCheckFailed" in reasons
        return _Failure(refused=refused, doubtful=False)
    if code == "ConditionalCheckFailedException":
        return _Failure(refused=True)
    server = status >= _SERVER_ERROR
    return _Failure(final=code not in _TRANSIENT and not server, doubtful=server)
