"""The control plane does to the agencies what its contract says, and lets in nobody from elsewhere."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import pytest
from tour import CONTACT, SHARING, StoppedClock

from joinedup.mocks.bundle import load_contract
from joinedup.mocks.cast import Cast
from joinedup.mocks.connections import CONNECTIONS
from joinedup.mocks.control import Plane, control
from joinedup.mocks.deadlines import DEADLINES
from joinedup.mocks.deliveries import Delivery, State
from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.serve import Served, served
from joinedup.mocks.server import step_by_step
from joinedup.mocks.sharing import Ledger, Message
from joinedup.mocks.signatures import SignatureError, verify
from joinedup.mocks.transports import Http, in_background

JSON_TYPE = {"content-type": "application/json"}


class Desk:
    """Whoever controls, in process."""

    def __init__(self) -> None:
        self.cast = Cast(["social-care", "auth"], clock=StoppedClock())
        self.plane: Engine[Plane] = control(self.cast)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The body of an answer that has this status."""
        path, _, query = path.partition("?")
        raw = b"" if body is None else json.dumps(body).encode()
        headers = JSON_TYPE if raw else {}
        answer = self.plane.answer(Incoming(method, path, query.encode(), headers, raw))
        assert (answer.status, self.plane.breaches) == (status, []), answer.body
        return answer.body

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """What social care answers to its own council."""
        client = self.cast.tokens.clients["council-e09000001"]
        sent = {**SHARING, "authorization": f"Bearer {self.cast.tokens.issue(client, client.scopes)}"}
        raw = b"" if body is None else json.dumps(body).encode()
        sent |= {**(JSON_TYPE if raw else {}), **(headers or {})}
        return self.cast.engines["social-care"].answer(Incoming(method, path, b"", sent, raw))

    def raise_contact(self) -> str:
        """Where a new contact is."""
        return str(self.call("POST", "/v1/contacts", CONTACT).header("Location"))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def problems(body: Any) -> list[tuple[str, str]]:
    """Pointers and codes of a refusal."""
    return [(error["pointer"], error["code"]) for error in body["errors"]]


# State


def test_the_status_says_who_is_there(desk: Desk) -> None:
    """With addresses, seed, and whether they are away."""
    found = desk.ask("GET", "/v1/status")
    assert found["seed"] == 1
    assert found["systems"][0] == {
        "system": "social-care",
        "address": "https://social-care.joinedup.example",
        "away": False,
    }


def test_a_reset_forgets_what_was_made_and_moved(desk: Desk) -> None:
    """Records, time, faults, outages, journal and deliveries are those of the beginning."""
    made = desk.raise_contact()
    before = desk.ask("GET", "/v1/clock")["now"]
    desk.ask("POST", "/v1/clock/advances", {"seconds": 60})
    desk.ask("PUT", "/v1/faults/update-lost", {"active": True})
    desk.ask("PUT", "/v1/outages/social-care", {"away": True})
    desk.ask("POST", "/v1/resets")
    assert desk.call("GET", made).status == 404
    assert desk.ask("GET", "/v1/clock")["now"] == before
    assert not any(fault["active"] for fault in desk.ask("GET", "/v1/faults")["items"])
    assert [e["path"] for e in desk.ask("GET", "/v1/exchanges")["items"]] == [made]


def test_another_seed_gives_other_people_until_the_next(desk: Desk) -> None:
    """The seed stays for later resets; the first one brings the first people back."""

    def names() -> Any:
        return [k.record["givenName"] for k in desk.cast.engines["social-care"].state.children]

    first = names()
    assert desk.ask("POST", "/v1/resets", {"seed": 7})["seed"] == 7
    second = names()
    desk.ask("POST", "/v1/resets", {})
    assert names() == second != first
    desk.ask("POST", "/v1/resets", {"seed": 1})
    assert names() == first


