"""Publishing on running servers: two on one home, an editor at one of them, readers at both."""

from __future__ import annotations

from real_server import TUESDAY_EVENING, Contract, later, running

PATH = "/v1/desk/content/signpost/shore"
ANEW = {"en": "Shore anew", "cy": "Shore o'r newydd"}


def name_at(quietline):
    """Give what readers are told of a service, by signpost and by directory."""
    by_signpost = quietline.ask("GET", "/v1/signposts/shore").json()["name"]
    services = quietline.ask("GET", "/oruk/services?per_page=500").json()["contents"]
    assert by_signpost in {each["name"] for each in services}
    return by_signpost


def publish(quietline):
    """Draft and publish another name."""
    token = quietline.token("editor", "eve")
    there = quietline.ask("GET", PATH, token=token)
    record = there.json()["record"] | {"name": ANEW}
    drafted = quietline.ask("PUT", PATH, {"record": record}, token=token, headers={"If-Match": there.headers["etag"]})
    held = {"If-Match": drafted.headers["etag"]}
    published = quietline.ask("POST", f"{PATH}/publish", token=token, headers=held)
    assert published.status == 200
    return published.json()["published"]


def test_what_is_published_at_one_server_is_read_at_the_other(tmp_path):
    """
    Half a minute after an editor has published, every server on the home shows it; until then, none does.

    The second server lives five minutes later, so that nobody has to wait for it.
    """
    home, contract = tmp_path / "home", Contract()
    with running(home, contract) as one:
        before = name_at(one)
        with running(home, contract) as two:
            publish(one)
            assert [name_at(one), name_at(two)] == [before] * 2
        with running(home, contract, later(TUESDAY_EVENING, 5)) as two:
            assert name_at(two) == ANEW["en"]
            assert two.ask("GET", "/v1/desk/audit", token=two.token("auditor")).json()["verified"] is True
