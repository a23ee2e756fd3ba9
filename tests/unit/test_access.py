"""Who may do what at the desk, and how a request says who it is."""

from __future__ import annotations

import pytest
from chalice.app import Request

from chalicelib.domain.access import ROLES, SIGN_IN_ROLES, Person, is_subject, require
from chalicelib.domain.errors import Forbidden, Unauthenticated
from chalicelib.http.access import Access, bearer

TABLE = {
    "practitioner": {"queue:read", "queue:claim"},
    "supervisor": {"queue:read", "queue:claim", "queue:supervise", "partner:manage", "audit:read"},
    "editor": {"content:write"},
    "host": {"session:host"},
    "auditor": {"audit:read"},
}
SCOPES = sorted(set().union(*TABLE.values()) | {"referral:write", "queue:*", ""})


class OneVisitor:
    """An `Identity` that knows one token."""

    def __init__(self, person: Person) -> None:
        """Know *person* by the token `good`."""
        self._person = person

    def person(self, bearer: str) -> Person:
        """Recognise `good`."""
        if bearer != "good":
            raise Unauthenticated("token-invalid")
        return self._person


def asked(headers: dict[str, str], repeated: dict[str, list[str]] | None = None) -> Request:
    """Make the request that the gateway hands over."""
    return Request(
        {
            "headers": headers,
            "multiValueHeaders": repeated,
            "multiValueQueryStringParameters": None,
            "pathParameters": {},
            "requestContext": {"httpMethod": "GET", "resourcePath": "/v1/desk/queue"},
            "body": None,
            "stageVariables": None,
        }
    )


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("role", TABLE)
def test_role_gives_its_scopes_and_no_other(role: str, scope: str) -> None:
    """Each role passes exactly the scopes that the design gives it."""
    person = Person.of("alex", [role])
    if scope in TABLE[role]:
        require(person, scope)
    else:
        with pytest.raises(Forbidden) as refused:
            require(person, scope)
        assert refused.value.code == "scope-missing"


def test_every_role_is_in_the_table() -> None:
    """A new role cannot slip in beside the table above."""
    assert set(SIGN_IN_ROLES) == set(TABLE)
    assert dict(ROLES) == {**TABLE, "partner": {"referral:write"}}


@pytest.mark.parametrize("role", ["admin", "Practitioner", "practitioner ", "queue:read", "*", "", "partner"])
def test_unknown_roles_give_nothing(role: str) -> None:
    """A role that is not one of ours, or comes by key only, gives no scope and is not remembered."""
    assert Person.of("alex", [role]) == Person(subject="alex", roles=(), scopes=frozenset())


def test_roles_add_up() -> None:
    """Somebody with two roles may do what either allows, whatever else their issuer says of them."""
    person = Person.of("alex", ["host", "other-house", "editor", "host"])
    assert person.roles == ("editor", "host")
    assert person.scopes == {"content:write", "session:host"}


@pytest.mark.parametrize("subject", ["a", "alex", "Älex Ö", "x" * 128])
def test_printable_subjects_are_accepted(subject: str) -> None:
    """Any printable name of up to 128 characters can stand in the trail."""
    assert is_subject(subject)


@pytest.mark.parametrize("subject", ["", " ", "x" * 129, "a\nb", "a\0", "a\u202eb", "\ud800", None, 7, ["alex"], True])
def test_unprintable_subjects_are_refused(subject: object) -> None:
    """Nothing that could forge, hide or overflow an entry of the trail is a subject."""
    assert not is_subject(subject)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_read_in_any_case(scheme: str) -> None:
    """A client may write the scheme as it likes (RFC 9110 11.1)."""
    access = Access(OneVisitor(Person.of("alex", ["practitioner"])))
    assert access.person(asked({"authorization": f"{scheme} good"}), "queue:read").subject == "alex"


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "good", "Basic good", "Receipt good"])
def test_no_bearer_token_is_missing(value: str | None) -> None:
    """Without a bearer token the answer says that one is needed, whatever other credential came."""
    with pytest.raises(Unauthenticated) as refused:
        bearer(asked({} if value is None else {"Authorization": value}))
    assert refused.value.code == "token-missing"


@pytest.mark.parametrize("value", ["Bearer good, Bearer good", "Bearer good good", "Bearer good,"])
def test_joined_tokens_are_refused(value: str) -> None:
    """Two tokens that something on the way joined into one header count as none."""
    with pytest.raises(Unauthenticated) as refused:
        bearer(asked({"Authorization": value}))
    assert refused.value.code == "token-invalid"


def test_repeated_header_is_refused() -> None:
    """Two Authorization headers are refused although the gateway shows the last one, which is good."""
    request = asked({"Authorization": "Bearer good"}, {"authorization": ["Bearer bad", "Bearer good"]})
    with pytest.raises(Unauthenticated) as refused:
        bearer(request)
    assert refused.value.code == "token-invalid"
    assert bearer(asked({"Authorization": "Bearer good"}, {"authorization": ["Bearer good"]})) == "good"


def test_scope_is_required_after_recognition() -> None:
    """A good token without the scope is forbidden; a bad token never gets as far."""
    access = Access(OneVisitor(Person.of("alex", ["editor"])))
    with pytest.raises(Forbidden):
        access.person(asked({"authorization": "Bearer good"}), "queue:read")
    with pytest.raises(Unauthenticated):
        access.person(asked({"authorization": "Bearer bad"}), "queue:read")