def test_a_fault_is_switched_while_the_agencies_work(desk: Desk) -> None:
    """It shows from then on, and no longer once it is off; records stay."""
    made = desk.raise_contact()
    assert desk.call("GET", made, headers={"authorization": ""}).status == 401
    found = desk.ask("PUT", "/v1/faults/signature-ignored", {"active": True})
    assert (found["active"], found["breaks"]) == (True, ["AUT-01"])
    forged = desk.ask("POST", "/v1/toolbox/tokens", token(defect="wrong-key"))["authorization"]
    assert desk.call("GET", made, headers={"authorization": forged}).status == 200
    desk.ask("PUT", "/v1/faults/signature-ignored", {"active": False})
    forged = desk.ask("POST", "/v1/toolbox/tokens", token(defect="wrong-key"))["authorization"]
    assert desk.call("GET", made, headers={"authorization": forged}).status == 401


def test_a_fault_of_the_contract_comes_and_goes(desk: Desk) -> None:
    """The document that the agency serves is the one that it behaves by, with its address kept."""
    engine = desk.cast.engines["social-care"]
    engine.serve_at("http://127.0.0.1:1", "http://127.0.0.1:2/oauth2/token")
    plain = engine.contract
    desk.ask("PUT", "/v1/faults/verb-in-path", {"active": True})
    assert engine.contract != plain
    assert engine.contract["servers"] == [{"url": "http://127.0.0.1:1"}]
    desk.ask("PUT", "/v1/faults/verb-in-path", {"active": False})
    assert engine.contract == plain


def test_tokens_can_be_made_guessable_and_good_again(desk: Desk) -> None:
    """The fault of the token server is switched like any other."""
    desk.ask("PUT", "/v1/faults/guessable-key", {"active": True})
    weak = desk.ask("POST", "/v1/toolbox/tokens", token())["authorization"]
    assert desk.call("GET", "/v1/children", headers={"authorization": weak}).status == 200
    desk.ask("PUT", "/v1/faults/guessable-key", {"active": False})
    assert desk.call("GET", "/v1/children", headers={"authorization": weak}).status == 401


def test_faults_are_listed_by_system(desk: Desk) -> None:
    """Only those of agencies that are there; an unknown one is 404."""
    everything = desk.ask("GET", "/v1/faults")["items"]
    assert {fault["system"] for fault in everything} <= {"social-care", "auth", "any"}
    only = desk.ask("GET", "/v1/faults?system=auth")["items"]
    assert only == [fault for fault in everything if fault["system"] == "auth"] != []
    desk.ask("PUT", "/v1/faults/no-such-fault", {"active": True}, status=404)


def test_an_agency_goes_away_and_comes_back(desk: Desk) -> None:
    """Away it answers everything with 503 and Retry-After, and does nothing."""
    desk.ask("PUT", "/v1/outages/social-care", {"away": True})
    answer = desk.call("POST", "/v1/contacts", CONTACT)
    assert (answer.status, answer.header("Retry-After"), answer.header("Cache-Control")) == (
        503,
        "30",
        "no-store",
    )
    assert answer.body["status"] == 503
    desk.ask("PUT", "/v1/outages/social-care", {"away": False})
    assert desk.call("GET", "/v1/contacts").status == 200
    desk.ask("PUT", "/v1/outages/nobody", {"away": True}, status=404)


def test_a_snapshot_is_put_back_as_often_as_is_wanted(desk: Desk) -> None:
    """Records, revoked tokens, remembered answers and time are as they were."""
    kept_contact = desk.raise_contact()
    kept = desk.ask("POST", "/v1/snapshots", status=201)
    address = f"/v1/snapshots/{kept['snapshotId']}"
    before = desk.ask("GET", "/v1/clock")
    for _ in range(2):
        client = desk.cast.tokens.clients["council-e09000001"]
        revoked = desk.cast.tokens.issue(client, client.scopes)
        desk.cast.tokens.revoke(revoked, client)
        assert desk.call("DELETE", kept_contact).status == 204
        made = desk.raise_contact()
        desk.ask("POST", "/v1/clock/advances", {"seconds": 60})
        assert desk.ask("POST", f"{address}/restorations") == kept
        assert desk.call("GET", made).status == 404
        assert desk.call("GET", kept_contact).status == 200
        assert desk.call("GET", kept_contact, headers={"authorization": f"Bearer {revoked}"}).status == 200
        assert desk.ask("GET", "/v1/clock") == before
    assert desk.ask("GET", address) == kept
    desk.ask("DELETE", address, status=204)
    desk.ask("POST", f"{address}/restorations", status=404)


