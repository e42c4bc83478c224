"""What a record locator and a supplier's application tell others arrives, and has its effect there."""

from __future__ import annotations

from typing import Any

import pytest
from area import COUNCIL, OTHER_COUNCIL
from tour import StoppedClock, Visitor

from joinedup.mocks.cast import Cast
from joinedup.mocks.locator_holdings import FIRST_POLICY
from joinedup.mocks.organisations import HOSPITALS, client_id
from joinedup.mocks.people import children
from joinedup.mocks.supplier_copies import FIRST_AGREEMENT, FIRST_HELD

SIAN = children(1, 0, 1)[0].nhs_number
SYSTEMS = ("social-care", "health", "identity", "locator", "supplier-app", "auth")
ENDED = {"reason": "The contract was not renewed."}


class Place:
    """Those who tell and those who hear, in this process, and somebody who calls them."""

    def __init__(self, *faults: str) -> None:
        self.cast = Cast(SYSTEMS, faults=faults, clock=StoppedClock())
        self.visitors = {system: Visitor(self.cast, system) for system in SYSTEMS}

    def ask(self, system: str, method: str, path: str, body: Any = None, who: str = "own") -> Any:
        """The body of an answer that has to be a success."""
        visitor = self.visitors[system]
        answer = visitor.send("", method, path, body=body, token=visitor.token(who))
        assert answer.status < 300, answer.body
        return answer.body

    def notices(self, system: str, organisation: str) -> list[tuple[str, str | None]]:
        """Kind and reference of what an organisation was told at a system."""
        items = self.ask(system, "GET", "/v1/notices", who=organisation)["items"]
        read = [self.ask(system, "GET", f"/v1/notices/{i['noticeId']}", who=organisation) for i in items]
        return [(notice["kind"], notice.get("reference")) for notice in read]


@pytest.fixture
def place() -> Place:
    """Everything at its start."""
    return Place()


def test_a_custodian_hears_that_there_is_a_question_for_it(place: Place) -> None:
    """Each council that is asked, and without a word about whom."""
    place.ask("locator", "POST", "/v1/searches", {"nhsNumber": SIAN})
    for council in (COUNCIL, OTHER_COUNCIL):
        assert place.notices("social-care", council) == [("work-available", None)]


def test_whoever_was_told_of_a_record_hears_that_it_may_not_know_of_it(place: Place) -> None:
    """A hospital has the notice where hospitals take notices in, with the id that it knows the record by."""
    hospital = HOSPITALS[0]
    search = place.ask("locator", "POST", "/v1/searches", {"nhsNumber": SIAN}, who=hospital)
    found = place.ask("locator", "GET", f"/v1/searches/{search['searchId']}/records", who=hospital)["items"]
    (theirs,) = (item["recordId"] for item in found if item["custodian"] == COUNCIL)
    rules = place.ask("locator", "GET", f"/v1/sharing-policies/{FIRST_POLICY}/rules")["items"]
    for rule in rules:
        if "HEALTH" in rule.get("recipientTypes", ()):
            place.ask("locator", "DELETE", f"/v1/sharing-policies/{FIRST_POLICY}/rules/{rule['ruleId']}")
    assert place.notices("health", hospital) == [("sharing-withdrawn", theirs)]


def test_a_council_has_it_in_writing_that_its_data_was_deleted(place: Place) -> None:
    """The confirmation is a notice at the council's own system, by the id of the agreement."""
    place.ask("supplier-app", "POST", f"/v1/agreements/{FIRST_AGREEMENT}/off-boardings", ENDED)
    assert place.notices("social-care", COUNCIL) == [("deletion-confirmed", FIRST_AGREEMENT)]
    assert place.notices("social-care", OTHER_COUNCIL) == []


def opens(place: Place, area: str, token: str) -> bool:
    """Whether a token of the supplier for a council opens that council's system."""
    answer = Visitor(place.cast).send("", "GET", "/v1/notices", token=token)
    return answer.status == 200


