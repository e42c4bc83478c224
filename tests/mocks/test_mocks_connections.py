"""What one agency records reaches the others that must know, in their own words, once, in order, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from area import (
    ATTENDANCE,
    COUNCIL,
    FRIDAY_NIGHT,
    NOTICE,
    OTHER_COUNCIL,
    SIAN,
    Area,
    alert_to_absence,
    answer_enquiry,
    attend_hospital,
    be_born,
    change_number,
    come_into_care,
    correct_child,
    correct_person,
    decide_enquiry,
    decide_referral,
    end_plan,
    go_missing_and_return,
    go_missing_from_care,
    leave_school,
    miss_appointments,
    notify_of_home_educated,
    notify_school,
    open_enquiry,
    protect,
    raise_concern,
    raise_notice,
    refer_from_health,
    start_plan,
    step_up,
    suspend,
    transfer_case,
)

from joinedup.mocks.connections import CONNECTIONS, connected
from joinedup.mocks.deliveries import Done, Outgoing, Reply, State
from joinedup.mocks.school_roll import FIRST_PUPIL
from joinedup.mocks.sharing import Message
from joinedup.mocks.signatures import verify
from joinedup.mocks.translations import TRANSLATIONS


@pytest.fixture
def area() -> Area:
    """An area in which nothing has happened yet."""
    return Area()


# What is recorded, who then has it, by which operation, and what of it.
ARRIVES: dict[str, tuple[Callable[[Area], object], str, str, list[dict[str, Any]]]] = {
    "concern": (
        raise_concern,
        "social-care",
        "raiseContact",
        [{"source": "2A", "urgency": "immediate", "primaryNeed": "N1", "reason": "A bruise."}],
    ),
    "step up": (step_up, "social-care", "raiseContact", [{"source": "5D", "urgency": "same-day"}]),
    "health referral": (refer_from_health, "social-care", "raiseContact", [{"source": "3E"}]),
    "notice about two children": (
        raise_notice,
        "social-care",
        "raiseContact",
        [
            {"source": "6", "urgency": "immediate", "child": SIAN, "incidentReference": "42/1234/26"},
            {"source": "6", "child": {"givenName": "Mo"}},
        ],
    ),
    "absence": (alert_to_absence, "social-care", "receiveNotice", [{"kind": "absence", "sender": "school"}]),
    "suspension, council": (
        suspend,
        "social-care",
        "receiveNotice",
        [
            {"kind": "suspension", "outcome": "for the local-authority"},
            {"kind": "suspension", "outcome": "for the social-worker"},
        ],
    ),
    "suspension, virtual school": (
        suspend,
        "virtual-school",
        "receiveSuspensionNotice",
        [{"kind": "suspension", "startDate": "2026-11-18", "sessions": 4, "reasons": ["DB"]}],
    ),
    "leaving": (leave_school, "school", "receiveNotice", [{"kind": "pupil-leaving", "outcome": "0024002"}]),
    "not brought": (
        miss_appointments,
        "social-care",
        "receiveNotice",
        [{"kind": "was-not-brought", "child": {"nhsNumber": "9990001006"}}],
    ),
    "query from a hospital": (attend_hospital, "cp-is", "queryPlans", [{"careSetting": "unscheduled"}]),
    "access": (
        attend_hospital,
        "social-care",
        "receiveNotice",
        [{"kind": "child-protection-access", "sender": "cp-is"}, {"kind": "attendance", "sender": "health"}],
    ),
    "encompass": (
        notify_school,
        "school",
        "receiveEncompassNotification",
        [{"incidentAt": FRIDAY_NIGHT, "relationshipToVictim": "child", "childPresent": True}],
    ),
    "educated at home": (
        notify_of_home_educated,
        "social-care",
        "receiveNotice",
        [{"kind": "domestic-abuse"}],
    ),
    "missing": (
        go_missing_and_return,
        "social-care",
        "receiveNotice",
        [{"kind": "missing-child"}, {"kind": "child-found", "dueBy": "2026-11-17"}],
    ),
    "looked-after child missing": (
        go_missing_from_care,
        "virtual-school",
        "receiveNotice",
        [{"kind": "missing-child", "sender": "social-care"}],
    ),
    "police protection": (protect, "social-care", "receiveNotice", [{"kind": "police-protection"}]),
    "enquiry, police": (open_enquiry, "police", "askForInformation", [{"child": SIAN}]),
    "enquiry, health": (open_enquiry, "health", "requestInformation", [{"urgency": "urgent"}]),
    "enquiry, school": (open_enquiry, "school", "receiveNotice", [{"kind": "enquiry", "child": SIAN}]),
    "answers": (
        answer_enquiry,
        "mash",
        "respondToEnquiry",
        [
            {"agency": "police", "outcome": "shared", "information": "Called three times."},
            {"agency": "health", "outcome": "refused", "refusalReason": "more-detrimental-to-child"},
        ],
    ),
    "enquiry decided": (
        decide_enquiry,
        "social-care",
        "receiveNotice",
        [{"kind": "enquiry"}, {"kind": "enquiry-decided", "outcome": "section-47"}],
    ),
    "decision": (
        decide_referral,
        "school",
        "receiveNotice",
        [{"kind": "referral-decided", "outcome": "assessment"}],
    ),
    "care, virtual school": (
        come_into_care,
        "virtual-school",
        "notifyLookedAfter",
        [{"startOfCare": "2026-11-16", "legalStatus": "C1"}],
    ),
    "care, school": (
        come_into_care,
        "school",
        "receiveNotice",
        [
            {"kind": "care-started", "sender": "social-care"},
            {"kind": "care-started", "sender": "virtual-school", "dueBy": "2026-11-30"},
        ],
    ),
    "care, health": (come_into_care, "health", "receiveNotice", [{"kind": "care-started"}]),
    "plan started": (
        start_plan,
        "cp-is",
        "uploadPlans",
        [{"records": [{"planType": "CPP", "nhsNumber": "9990001006", "startDate": "2026-11-18"}]}],
    ),
    "plan ended": (end_plan, "cp-is", "uploadPlans", [{}]),
    "person corrected": (
        correct_person,
        "social-care",
        "receiveNotice",
        [{"kind": "person-corrected", "sender": "identity"}],
    ),
    "transfer, councils": (
        transfer_case,
        "social-care",
        "receiveNotice",
        [
            {"kind": "transfer-offered"},
            {"kind": "transfer-accepted"},
            {"kind": "responsibility-transferred", "outcome": OTHER_COUNCIL},
        ],
    ),
    "transfer, national": (transfer_case, "cp-is", "uploadPlans", [{}]),
    "correction": (
        correct_child,
        "school",
        "receiveNotice",
        [{"kind": "care-started"}, {"kind": "care-started"}, {"kind": "person-corrected"}],
    ),
    "birth": (
        be_born,
        "social-care",
        "receiveNotice",
        [{"kind": "child-born", "formerNhsNumber": "9990001103"}],
    ),
}


@pytest.mark.parametrize("name", ARRIVES)
def test_what_is_recorded_reaches_who_must_know(area: Area, name: str) -> None:
    """The recipient's journal shows it, as the recipient's own contract has it."""
    record, recipient, operation_id, expected = ARRIVES[name]
    record(area)
    received = area.received(recipient, operation_id)
    assert [
        {n: v for n, v in body.items() if n in want} for body, want in zip(received, expected, strict=True)
    ] == (expected)
    assert {state for _, _, state in area.delivered()} == {"delivered"}
    assert area.cast.breaches() == ()


NEVER = {
    "encompass": (
        notify_school,
        "school",
        "receiveEncompassNotification",
        ("Mock Avenue", "nhsNumber", "999000"),
    ),
    "notice": (raise_notice, "social-care", "raiseContact", ("A neighbour",)),
    "care": (come_into_care, "school", "receiveNotice", ("C1", "legalStatus", "nhsNumber", "address")),
    "decision": (decide_referral, "school", "receiveNotice", ("To be heard in full",)),
    "missing": (go_missing_from_care, "virtual-school", "receiveNotice", ("risk", "lastSeen")),
    "refusal": (answer_enquiry, "mash", "respondToEnquiry", ("9990001006",)),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_is_not_for_a_recipient_never_reaches_it(area: Area, name: str) -> None:
    """Nobody is told who spoke up, where an adult lives, or why a child came into care."""
    record, recipient, operation_id, never = NEVER[name]
    record(area)
    received = json.dumps(area.received(recipient, operation_id), ensure_ascii=False)
    assert len(received) > len("[]")
    assert [word for word in never if word in received] == []


def test_a_message_becomes_deliveries_only_where_somebody_takes_it_in(area: Area) -> None:
    """A housing department is none of the bundled agencies: the question stays with the hub."""
    open_enquiry(area)
    left = area.cast.engines["mash"].state.ledger.outbox
    assert [message.body["agency"] for message in left] == ["housing"]


def test_another_council_hears_nothing(area: Area) -> None:
    """What concerns the children of one council is delivered in its name alone."""
    for record in (
        raise_concern,
        raise_notice,
        notify_school,
        go_missing_and_return,
        attend_hospital,
        come_into_care,
    ):
        record(area)
    assert {t.delivery.area for t in area.cast.deliveries.posted()} == {COUNCIL}


def test_the_new_council_says_nationally_that_the_child_is_its_own(area: Area) -> None:
    """Once a transfer is accepted the national service has one responsible council, and it is the new one."""
    flagged = area.cast.engines["cp-is"].state.flagged
    transfer_case(area)
    assert flagged[SIAN["nhsNumber"]].council == OTHER_COUNCIL


def test_a_correction_is_applied_where_the_child_is_known(area: Area) -> None:
    """The school's own record has the right date of birth afterwards (UK GDPR, Article 19)."""
    child = area.children("child-in-need")[0]
    correct_child(area)
    pupils = [k.record for k in area.cast.engines["school"].state.pupils.of(COUNCIL)]
    assert [p["dateOfBirth"] for p in pupils if p["upn"] == child["upn"]] == ["2015-06-29"]