def test_a_remembered_answer_is_put_back(desk: Desk) -> None:
    """A creation that came after the snapshot is a new one when it comes again after the restoration."""
    again = {"x-request-id": "2f8b6b1e-6b0a-4d5b-9b0e-0a1b2c3d4e5f"}
    kept = desk.ask("POST", "/v1/snapshots", status=201)["snapshotId"]
    first = desk.call("POST", "/v1/contacts", CONTACT, headers=again).header("Location")
    desk.ask("POST", f"/v1/snapshots/{kept}/restorations")
    second = desk.call("POST", "/v1/contacts", CONTACT, headers=again).header("Location")
    assert desk.call("GET", str(second)).status == 200
    assert first == second  # from the same state the same id, because ids are seeded


def test_no_more_than_twenty_snapshots_are_kept(desk: Desk) -> None:
    """Memory has an end, which is said."""
    for _ in range(20):
        desk.ask("POST", "/v1/snapshots", status=201)
    assert "forget one first" in desk.ask("POST", "/v1/snapshots", status=409)["detail"]


# Time


def test_the_clock_is_moved_and_ends_tokens(desk: Desk) -> None:
    """By seconds, or to a moment; never back by setting."""
    good = desk.ask("POST", "/v1/toolbox/tokens", token())["authorization"]
    assert desk.call("GET", "/v1/children", headers={"authorization": good}).status == 200
    desk.ask("POST", "/v1/clock/advances", {"seconds": 600})
    assert desk.call("GET", "/v1/children", headers={"authorization": good}).status == 401
    assert desk.ask("PUT", "/v1/clock", {"now": "2027-01-04T08:00:00+00:00"})["now"] == "2027-01-04T08:00:00Z"
    told = desk.ask("PUT", "/v1/clock", {"now": "2026-12-24T08:00:00Z"}, status=409)
    assert "2027-01-04T08:00:00Z already" in told["detail"]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-12-23T10:00:00Z", "2026-12-25T00:00:00Z"),
        ("2026-12-24T10:00:00Z", "2026-12-30T00:00:00Z"),  # over Christmas, whose second day has a substitute
        (
            "2027-07-15T23:30:00Z",
            "2027-07-19T23:00:00Z",
        ),  # Friday already in London: due at the end of Monday
    ],
)
def test_a_referral_says_by_when_it_is_to_be_decided(now: str, due: str, desk: Desk) -> None:
    """The end of the next working day, by the clock that all share."""
    desk.ask("PUT", "/v1/clock", {"now": now})
    made = desk.call("POST", "/v1/contacts", CONTACT).body
    referral = desk.call("GET", f"/v1/referrals/{made['referralId']}").body
    assert (referral["receivedAt"], referral["decisionDueBy"]) == (now, due)


def test_the_clock_can_stand_and_run(desk: Desk) -> None:
    """As it is told to."""
    assert desk.ask("GET", "/v1/clock")["running"] is False
    assert desk.ask("PUT", "/v1/clock", {"running": True})["running"] is True
    assert desk.ask("PUT", "/v1/clock", {"running": False})["running"] is False


@pytest.mark.parametrize("seconds", [1e9, 9e8 * 3, -1e9 * 2])
def test_the_clock_stays_within_years_that_can_be_written(seconds: float, desk: Desk) -> None:
    """However often it is moved."""
    step = max(-1e9, min(1e9, seconds))
    for _ in range(3):
        answer = desk.plane.answer(
            Incoming("POST", "/v1/clock/advances", b"", JSON_TYPE, json.dumps({"seconds": step}).encode())
        )
    assert answer.status == 409
    assert 2000 <= desk.cast.clock.now().year < 2100


