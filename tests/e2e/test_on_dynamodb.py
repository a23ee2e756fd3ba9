"""The main job with DynamoDB behind it: nothing else of the house knows."""

from __future__ import annotations

import time

import engines
import pytest
from real_server import Quietline, running
from test_main_job import (
    test_a_callback_goes_all_the_way,
    test_an_information_request_is_answered_in_the_mailbox,
    test_the_same_key_and_body_get_the_same_answer,
    test_twenty_repeats_at_once_are_one_request,
)

JOBS = (
    test_a_callback_goes_all_the_way,
    test_an_information_request_is_answered_in_the_mailbox,
    test_the_same_key_and_body_get_the_same_answer,
    test_twenty_repeats_at_once_are_one_request,
)
del test_a_callback_goes_all_the_way, test_an_information_request_is_answered_in_the_mailbox
del test_the_same_key_and_body_get_the_same_answer, test_twenty_repeats_at_once_are_one_request


class Patient(Quietline):
    """Is asked again after 503, as `Retry-After` says: other tests keep the engine busy, and nobody waits for long."""

    def ask(self, method, path, body=None, **options):
        """Ask, until it can answer."""
        until = time.monotonic() + 60
        while (answer := super().ask(method, path, body, **options)).status == 503 and time.monotonic() < until:
            time.sleep(0.2)
        return answer


@pytest.fixture
def on_dynamodb(contract, tmp_path):
    """A server whose requests and shred keys are in DynamoDB tables."""
    name = "dynoxide" if engines.why_not("dynoxide") is None else "ministack"
    address = engines.make_tables(name)
    _, endpoint, table = address.split("|")
    settings = {
        "QUIETLINE_STORE": "dynamodb",
        "QUIETLINE_TABLE": table,
        "QUIETLINE_SHRED_TABLE": f"{table}-shred",
        "QUIETLINE_CONTENT_TABLE": f"{table}-content",
        "QUIETLINE_COUNTERS_TABLE": f"{table}-counters",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
    }
    with running(tmp_path / "home", contract, **settings) as quietline:
        yield Patient(port=quietline.port, home=quietline.home, contract=contract)
    assert not list((tmp_path / "home").rglob("*.db")), "something was kept in a file"
    engines.drop_tables(address)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__.removeprefix("test_"))
def test_the_main_job_is_done_on_dynamodb(job, on_dynamodb):
    """Submitting, claiming, answering, closing and reading go as they do on SQLite, over real HTTP."""
    job(on_dynamodb)