def test_an_answer_shows_at_the_hub(area: Area) -> None:
    """Who answered, who refused and why, and who was never asked."""
    made = answer_enquiry(area)
    shown = area.ask("mash", "GET", f"/v1/enquiries/{made['enquiryId']}").body["agenciesAsked"]
    assert [each["responseState"] for each in shown] == ["shared", "refused", *["waiting"] * 3]


def test_a_correlation_id_goes_from_end_to_end(area: Area) -> None:
    """One id leads from the hospital over the national service to the council."""
    headers = {"x-correlation-id": "journey-3"}
    patient = area.flagged_patient()
    child = {n: patient[n] for n in ("givenName", "dateOfBirth", "nhsNumber")}
    area.ask("health", "POST", "/v1/attendances", {**ATTENDANCE, "child": child}, headers=headers)
    posted = [(t.delivery.recipient, t.delivery.correlation_id) for t in area.cast.deliveries.posted()]
    assert posted == [("cp-is", "journey-3"), ("social-care", "journey-3")]


@pytest.mark.parametrize("custodian", ["social-care", "early-help", "school", "virtual-school", "health"])
def test_a_subject_access_request_reaches_each_custodian(area: Area, custodian: str) -> None:
    """With what they need to find their own data, and by when it is due."""
    request = {"requestId": FIRST_PUPIL, "dueBy": "2026-12-18", "child": SIAN}
    message = Message(custodian, "subject-access-request", request, "2026-11-18T09:30:00Z", COUNCIL)
    for delivery in connected("supplier-app", message):
        area.cast.deliveries.post(delivery)
    area.cast.clock.perform_due()
    (received,) = area.received(custodian, "receiveNotice")
    assert (received["child"], received["dueBy"]) == (SIAN, "2026-12-18")