def test_the_clock_says_what_is_before_it(desk: Desk) -> None:
    """How much is queued, and when the next is due."""
    desk.cast.clock.performers["nothing"] = lambda _: None
    due = desk.cast.clock.seconds() + 90
    desk.cast.clock.queue(due, "nothing")
    found = desk.ask("GET", "/v1/clock")
    assert (found["queued"], found["performed"]) == (1, 0)
    assert datetime.fromisoformat(found["nextDueAt"]).timestamp() == due
    found = desk.ask("POST", "/v1/clock/advances", {"seconds": 90})
    assert (found["queued"], found["performed"], found["nextDueAt"]) == (0, 1, None)


# Records


def test_the_journal_holds_what_was_received_but_no_credential(desk: Desk) -> None:
    """Operation, headers, body and answer are there; the token is not."""
    desk.raise_contact()
    desk.call("GET", "/v1/nothing")
    first, second = desk.ask("GET", "/v1/exchanges?system=social-care")["items"]
    assert (first["operationId"], first["status"], first["body"]) == ("raiseContact", 201, CONTACT)
    assert first["answer"]["status"] == "received"
    assert {"name": "sharing-purpose", "value": "SAFEGUARDING"} in first["headers"]
    assert "Bearer" not in json.dumps([first, second])
    assert "operationId" not in second
    assert desk.ask("GET", "/v1/exchanges?system=auth")["items"] == []


def test_lists_are_paged_without_loss(desk: Desk) -> None:
    """Also where more comes in between; a made-up cursor is refused."""
    for _ in range(5):
        desk.call("GET", "/v1/status")
    page = desk.ask("GET", "/v1/exchanges?limit=2")
    numbers = [item["number"] for item in page["items"]]
    desk.call("GET", "/v1/status")
    while page["next"]:
        page = desk.ask("GET", f"/v1/exchanges?limit=2&cursor={page['next']}")
        numbers += [item["number"] for item in page["items"]]
    assert numbers == [1, 2, 3, 4, 5, 6]
    desk.ask("GET", "/v1/exchanges?cursor=made-up", status=400)


def test_the_journal_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    monkeypatch.setattr("joinedup.mocks.member.REMEMBERED", 3)
    for _ in range(5):
        desk.call("GET", "/v1/status")
    assert [item["number"] for item in desk.ask("GET", "/v1/exchanges")["items"]] == [3, 4, 5]


def test_breaches_are_listed(desk: Desk) -> None:
    """None, unless a mock is broken."""
    assert desk.ask("GET", "/v1/breaches")["items"] == []
    desk.cast.engines["auth"].breaches.append("auth getKeys: status 299 is not declared")
    assert desk.ask("GET", "/v1/breaches")["items"] == ["auth getKeys: status 299 is not declared"]


def test_disclosures_of_all_agencies_are_listed_in_order() -> None:
    """Where an agency keeps a ledger; those of one where one is named."""
    desk = Desk()
    desk.cast = Cast(["school", "social-care"], clock=StoppedClock())
    desk.plane = control(desk.cast)
    client = desk.cast.tokens.clients["council-e09000001"]
    headers = {**SHARING, "authorization": f"Bearer {desk.cast.tokens.issue(client, client.scopes)}"}
    desk.cast.engines["school"].answer(
        Incoming("GET", "/v1/pupils/7d0c2f5e-1b8e-4a8e-9d53-1f1d5f0a9c99", b"", headers)
    )
    (line,) = desk.ask("GET", "/v1/disclosures?system=school")["items"]
    assert (line["system"], line["organisation"], line["outcome"]) == ("school", "E09000001", "refused")
    assert desk.ask("GET", "/v1/disclosures?system=social-care")["items"] == []


# Between agencies


