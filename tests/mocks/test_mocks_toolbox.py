"""The toolbox gives what a journey cannot compute, and refuses what cannot be computed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from desk import JSON_TYPE, Desk, problems, token
from tour import CONTACT, SHARING

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.deadlines import DEADLINES
from joinedup.mocks.signatures import SignatureError, verify


@pytest.fixture
def desk() -> Desk:
    """Whoever controls social care."""
    return Desk()


@pytest.mark.parametrize(
    ("tool", "body", "day", "ends"),
    [
        ("working-days", {"from": "2026-04-02", "count": 15}, "2026-04-27", "2026-04-27T23:00:00Z"),
        ("working-days", {"from": "2026-07-14T23:30:00Z", "count": 1}, "2026-07-16", "2026-07-16T23:00:00Z"),
        ("working-days", {"from": "2026-12-29", "count": -1}, "2026-12-24", "2026-12-25T00:00:00Z"),
        (
            "school-days",
            {"from": "2026-10-30", "count": 1, "urn": "999001"},
            "2026-11-03",
            "2026-11-04T00:00:00Z",
        ),
        (
            "school-days",
            {"from": "2026-10-30", "count": 1, "urn": "999002"},
            "2026-11-02",
            "2026-11-03T00:00:00Z",
        ),
        (
            "due-moments",
            {"rule": "encompass-notice", "from": "2026-10-30T23:30:00Z", "urn": "999001"},
            "2026-11-03",
            "2026-11-03T08:30:00Z",
        ),
        (
            "due-moments",
            {"rule": "return-interview", "from": "2026-11-02T09:00:00Z"},
            "2026-11-05",
            "2026-11-05T09:00:00Z",
        ),
        (
            "due-moments",
            {"rule": "education-plan", "from": "2026-11-02T09:00:00Z", "amount": 20},
            "2026-11-30",
            "2026-12-01T00:00:00Z",
        ),
    ],
)
def test_days_are_counted(tool: str, body: dict[str, Any], day: str, ends: str, desk: Desk) -> None:
    """By the calendar that is tested on its own."""
    assert desk.ask("POST", f"/v1/toolbox/{tool}", body) == {"day": day, "endsAt": ends}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("toolbox/working-days", {"from": "2026-11-02", "count": 1.0}),
        ("toolbox/school-days", {"from": "2026-11-02", "count": 1.0, "urn": "999001"}),
        ("toolbox/due-moments", {"rule": "assessment", "from": "2026-11-02T09:00:00Z", "amount": 3.0}),
        ("toolbox/signatures", {"keyRing": "identity-app", "body": "", "attempt": 2.0}),
        ("toolbox/key-rotations", {"keyRing": "identity-app", "graceSeconds": 2.0}),
        ("resets", {"seed": 2.0}),
    ],
)
def test_a_whole_number_may_be_written_with_a_point(path: str, body: dict[str, Any], desk: Desk) -> None:
    """2.0 is an integer in JSON Schema, and means what 2 means."""
    whole = {name: int(value) if isinstance(value, float) else value for name, value in body.items()}
    answers = [desk.ask("POST", f"/v1/{path}", each) for each in (body, whole)]
    for answer in answers:
        answer.pop("deliveryId", None), answer.pop("keyId", None)
    assert json.dumps(answers[0]) == json.dumps(answers[1])


@pytest.mark.parametrize(
    ("tool", "body", "pointer"),
    [
        ("working-days", {"from": "1850-01-02", "count": 1}, "/from"),
        ("working-days", {"from": "9999-12-30", "count": 5}, "/from"),
        ("due-moments", {"rule": "tea-time", "from": "2026-11-02T09:00:00Z"}, "/rule"),
        ("due-moments", {"rule": "education-plan", "from": "2199-11-02T09:00:00Z"}, "/from"),
        ("tokens", {"system": "nobody", "organisation": "E09000001"}, "/system"),
        ("tokens", {"system": "auth", "organisation": "E09000099"}, "/organisation"),
        ("tokens", {"system": "social-care", "organisation": "E09000001", "scopes": ["all"]}, "/scopes"),
        ("repetitions", {"url": "http://host:port/", "method": "GET", "times": 1}, "/url"),
    ],
)
def test_what_cannot_be_computed_is_refused(tool: str, body: Any, pointer: str, desk: Desk) -> None:
    """With the property that is at fault."""
    assert [p for p, _ in problems(desk.ask("POST", f"/v1/toolbox/{tool}", body, status=422))] == [pointer]


def test_the_contract_names_every_rule() -> None:
    """So that a name that is not one is refused before it is looked for."""
    assert load_contract("control")["components"]["schemas"]["Rule"]["enum"] == list(DEADLINES)


def test_rules_are_listed_with_their_sources(desk: Desk) -> None:
    """For whoever wants to know where a number comes from."""
    found = desk.ask("GET", "/v1/deadlines")["items"]
    assert {"referral-decision", "encompass-notice", "subject-access"} <= {rule["name"] for rule in found}
    assert all(rule["source"] for rule in found)


@pytest.mark.parametrize(
    ("defect", "status"),
    [
        ("none", 200),
        ("expired", 401),
        ("not-yet-valid", 401),
        ("wrong-audience", 401),
        ("wrong-issuer", 401),
        ("alg-none", 401),
        ("wrong-key", 401),
        ("changed-claims", 401),
    ],
)
def test_a_token_is_good_or_has_one_thing_wrong(defect: str, status: int, desk: Desk) -> None:
    """Each defect alone is enough to be refused."""
    made = desk.ask("POST", "/v1/toolbox/tokens", token(defect=defect))["authorization"]
    answer = desk.call("GET", "/v1/children", headers={"authorization": made})
    assert answer.status == status
    if status == 401:
        assert 'error="invalid_token"' in str(answer.header("WWW-Authenticate"))


@pytest.mark.parametrize(("defect", "seconds"), [("expired", -7200), ("not-yet-valid", 7200)])
def test_a_token_out_of_its_time_is_good_in_it(defect: str, seconds: float, desk: Desk) -> None:
    """Nothing but the time is wrong with it."""
    made = desk.ask("POST", "/v1/toolbox/tokens", token(defect=defect))["authorization"]
    desk.ask("POST", "/v1/clock/advances", {"seconds": seconds})
    assert desk.call("GET", "/v1/children", headers={"authorization": made}).status == 200


def test_a_token_has_the_scopes_that_are_asked_for(desk: Desk) -> None:
    """And no more: children cannot be read with a scope for contacts."""
    made = desk.ask("POST", "/v1/toolbox/tokens", token(scopes=["social-care:contacts.read"]))[
        "authorization"
    ]
    assert desk.call("GET", "/v1/contacts", headers={"authorization": made}).status == 200
    assert desk.call("GET", "/v1/children", headers={"authorization": made}).status == 403


def signed(desk: Desk, **more: Any) -> dict[str, str]:
    """Headers of a signed delivery, in lower case."""
    found = desk.ask("POST", "/v1/toolbox/signatures", {"keyRing": "identity-app", "body": "{}", **more})
    names = {
        "signature": "signature-256",
        "unixTime": "timestamp",
        "keyId": "key-id",
        "deliveryId": "delivery-id",
        "attempt": "delivery-attempt",
    }
    return {f"x-sui-{names.get(name, name)}": value for name, value in found.items()}


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ("stale", "too long ago"),
        ("early", "in the future"),
        ("wrong-key", "not that of this body"),
        ("unknown-key", "not known"),
        ("wrong-signature", "not that of this body"),
        ("malformed", "malformed"),
    ],
)
def test_a_signature_has_one_thing_wrong(defect: str, said: str, desk: Desk) -> None:
    """And without a defect it is good."""
    ring, now = desk.cast.deliveries.ring("identity-app"), desk.cast.clock.seconds()
    identifier = "0b4f1c7e-52ad-4c1e-8a3d-6f0e2f9b1c10"
    assert verify(signed(desk, deliveryId=identifier), b"{}", ring, now) == identifier
    with pytest.raises(SignatureError, match=said):
        verify(signed(desk, defect=defect), b"{}", ring, now)


def test_a_key_is_rotated_with_grace(desk: Desk) -> None:
    """What was signed before is good until the grace is over."""
    old = signed(desk)
    found = desk.ask("POST", "/v1/toolbox/key-rotations", {"keyRing": "identity-app", "graceSeconds": 60})
    new, ring = signed(desk), desk.cast.deliveries.ring("identity-app")
    assert new["x-sui-key-id"] == found["keyId"] != old["x-sui-key-id"]
    verify(old, b"{}", ring, desk.cast.clock.seconds())
    desk.ask("POST", "/v1/clock/advances", {"seconds": 60})
    with pytest.raises(SignatureError, match="no longer good"):
        verify(old, b"{}", ring, desk.cast.clock.seconds())
    verify(new, b"{}", ring, desk.cast.clock.seconds())


def test_the_same_call_is_made_many_times_in_process(desk: Desk) -> None:
    """By an address of an agency that is not served; statuses are counted."""
    bearer = desk.ask("POST", "/v1/toolbox/tokens", token())["authorization"]
    headers = [{"name": n, "value": v} for n, v in {**SHARING, "Authorization": bearer}.items()]
    call = {"url": "https://social-care.joinedup.example/v1/children?limit=1", "method": "GET", "times": 26}
    found = desk.ask("POST", "/v1/toolbox/repetitions", {**call, "headers": headers})
    assert found == {"statuses": [{"status": 200, "count": 26}], "bodiesAlike": True, "lastRetryAfter": None}
    found = desk.ask("POST", "/v1/toolbox/repetitions", call)
    assert (found["statuses"], found["bodiesAlike"]) == ([{"status": 401, "count": 26}], True)
    assert len(list(desk.cast.journal.exchanges())) == 52


def test_repeated_creations_are_not_alike(desk: Desk) -> None:
    """Each has an id of its own, unless the request has one."""
    bearer = desk.ask("POST", "/v1/toolbox/tokens", token())["authorization"]
    headers = [{"name": n, "value": v} for n, v in {**SHARING, **JSON_TYPE, "Authorization": bearer}.items()]
    call = {
        "url": "https://social-care.joinedup.example/v1/contacts",
        "method": "POST",
        "times": 3,
        "headers": headers,
        "body": json.dumps(CONTACT),
    }
    assert desk.ask("POST", "/v1/toolbox/repetitions", call)["bodiesAlike"] is False
    same = {"name": "X-Request-ID", "value": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    assert (
        desk.ask("POST", "/v1/toolbox/repetitions", {**call, "headers": [*headers, same]})["bodiesAlike"]
        is True
    )
