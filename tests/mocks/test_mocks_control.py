"""The control plane does to the agencies what its contract says."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from desk import JSON_TYPE, Desk, token
from tour import CONTACT, SHARING, StoppedClock

from joinedup.mocks.cast import Cast
from joinedup.mocks.connections import CONNECTIONS
from joinedup.mocks.control import control
from joinedup.mocks.deliveries import Delivery, State
from joinedup.mocks.messages import Incoming
from joinedup.mocks.sharing import Ledger, Message


@pytest.fixture
def desk() -> Desk:
    """Whoever controls social care."""
    return Desk()


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