def contact_from(message: Message) -> tuple[Delivery, ...]:
    """A message of some agency as a contact for social care."""
    body = dict(message.body)
    return (Delivery("school", "social-care", "child-1", "/v1/contacts", body, message.to, headers=SHARING),)


@pytest.fixture
def connected_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The token server, of all, has something to tell social care about each time that it is asked."""
    monkeypatch.setitem(CONNECTIONS, ("auth", "contact"), contact_from)
    state = desk.cast.engines["auth"].state
    state.ledger = Ledger()
    return desk


def tell(desk: Desk, kind: str = "contact") -> None:
    """Leave a message in the outbox, as a behaviour would, and have an answer made."""
    body = CONTACT
    desk.cast.engines["auth"].state.ledger.outbox.append(
        Message("E09000001", kind, body, "2026-11-02T09:30:00Z")
    )
    desk.cast.engines["auth"].answer(Incoming("GET", "/jwks"))


def test_what_an_agency_leaves_in_its_outbox_is_at_the_recipient_before_it_answers(
    connected_desk: Desk,
) -> None:
    """With a token of the organisation that it is for, under the id of the delivery."""
    tell(connected_desk)
    (item,) = connected_desk.ask("GET", "/v1/deliveries?system=school")["items"]
    assert (item["state"], [a["status"] for a in item["attempts"]]) == ("delivered", [201])
    (received,) = connected_desk.ask("GET", "/v1/exchanges?system=social-care")["items"]
    assert {"name": "x-request-id", "value": item["deliveryId"]} in received["headers"]
    contact = f"/v1/contacts/{received['answer']['contactId']}"
    assert connected_desk.call("GET", contact).status == 200


def test_what_nobody_takes_in_stays_in_the_outbox(connected_desk: Desk) -> None:
    """Nothing is thrown away because it is not known where it goes."""
    tell(connected_desk, "a-kind-of-its-own")
    assert len(connected_desk.cast.engines["auth"].state.ledger.outbox) == 1
    assert connected_desk.ask("GET", "/v1/deliveries")["items"] == []


def test_a_partner_that_was_away_has_everything_once_and_in_order(connected_desk: Desk) -> None:
    """An outage of four hours, on the virtual clock."""
    desk = connected_desk
    before = len(list(desk.cast.engines["social-care"].state.contacts))
    desk.ask("PUT", "/v1/outages/social-care", {"away": True})
    for _ in range(10):
        tell(desk)
        desk.ask("POST", "/v1/clock/advances", {"seconds": 1440})
    assert [t.state for t in desk.cast.deliveries.posted()] == [State.WAITING] * 10
    desk.ask("PUT", "/v1/outages/social-care", {"away": False})
    desk.ask("POST", "/v1/clock/advances", {"seconds": 600})
    assert [t.state for t in desk.cast.deliveries.posted()] == [State.DELIVERED] * 10
    assert len(list(desk.cast.engines["social-care"].state.contacts)) == before + 10
    taken = [
        next(header["value"] for header in item["headers"] if header["name"] == "x-request-id")
        for item in pages(desk, "/v1/exchanges?system=social-care")
        if item["status"] == 201
    ]
    assert taken == [t.id for t in desk.cast.deliveries.posted()]


def pages(desk: Desk, path: str) -> list[Any]:
    """All items of a list."""
    page = desk.ask("GET", f"{path}&limit=50")
    items = list(page["items"])
    while page["next"]:
        page = desk.ask("GET", f"{path}&limit=50&cursor={page['next']}")
        items += page["items"]
    return items


# Toolbox


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


def token(**more: Any) -> dict[str, Any]:
    """What is sent to have a token made."""
    return {"system": "social-care", "organisation": "E09000001", **more}


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


# Served


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Somebody else's system: fails once, then takes in."""

    received: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        """Keep what came."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(503 if len(self.received) == 1 else 202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def subscriber() -> Iterator[str]:
    """The address of a system that is not one of ours."""
    Subscriber.received.clear()
    with http.server.HTTPServer(("127.0.0.1", 0), Subscriber) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks"
        server.shutdown()
        thread.join()


def test_a_moved_clock_waits_for_those_who_are_reached_over_http(subscriber: str) -> None:
    """The second attempt is made a second of virtual time after the first failed, within the same move."""
    cast = Cast(["social-care"], clock=StoppedClock())
    cast.addresses["app"] = subscriber
    start = cast.clock.seconds()
    notices = [
        Delivery("identity", "app", "child-1", "/events", {"n": n}, key="identity-app") for n in range(2)
    ]

    async def move() -> int:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            cast.far = in_background(Http(cast.addresses), loop, pool)
            for notice in notices:
                cast.deliveries.post(notice)
            moving = cast.clock.moving(start + 3600)
            return await asyncio.to_thread(step_by_step(cast, loop), moving)

    assert asyncio.run(move()) == 3
    first, second = cast.deliveries.posted()
    assert [(a.at - start, a.status) for a in first.attempts] == [(0, 503), (1, 202)]
    assert [(a.at - start, a.status) for a in second.attempts] == [(1, 202)]
    assert [json.loads(body)["n"] for _, body in Subscriber.received] == [0, 0, 1]
    headers, body = Subscriber.received[1]
    assert verify(headers, body, cast.deliveries.ring("identity-app"), start + 1) == first.id
    assert cast.clock.seconds() == start + 3600


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    with served(["social-care"]) as found:
        yield found


def test_served_agencies_are_controlled(agencies: Served) -> None:
    """What a test needs is there by name."""
    agencies.reset()
    address = agencies.systems["social-care"].base_url
    httpx.get(f"{address}/v1/status")
    assert [e["operationId"] for e in agencies.exchanges("social-care")] == ["getStatus"]
    kept = agencies.snapshot()
    agencies.switch_outage("social-care", True)
    assert httpx.get(f"{address}/v1/status").status_code == 503
    agencies.restore(kept)
    assert httpx.get(f"{address}/v1/status").status_code == 200
    later = agencies.now() + timedelta(days=200)
    agencies.set_clock(later)
    agencies.advance(3600)
    assert agencies.now() >= later + timedelta(hours=1)
    agencies.switch_fault("authentication-ignored", True)
    assert agencies.deliveries("social-care") == ()
    assert agencies.breaches() == ()
    agencies.reset()
    assert abs(agencies.now() - datetime.now(UTC)) < timedelta(seconds=60)


def test_the_contract_of_the_control_plane_is_served(agencies: Served) -> None:
    """With the address at which it is."""
    found = httpx.get(f"{agencies.control}/openapi.json").json()
    assert found["servers"] == [{"url": agencies.control}]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "[::"},
    ],
)
def test_nobody_from_elsewhere_is_let_in(headers: dict[str, str], agencies: Served) -> None:
    """A page of a browser that was lured here cannot control."""
    answer = httpx.post(f"{agencies.control}/v1/resets", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_this_machine_is_let_in_by_its_names(host: str, agencies: Served) -> None:
    """With a port or without."""
    port = httpx.URL(agencies.control).port
    for name in (host, f"{host}:{port}"):
        assert httpx.get(f"{agencies.control}/v1/clock", headers={"Host": name}).status_code == 200


def test_the_same_call_is_made_at_once_over_http(agencies: Served) -> None:
    """To an agency of the same process, which goes on answering meanwhile."""
    call = {"url": f"{agencies.systems['social-care'].base_url}/v1/status", "method": "GET", "times": 30}
    for at_once in (True, False):
        found = agencies.ask("POST", "/v1/toolbox/repetitions", {**call, "atOnce": at_once})
        assert found["statuses"] == [{"status": 200, "count": 30}]
    nobody = agencies.ask(
        "POST", "/v1/toolbox/repetitions", {**call, "url": "http://127.0.0.1:9/", "times": 2}
    )
    assert nobody["statuses"] == [{"status": 0, "count": 2}]