def test_a_changed_number_is_notified_with_a_signature(area: Area) -> None:
    """The subscriber's own address has it once, signed with the keys that it shares with the register."""
    sent: list[Outgoing] = []

    def far(outgoing: Outgoing, done: Done) -> None:
        sent.append(outgoing)
        done(Reply(202))

    area.cast.far, area.cast.addresses["supplier-app"] = far, "https://supplier-app.joinedup.example"
    made = change_number(area)
    (outgoing,) = sent
    headers = {name.lower(): value for name, value in outgoing.headers.items()}
    ring = area.cast.deliveries.ring(f"identity-{COUNCIL.lower()}")
    assert verify(headers, outgoing.body, ring, area.cast.clock.seconds()) == headers["x-sui-delivery-id"]
    assert json.loads(outgoing.body)["nhsNumber"] == made["nhsNumber"]
    assert "authorization" not in headers


def test_a_subscriber_that_nobody_knows_is_never_called(area: Area) -> None:
    """A notification to an address that is not one of the area's waits in the register."""
    change_number(area)
    assert area.delivered() == []
    assert [m.kind for m in area.cast.engines["identity"].state.ledger.outbox] == ["nhs-number-changed"]


# --- partners that are away


def test_a_partner_that_was_away_for_a_day_has_everything_once_and_in_order(area: Area) -> None:
    """What the police recorded meanwhile waits, is not lost, not doubled, and comes as it happened."""
    area.cast.switch_outage("social-care", away=True)
    go_missing_and_return(area)
    raise_notice(area)
    area.cast.clock.advance(24 * 3600)
    assert {state for _, _, state in area.delivered()} == {str(State.WAITING)}
    area.cast.switch_outage("social-care", away=False)
    area.cast.clock.advance(600)
    assert {state for _, _, state in area.delivered()} == {"delivered"}
    kinds = [body["kind"] for body in area.received("social-care", "receiveNotice")]
    assert kinds == ["missing-child", "child-found"]
    assert len(area.received("social-care", "raiseContact")) == len(NOTICE["childrenInvolved"])


