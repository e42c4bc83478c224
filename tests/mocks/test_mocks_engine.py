"""The engine refuses what the contract rules out, keeps organisations apart, and never fails."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tour import CONTACT, DECISION, JSON_TYPE, Visitor, stopped_cast

from joinedup.mocks.council_seed import FIRST_REFERRAL
from joinedup.mocks.messages import Answer, Incoming, Refusal
from joinedup.mocks.organisations import COUNCILS
from joinedup.mocks.social_care import FIRST_CHILD, FIRST_CONTACT

CHILD = f"/v1/children/{FIRST_CHILD}"
UNKNOWN = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture
def visitor() -> Visitor:
    """A caller of a fresh agency."""
    return Visitor(stopped_cast())


def deep(levels: int) -> bytes:
    """JSON that nests that deeply."""
    return b"[" * levels + b"]" * levels


def raised(**changes: Any) -> bytes:
    """The body of a contact with some properties changed."""
    return json.dumps({**CONTACT, **changes}).encode()


BODIES = {
    "nothing": (b"", 400),
    "half an object": (b"{", 400),
    "not a number": (b'{"a": NaN}', 400),
    "invalid UTF-8": (b'{"source": "\xff"}', 400),
    "a lone surrogate": (rb'{"source": "\ud800"}', 400),
    "a NUL": (raised(reason="a\0b"), 400),
    "a NUL as a name": (rb'{"\u0000": 1}', 400),
    "33 levels": (deep(33), 400),
    "30,000 levels": (deep(30_000), 400),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "an extra property": (raised(colour="red"), 422),
    "an extra property within": (raised(child={"givenName": "Ann", "colour": "red"}), 422),
    "a control character": (raised(reason="a\x01b"), 422),
    "an empty name": (raised(child={"givenName": ""}), 422),
    "a name too long": (raised(child={"givenName": "x" * 71}), 422),
    "30 February": (raised(child={"givenName": "Ann", "dateOfBirth": "2015-02-30"}), 422),
    "a number as a number": (raised(child={"givenName": "Ann", "nhsNumber": 9990001006}), 422),
    "a wrong check digit": (raised(child={"givenName": "Ann", "nhsNumber": "9990001007"}), 422),
    "a formatted NHS number": (raised(child={"givenName": "Ann", "nhsNumber": "999 000 1006"}), 422),
    "digits of another script": (raised(child={"givenName": "Ann", "nhsNumber": "٩٩٩٠٠٠١٠٠٦"}), 422),
    "a ULN as NHS number": (raised(child={"givenName": "Ann", "nhsNumber": "9900000012"}), 422),
    "a wrong check letter": (raised(child={"givenName": "Ann", "upn": "A001000025001"}), 422),
    "a UPN with I, O or S": (raised(child={"givenName": "Ann", "upn": "I001000025001"}), 422),
    "unknown code": (raised(source="2C"), 422),
    "too large": (b" " * 65_537, 413),
    "a temporary UPN": (raised(child={"givenName": "Ann", "upn": "R00100002501A"}), 201),
    "a name in Arabic": (raised(child={"givenName": "مريم"}), 201),
    "beyond the basic plane": (raised(reason="\N{CRYING FACE}"), 201),
    "many brackets within a string": (raised(reason="[{" * 100), 201),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies(visitor: Visitor, case: str) -> None:
    """A body that the contract rules out is refused with the right status; one that it allows is accepted."""
    raw, status = BODIES[case]
    answer = visitor.send(case, "POST", "/v1/contacts", raw=raw, headers=JSON_TYPE)
    assert answer.status == status


PARAMETERS = {
    "limit 0": ("limit=0", {}, 400),
    "limit 51": ("limit=51", {}, 400),
    "limit 50": ("limit=50", {}, 200),
    "limit of another script": ("limit=%D9%A5", {}, 400),
    "limit 1.0": ("limit=1.0", {}, 400),
    "limit empty": ("limit=", {}, 400),
    "limit twice": ("limit=1&limit=2", {}, 400),
    "limit of 400 digits": ("limit=" + "9" * 400, {}, 400),
    "unknown parameter": ("colour=red", {}, 400),
    "invalid percent-encoding": ("cursor=%ff", {}, 400),
    "a NUL": ("cursor=%00", {}, 400),
    "not ASCII": ("cursor=é", {}, 400),
    "a long query": ("cursor=" + "a" * 5000, {}, 400),
    "unknown cursor": ("cursor=0000", {}, 400),
    "request id no UUID": ("", {"x-request-id": "1"}, 400),
    "correlation id with a space": ("", {"x-correlation-id": "a b"}, 400),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters(visitor: Visitor, case: str) -> None:
    """A parameter that the contract rules out is refused with 400."""
    query, headers, status = PARAMETERS[case]
    answer = visitor.send(case, "GET", "/v1/children", query=query, headers=headers)
    assert answer.status == status


@pytest.mark.parametrize("name", ["sharing-purpose", "lawful-basis"])
@pytest.mark.parametrize("value", ["", "consent", "safeguarding"])
def test_purpose_and_basis_are_stated_where_a_child_is_disclosed(
    visitor: Visitor, name: str, value: str
) -> None:
    """Without a purpose and a basis from the list nothing about a child is answered."""
    answer = visitor.send("read", "GET", CHILD, headers={name: value})
    assert answer.status == 400
    assert f"/header/{name}" in [error["pointer"].lower() for error in answer.body["errors"]]


@pytest.mark.parametrize(
    ("sent", "status"),
    [("text/plain", 415), ("", 415), ("application/json; charset=utf-8", 201), ("APPLICATION/JSON", 201)],
)
def test_media_types(visitor: Visitor, sent: str, status: int) -> None:
    """Only declared media types are read, whatever their case and parameters."""
    headers = {"content-type": sent}
    answer = visitor.send("raise", "POST", "/v1/contacts", raw=raised(), headers=headers)
    assert answer.status == status


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", CHILD, 405, "GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/v1/children/search", 405, "OPTIONS, POST"),
        ("TRACE", "/v1/status", 405, "GET, HEAD, OPTIONS"),
        ("BREW", "/v1/status", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/v1/contacts", 204, "GET, HEAD, OPTIONS, POST"),
        ("HEAD", "/v1/children", 200, None),
        ("HEAD", "/v1/children/search", 405, "OPTIONS, POST"),
        ("GET", "/v1/children/", 404, None),
        ("GET", "/v1", 404, None),
        ("GET", "/v1/children/x/y/z", 404, None),
    ],
)
def test_methods_and_addresses(
    visitor: Visitor, method: str, path: str, status: int, allow: str | None
) -> None:
    """An undeclared method gets 405 with Allow, an unknown address 404."""
    answer = visitor.send("call", method, path)
    assert (answer.status, answer.header("Allow")) == (status, allow)


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("", None),
        ("Basic b3duOm93bg==", None),
        ("Bearer", None),
        ("Bearer x", "invalid_token"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.", "invalid_token"),
        ("Bearer \xff", "invalid_token"),
    ],
)
def test_challenges(visitor: Visitor, authorization: str, error: str | None) -> None:
    """A refused caller is told the scheme, and the error only where a token was sent (RFC 6750, 3)."""
    answer = visitor.send("read", "GET", CHILD, token=None, headers={"authorization": authorization})
    challenge = answer.header("WWW-Authenticate") or ""
    assert answer.status == 401
    assert challenge.startswith('Bearer realm="social-care"')
    assert ("error=" in challenge) == (error is not None)
    assert error is None or f'error="{error}"' in challenge


def test_a_token_ends(visitor: Visitor) -> None:
    """A token that was good is refused after its time, although it was remembered."""
    token = visitor.token()
    assert visitor.send("in time", "GET", CHILD, token=token).status == 200
    visitor.cast.clock.advance(601)
    assert visitor.send("too late", "GET", CHILD, token=token).status == 401


def test_a_token_is_not_good_before_its_time(visitor: Visitor) -> None:
    """A token of tomorrow is refused today."""
    token = visitor.token()
    visitor.cast.clock.advance(-3600)
    assert visitor.send("too early", "GET", CHILD, token=token).status == 401


def test_a_scope_too_few_names_the_scope(visitor: Visitor) -> None:
    """A caller without the scope gets 403 and is told which one is needed (RFC 6750, 3.1)."""
    token = visitor.token(scopes=("social-care:contacts.read",))
    answer = visitor.send("read", "GET", CHILD, token=token)
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="social-care:children.read"' in str(
        answer.header("WWW-Authenticate")
    )


OTHERS = [
    ("GET", CHILD, None),
    ("GET", f"{CHILD}/summary", None),
    ("PATCH", CHILD, {"allocatedWorker": "B. Worker"}),
    ("GET", f"/v1/contacts/{FIRST_CONTACT}", None),
    ("DELETE", f"/v1/contacts/{FIRST_CONTACT}", None),
    ("GET", f"/v1/referrals/{FIRST_REFERRAL}", None),
    ("POST", f"/v1/referrals/{FIRST_REFERRAL}/decisions", DECISION),
    ("GET", f"/v1/referrals/{FIRST_REFERRAL}/decisions/{UNKNOWN}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OTHERS)
def test_objects_of_another_organisation_do_not_differ_from_none(
    visitor: Visitor, method: str, path: str, body: Any
) -> None:
    """Another organisation's object is answered as one that does not exist, and stays as it was."""
    tag = {"if-match": '"1"'} if method == "PATCH" else {}
    before = visitor.cast.engines["social-care"].state.children.find(FIRST_CHILD, COUNCILS[0])
    foreign = visitor.send("foreign", method, path, body=body, headers=tag, token=visitor.token("other"))
    nobody = (
        path.replace(FIRST_CHILD, UNKNOWN).replace(FIRST_CONTACT, UNKNOWN).replace(FIRST_REFERRAL, UNKNOWN)
    )
    unknown = visitor.send("unknown", method, nobody, body=body, headers=tag, token=visitor.token("other"))
    assert foreign.status == unknown.status == 404
    assert {**foreign.body, "instance": ""} == {**unknown.body, "instance": ""}
    assert visitor.cast.engines["social-care"].state.children.find(FIRST_CHILD, COUNCILS[0]) is before


