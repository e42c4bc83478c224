"""Who calls an agency, as which organisation, and in whose area."""

from __future__ import annotations

import pytest
from area import (
    COUNCIL,
    OTHER_COUNCIL,
    Area,
    answer_enquiry,
    attend_hospital,
    come_into_care,
    go_missing_and_return,
    raise_concern,
    transfer_case,
)
from tour import CONTACT, StoppedClock, Visitor

from joinedup.mocks.cast import Cast
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.organisations import area_of, callers, client_id, speaker


@pytest.fixture
def area() -> Area:
    """All agencies, at their start."""
    return Area()


@pytest.mark.parametrize("system", AGENCIES)
def test_the_callers_of_an_agency_work_in_two_areas(system: str) -> None:
    """So that what is one's can be told from what is the other's."""
    cast = Cast([system])
    both = [cast.tokens.clients[client] for client in callers(system).values()]
    assert [client.area for client in both] == [COUNCIL, OTHER_COUNCIL]
    assert len({client.organisation for client in both}) == 2


@pytest.mark.parametrize(
    ("system", "organisation"),
    [
        ("social-care", "E09000001"),
        ("health", "RX1EX"),
        ("school", "999001"),
        ("police", "42"),
        ("mash", "E09000001"),
    ],
)
def test_an_agency_is_called_by_its_own_kind_of_organisation(system: str, organisation: str) -> None:
    """A hospital calls as a hospital, a school as a school, and a force as a force."""
    client = Cast([system]).tokens.clients[callers(system)["own"]]
    assert (client.organisation, client.id) == (organisation, client_id(system, COUNCIL))


def test_every_system_of_a_council_has_a_client_of_its_own() -> None:
    """One of them can be shut out, and the others go on."""
    names = ("social-care", "early-help", "virtual-school", "mash", "supplier-app")
    assert len({client_id(name, COUNCIL) for name in names}) == len(names)
    assert {speaker(name, COUNCIL) for name in names} == {COUNCIL}


def test_what_an_agency_sends_it_sends_as_itself(area: Area) -> None:
    """By the token of each delivery its sender's own client sent it, and no council in its place."""
    for happens in (raise_concern, go_missing_and_return, attend_hospital, come_into_care, answer_enquiry):
        happens(area)
    sent = {t.id: t.delivery for t in area.cast.deliveries.posted() if not t.delivery.key}
    seen = set()
    for exchange in area.cast.journal.exchanges():
        delivery = sent.get(exchange.incoming.headers.get("x-request-id", ""))
        if delivery is not None:
            token = exchange.incoming.headers["authorization"].removeprefix("Bearer ")
            caller = area.cast.tokens.verify(token, delivery.recipient)
            assert caller.client_id == client_id(delivery.sender, delivery.area)
            assert caller.organisation == speaker(delivery.sender, delivery.area)
            seen.add(delivery.sender)
    assert {"health", "police", "school", "mash", "cp-is", "social-care", "virtual-school"} >= seen
    assert {"health", "police", "school", "mash"} <= seen


def test_a_national_service_delivers_to_each_council_in_its_area(area: Area) -> None:
    """One organisation, with a client at each council; who takes it in finds it, and the other council does not."""
    transfer_case(area)
    areas = {t.delivery.area for t in area.cast.deliveries.posted() if t.delivery.sender == "cp-is"}
    assert areas <= {COUNCIL, OTHER_COUNCIL}
    assert areas


def test_who_works_in_an_area_shares_its_records_and_no_others() -> None:
    """A contact that a school raises is the council's of its area; the other council is told that there is none."""
    visitor = Visitor(Cast(["social-care"], clock=StoppedClock()))
    made = visitor.send("raise", "POST", "/v1/contacts", body=CONTACT, token=visitor.token("999001"))
    path = f"/v1/contacts/{made.body['contactId']}"
    found = {who: visitor.send(who, "GET", path, token=visitor.token(who)).status for who in ("own", "other")}
    assert found == {"own": 200, "other": 404}


def test_an_audit_names_the_organisation_that_asked(area: Area) -> None:
    """Not the council in whose area it works."""
    patient = area.ask("health", "GET", "/v1/patients").body["items"][0]["patientId"]
    area.ask("health", "GET", f"/v1/patients/{patient}/health-summary")
    line = area.cast.engines["health"].state.ledger.disclosures[-1]
    assert (line.organisation, line.client_id) == ("RX1EX", "health-rx1ex")


def test_an_organisation_that_nobody_knows_is_an_area_by_itself() -> None:
    """It finds nothing of anybody's."""
    assert area_of("E06000099") == "E06000099"