def test_a_delivery_that_comes_again_has_no_second_effect(area: Area) -> None:
    """It is known by its id: the recipient gives the same answer and keeps one record."""
    notify_school(area)
    exchange = list(area.cast.journal.exchanges("school"))[-1]
    before = len(list(area.cast.engines["school"].state.notifications))
    again = area.cast.engines["school"].answer(exchange.incoming)
    assert (again.status, again.body) == (exchange.answer.status, exchange.answer.body)
    assert len(list(area.cast.engines["school"].state.notifications)) == before


# --- what may go wrong


def _kinds(area: Area) -> list[str]:
    return [body["kind"] for body in area.received("social-care", "receiveNotice")]


def _through_an_outage(area: Area) -> None:
    area.cast.switch_outage("social-care", away=True)
    go_missing_and_return(area)
    area.cast.switch_outage("social-care", away=False)


# What is recorded, and what then shows a fault and shows nothing without it.
SHOWS: dict[str, tuple[Callable[[Area], object], Callable[[Area], object]]] = {
    "feedback-never-sent": (decide_referral, lambda area: area.received("school", "receiveNotice")),
    "correction-not-passed-on": (correct_child, lambda area: len(area.received("health", "receiveNotice"))),
    "legal-status-told-to-school": (
        come_into_care,
        lambda area: "C1" in str(area.received("school", "receiveNotice")),
    ),
    "offender-address-sent-to-school": (
        notify_school,
        lambda area: "Mock Avenue" in str(area.received("school", "receiveEncompassNotification")),
    ),
    "unrelated-council-told": (
        notify_school,
        lambda area: {t.delivery.area for t in area.cast.deliveries.posted()},
    ),
    "notice-delivered-twice": (raise_notice, lambda area: len(area.received("social-care", "raiseContact"))),
    "newer-notice-overtakes": (go_missing_and_return, _kinds),
    "notice-given-up-while-away": (_through_an_outage, _kinds),
}


@pytest.mark.parametrize("fault", SHOWS)
def test_a_fault_shows_at_the_recipient(fault: str) -> None:
    """With the fault the recipient's journal differs in what the fault says; the engines report no breach."""
    record, seen = SHOWS[fault]
    outcomes = []
    for area in (Area(), Area(fault)):
        record(area)
        area.cast.clock.advance(600)
        outcomes.append(seen(area))
        assert area.cast.breaches() == ()
    assert outcomes[0] != outcomes[1]


# --- the table itself


def test_every_translation_is_connected() -> None:
    """No way of saying something stands in the table that is never used."""
    assert set(CONNECTIONS) == set(TRANSLATIONS)


def test_agencies_that_are_kept_apart_add_nothing_to_each_other() -> None:
    """What one has for another stays with it, so that each can be judged by its callers alone."""
    area = Area(apart=True)
    raise_notice(area)
    assert area.delivered() == []
    assert len(area.cast.engines["police"].state.ledger.outbox) == 1