def test_lists_and_searches_hold_only_the_callers_own(visitor: Visitor) -> None:
    """The two organisations share no id in any list, and neither finds the other's children."""
    own = visitor.send("own", "GET", "/v1/children").body["items"]
    other = visitor.send("other", "GET", "/v1/children", token=visitor.token("other")).body["items"]
    found = visitor.send(
        "search",
        "POST",
        "/v1/children/search",
        body={"nhsNumber": "9990001006"},
        token=visitor.token("other"),
    )
    assert len(own) >= 8
    assert len(other) >= 8
    assert not {item["childId"] for item in own} & {item["childId"] for item in other}
    assert found.body == {"items": []}


def test_a_change_needs_the_latest_version(visitor: Visitor) -> None:
    """Without If-Match 428, with an older version 412, with the latest 200 and a new ETag."""
    body = {"allocatedWorker": "B. Worker"}
    tags = {
        "none": {},
        "old": {"if-match": '"999"'},
        "latest": {"if-match": '"1"'},
        "used": {"if-match": '"1"'},
    }
    answers = {name: visitor.send(name, "PATCH", CHILD, body=body, headers=tag) for name, tag in tags.items()}
    statuses = {name: answer.status for name, answer in answers.items()}
    assert statuses == {"none": 428, "old": 412, "latest": 200, "used": 412}
    assert answers["latest"].header("ETag") == visitor.send("read", "GET", CHILD).header("ETag") == '"2"'


