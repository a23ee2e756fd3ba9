"""Fakes of what the house needs from the outside; each runs the contract of its port."""

from __future__ import annotations

from chalicelib.domain.errors import Unavailable


class FakeQueue:
    """An `Overflow` in memory, with the other end of it: what Lambda does with a queue, a step at a time."""

    def __init__(self, *, receives_limit: int = 3) -> None:
        self.refuses = False
        self.waiting: list[tuple[str, str, int]] = []
        self.dead: list[str] = []
        self._limit = receives_limit
        self._count = 0

    def put(self, overflowed) -> None:
        """Take a letter, unless the queue is down."""
        if self.refuses:
            raise Unavailable("storage")
        self._count += 1
        self.waiting.append((f"message-{self._count}", overflowed.to_text(), 0))

    def put_text(self, text) -> None:
        """Take whatever somebody puts there."""
        self._count += 1
        self.waiting.append((f"message-{self._count}", text, 0))

    def bodies(self):
        """Give what lies there."""
        return [body for _, body, _ in self.waiting]

    def deliver(self, drain, *, batch=10, forget=True, arrange=lambda letters: letters) -> int:
        """
        Hand a batch to *drain*; what it does not name as failed is forgotten, unless somebody crashes before that.

        What has failed too often goes to the dead letters.
        """
        taken = self.waiting[:batch]
        delivered = arrange([(name, body) for name, body, _ in taken])
        answer = drain({"Records": [{"messageId": name, "body": body} for name, body in delivered]}, None)
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        assert failed <= {name for name, _, _ in taken}
        left = [(name, body, n + 1) for name, body, n in taken if name in failed or not forget]
        self.dead += [body for _, body, n in left if n >= self._limit]
        self.waiting = self.waiting[batch:] + [each for each in left if each[2] < self._limit]
        return len(taken)