@pytest.mark.parametrize(
    ("faults", "opens_after"), [((), [False, True]), (("tokens-outlive-agreement",), [True, True])]
)
def test_a_supplier_that_leaves_has_no_way_in(faults: tuple[str, ...], opens_after: list[bool]) -> None:
    """The tokens that its client had for that council are refused; those for another council are not its matter."""
    place = Place(*faults)
    clients = [
        place.cast.tokens.clients[client_id("supplier-app", area)] for area in (COUNCIL, OTHER_COUNCIL)
    ]
    tokens = [place.cast.tokens.issue(client, ("social-care:notices.read",)) for client in clients]
    assert [opens(place, area, t) for area, t in zip((COUNCIL, OTHER_COUNCIL), tokens, strict=True)] == [
        True
    ] * 2
    place.ask("supplier-app", "POST", f"/v1/agreements/{FIRST_AGREEMENT}/off-boardings", ENDED)
    assert [opens(place, area, t) for area, t in zip((COUNCIL, OTHER_COUNCIL), tokens, strict=True)] == (
        opens_after
    )


def test_an_application_that_wants_to_hear_of_changes_hears_of_them(place: Place) -> None:
    """The register has its subscription in the council's name, and a change reaches the copy, signed."""
    for item in place.ask("identity", "GET", "/v1/subscriptions")["items"]:
        place.ask("identity", "DELETE", f"/v1/subscriptions/{item['subscriptionId']}")
    wanted = {"agreementId": FIRST_AGREEMENT, "events": ["nhsNumberChanged"]}
    place.ask("supplier-app", "POST", "/v1/subscriptions", wanted)
    (told,) = place.ask("identity", "GET", "/v1/subscriptions")["items"]
    assert told["events"] == ["nhsNumberChanged"]
    matched = {"givenName": "Siân", "familyName": "O'Neill", "dateOfBirth": "2015-06-30", "nhsNumber": SIAN}
    result = place.ask("identity", "POST", "/v1/match-results", matched)
    person = result["candidates"][0]["personId"]
    changed = place.ask(
        "identity", "POST", f"/v1/people/{person}/nhs-number-changes", {"reason": "duplicate"}
    )
    copy = place.ask("supplier-app", "GET", f"/v2/held-people/{FIRST_HELD}")
    assert copy["nhsNumber"] == changed["nhsNumber"]


def registered(place: Place, who: str) -> int:
    """How many subscriptions the register has in the name of a council."""
    return len(place.ask("identity", "GET", "/v1/subscriptions", who=who)["items"])


@pytest.mark.parametrize("who", ["own", "other"])
def test_a_subscription_that_is_ended_is_ended_at_the_register(place: Place, who: str) -> None:
    """One by itself, and all of an agreement with it, those from before anyone calls too; nobody else's."""
    agreement = place.ask("supplier-app", "GET", "/v1/agreements", who=who)["items"][0]["agreementId"]
    wanted = {"agreementId": agreement, "events": ["gpChanged"]}
    ids = [
        place.ask("supplier-app", "POST", "/v1/subscriptions", wanted, who)["subscriptionId"] for _ in "123"
    ]
    found = [registered(place, who)]
    place.ask("supplier-app", "DELETE", f"/v1/subscriptions/{ids[0]}", who=who)
    found.append(registered(place, who))
    place.ask("supplier-app", "POST", f"/v1/agreements/{agreement}/off-boardings", ENDED, who)
    assert [*found, registered(place, who)] == [4, 3, 0]
    assert sum(registered(place, each) for each in ("own", "other")) == 1
    assert place.cast.engines["supplier-app"].state.ledger.places.keys().isdisjoint(ids)


def test_a_subscription_can_be_ended_where_the_register_is_not_played() -> None:
    """Nothing is left in the outbox that nobody could take in."""
    cast = Cast(["supplier-app"], clock=StoppedClock())
    visitor = Visitor(cast, "supplier-app")
    made = visitor.send(
        "made",
        "POST",
        "/v1/subscriptions",
        body={"agreementId": FIRST_AGREEMENT, "events": ["gpChanged"]},
        token=visitor.token(),
    )
    ended = visitor.send("ended", "DELETE", str(made.header("Location")), token=visitor.token())
    assert ended.status == 204
    assert [m.kind for m in cast.engines["supplier-app"].state.ledger.outbox] == ["subscription-wanted"]