@pytest.mark.parametrize("name", ["restricted", "responsibleLa", "laChildId", "version", "childId", "status"])
def test_what_is_not_the_callers_to_change_is_refused(visitor: Visitor, name: str) -> None:
    """A property that only the service may set is refused with 422 and stays."""
    before = visitor.send("before", "GET", CHILD).body
    sent = {"restricted": True, "version": 9}.get(name, "x")
    tag = {"if-match": '"1"'}
    assert visitor.send("change", "PATCH", CHILD, body={name: sent}, headers=tag).status == 422
    assert visitor.send("after", "GET", CHILD).body == before


@pytest.mark.parametrize("operation", ["contact", "decision"])
def test_a_repeated_creation_has_one_effect(visitor: Visitor, operation: str) -> None:
    """The same X-Request-ID with the same content gives the same answer; with other content 422; another id anew."""
    path, body = {
        "contact": ("/v1/contacts", CONTACT),
        "decision": (f"/v1/referrals/{FIRST_REFERRAL}/decisions", DECISION),
    }[operation]
    once = {"x-request-id": "2F8B6B1E-6B0A-4D5B-9B0E-0A1B2C3D4E5F"}
    lower = {"x-request-id": once["x-request-id"].lower()}
    first = visitor.send("first", "POST", path, body=body, headers=once)
    again = visitor.send("again", "POST", path, body=dict(reversed(body.items())), headers=lower)
    other = visitor.send("other", "POST", path, body={**body, "reason": "Another."}, headers=once)
    anew = visitor.send("anew", "POST", path, body=body)
    assert (first.status, again.status, other.status, anew.status) == (201, 201, 422, 201)
    assert (again.body, again.header("Location")) == (first.body, first.header("Location"))
    assert anew.header("Location") != first.header("Location")


def test_a_request_id_is_each_callers_own(visitor: Visitor) -> None:
    """Another client's request with the same X-Request-ID is another request."""
    once = {"x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    own = visitor.send("own", "POST", "/v1/contacts", body=CONTACT, headers=once)
    other = visitor.send(
        "other", "POST", "/v1/contacts", body=CONTACT, headers=once, token=visitor.token("other")
    )
    assert own.body["contactId"] != other.body["contactId"]


def test_a_refused_request_may_be_mended_under_its_id(visitor: Visitor) -> None:
    """What was refused had no effect, so that its X-Request-ID is free."""
    once = {"x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    assert visitor.send("bad", "POST", "/v1/contacts", body={}, headers=once).status == 422
    assert visitor.send("good", "POST", "/v1/contacts", body=CONTACT, headers=once).status == 201


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_paging_loses_and_repeats_nothing_while_contacts_come_in(visitor: Visitor, limit: int) -> None:
    """Each contact that was there at the start is on exactly one page, although one is added between pages."""
    path = "/v1/contacts"
    whole = [i["contactId"] for i in visitor.send("whole", "GET", path, query="limit=50").body["items"]]
    seen: list[str] = []
    query: str | None = f"limit={limit}"
    while query and len(seen) < len(whole):
        answer = visitor.send("page", "GET", path, query=query)
        seen += [item["contactId"] for item in answer.body["items"]]
        visitor.send("insert", "POST", path, body=CONTACT)
        query = f"limit={limit}&cursor={answer.body['next']}" if answer.body["next"] else None
        assert len(answer.body["items"]) <= limit
    assert seen[: len(whole)] == whole
    assert len(set(seen)) == len(seen)


def test_paging_goes_on_after_the_item_before_was_withdrawn(visitor: Visitor) -> None:
    """A cursor stays good although the item that it follows is gone."""
    first = visitor.send("first", "GET", "/v1/contacts", query="limit=2").body
    whole = [i["contactId"] for i in visitor.send("whole", "GET", "/v1/contacts").body["items"]]
    visitor.send("withdraw", "DELETE", f"/v1/contacts/{first['items'][-1]['contactId']}")
    second = visitor.send("second", "GET", "/v1/contacts", query=f"limit=2&cursor={first['next']}").body
    assert [item["contactId"] for item in second["items"]] == whole[2:4]


def test_lists_hold_nothing_personal(visitor: Visitor) -> None:
    """Items of lists are ids, states and versions."""
    child = visitor.send("children", "GET", "/v1/children").body["items"][0]
    contact = visitor.send("contacts", "GET", "/v1/contacts").body["items"][0]
    assert set(child) == {"childId", "status", "version"}
    assert not {"child", "reason"} & set(contact)


def test_what_was_created_reads_back_and_goes_when_withdrawn(visitor: Visitor) -> None:
    """A contact reads back to the letter at its Location; withdrawn, it and its referral are gone."""
    made = visitor.send("raise", "POST", "/v1/contacts", body=CONTACT)
    address = str(made.header("Location"))
    referral = f"/v1/referrals/{made.body['referralId']}"
    assert visitor.send("read", "GET", address).body == made.body
    assert {name: made.body[name] for name in CONTACT} == CONTACT
    assert visitor.send("referral", "GET", referral).status == 200
    assert visitor.send("withdraw", "DELETE", address).status == 204
    assert [visitor.send("gone", method, address).status for method in ("GET", "DELETE")] == [404, 404]
    assert visitor.send("referral gone", "GET", referral).status == 404


def test_a_decided_contact_cannot_be_withdrawn(visitor: Visitor) -> None:
    """Once its referral was decided, a contact stays: 409."""
    visitor.send("decide", "POST", f"/v1/referrals/{FIRST_REFERRAL}/decisions", body=DECISION)
    assert visitor.send("withdraw", "DELETE", f"/v1/contacts/{FIRST_CONTACT}").status == 409


def test_a_replay_shows_what_was_answered_then(visitor: Visitor) -> None:
    """A stored answer does not change with the object that it was about."""
    once = {"x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    made = visitor.send("raise", "POST", "/v1/contacts", body=CONTACT, headers=once)
    before = json.dumps(made.body)
    visitor.send("decide", "POST", f"/v1/referrals/{made.body['referralId']}/decisions", body=DECISION)
    again = visitor.send("again", "POST", "/v1/contacts", body=CONTACT, headers=once)
    assert json.dumps(again.body) == before


@pytest.mark.parametrize(
    ("view", "shown", "hidden"),
    [
        ("status-only", {"status"}, {"givenName", "dateOfBirth", "nhsNumber", "address"}),
        ("safeguarding", {"givenName", "allocatedWorker"}, {"nhsNumber", "address", "telephone"}),
        ("full", {"nhsNumber", "address"}, {"laChildId"}),
    ],
)
def test_a_summary_answers_what_was_asked(
    visitor: Visitor, view: str, shown: set[str], hidden: set[str]
) -> None:
    """Each view shows what it is for and leaves out the rest."""
    body = visitor.send("summary", "GET", f"{CHILD}/summary", query=f"view={view}").body
    assert shown <= set(body)
    assert not hidden & set(body)


def test_a_restricted_child_cannot_be_placed(visitor: Visitor) -> None:
    """Where a restricted child lives is in no answer, and no search by postcode finds it."""
    children = visitor.cast.engines["social-care"].state.children
    record = next(k.record for k in children.of(COUNCILS[0]) if k.record["restricted"])
    path = f"/v1/children/{record['childId']}"
    search = {"postcode": record["address"]["postcode"], "nhsNumber": record["nhsNumber"]}
    assert not {"address", "telephone"} & set(visitor.send("read", "GET", path).body)
    assert "address" not in visitor.send("summary", "GET", f"{path}/summary", query="view=full").body
    assert visitor.send("search", "POST", "/v1/children/search", body=search).body == {"items": []}


def test_errors_never_repeat_what_was_sent(visitor: Visitor) -> None:
    """No value of a refused request is in its answer, nor the name of a property that nobody declared."""
    marks = {
        "source": "canary-1",
        "canary-2": "canary-3",
        "child": {"givenName": "Ann", "nhsNumber": "canary-4"},
    }
    answers = [
        visitor.send("body", "POST", "/v1/contacts", body={**CONTACT, **marks}),
        visitor.send("query", "GET", "/v1/children", query="canary-5=canary-6&limit=canary-7"),
        visitor.send("header", "GET", CHILD, headers={"sharing-purpose": "canary-8"}),
        visitor.send("path", "GET", "/v1/children/canary-9"),
        visitor.send("cursor", "GET", "/v1/children", query="cursor=canary-0"),
    ]
    assert [answer.status for answer in answers] == [422, 400, 400, 400, 400]
    assert not [answer for answer in answers if "canary" in json.dumps(answer.body)]


def test_every_answer_says_who_asked_and_is_never_stored(visitor: Visitor) -> None:
    """The request's ids come back and no answer may be stored, refusals included."""
    sent = {"x-correlation-id": "enquiry-1", "x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    for path, method in ((CHILD, "GET"), ("/v1/nothing", "GET"), (CHILD, "PUT"), ("/v1/contacts", "POST")):
        answer = visitor.send("call", method, path, headers=sent)
        assert answer.header("X-Request-ID") == sent["x-request-id"]
        assert answer.header("X-Correlation-ID") == "enquiry-1"
        assert answer.header("Cache-Control") == "no-store"


def test_reset_brings_the_seed_back(visitor: Visitor) -> None:
    """After a reset everything reads as at the start, and request ids are free."""
    once = {"x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    before = visitor.send("before", "GET", "/v1/contacts").body
    made = visitor.send("raise", "POST", "/v1/contacts", body=CONTACT, headers=once)
    visitor.cast.reset()
    assert visitor.send("after", "GET", "/v1/contacts").body == before
    assert visitor.send("gone", "GET", str(made.header("Location"))).status == 404
    assert (
        visitor.send("free", "POST", "/v1/contacts", body={**CONTACT, "source": "6"}, headers=once).status
        == 201
    )


def test_an_answer_outside_the_contract_is_a_loud_failure(
    visitor: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A behaviour that breaks the contract becomes a 500, a breach, and a line for whoever runs this."""
    engine = visitor.cast.engines["social-care"]
    broken = {**engine.agency.behaviours, "getStatus": lambda call: Answer(200, {"status": "wonderful"})}
    engine.agency = type(engine.agency)("social-care", broken, engine.agency.fresh)
    answer = visitor.send("status", "GET", "/v1/status")
    assert answer.status == 500
    assert "wonderful" not in json.dumps(answer.body)
    assert engine.breaches == ["social-care getStatus: status 200: body /status: enum"]
    assert "getStatus" in capsys.readouterr().err


def test_a_behaviour_that_raises_tells_the_caller_nothing(visitor: Visitor) -> None:
    """An unexpected error is a 500 without a word about its cause."""
    engine = visitor.cast.engines["social-care"]
    engine.state = None
    answer = visitor.send("read", "GET", CHILD)
    assert answer.status == 500
    assert "NoneType" not in json.dumps(answer.body)
    assert len(engine.breaches) == 1


def test_contract_and_behaviours_must_agree() -> None:
    """An agency that lacks a behaviour for an operation is not made."""
    engine = stopped_cast().engines["social-care"]
    agency = type(engine.agency)("social-care", {}, engine.agency.fresh)
    with pytest.raises(ValueError, match="differ on"):
        type(engine)(agency, engine.tokens)


def test_nothing_that_is_sent_makes_the_engine_fail(visitor: Visitor) -> None:
    """Two thousand requests of random bytes in random places are all answered, and none with a 500."""
    source = random.Random(7)
    engine = visitor.cast.engines["social-care"]
    paths = ["/v1/contacts", "/v1/children/search", CHILD, f"/v1/referrals/{FIRST_REFERRAL}/decisions", "/"]
    pieces = [
        b'{"',
        b"\\u0000",
        b"\xf0\x9f",
        b"[" * 40,
        b'"child":',
        b"null",
        b"1e999",
        b"\\ud800",
        b"]",
        b"}",
    ]
    token = f"Bearer {visitor.token()}"
    for _ in range(2000):
        body = b"".join(source.choices(pieces, k=source.randint(0, 6)))
        noise = source.randbytes(8)
        headers = {**JSON_TYPE, "authorization": source.choice([token, noise.decode("latin-1")])}
        headers["x-request-id"] = source.choice([visitor.request_id(), noise.decode("latin-1")])
        method = source.choice(["GET", "POST", "PATCH", "DELETE", "PUT"])
        query = source.choice([b"", noise, b"limit=" + noise.hex().encode()])
        assert engine.answer(Incoming(method, source.choice(paths), query, headers, body)).status < 500
    assert engine.breaches == []


def test_refusals_are_exceptions_with_a_status() -> None:
    """A refusal says what happened without what was sent."""
    assert str(Refusal(404, "There is no such object.", sent="secret")) == "There is no such object."
