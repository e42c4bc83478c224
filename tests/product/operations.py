"""
What the product does for each operation of its contract.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from product import care, caseload, people
from product.caseload import CODES, Caseload, paged
from product.messages import Record, RefusedError, Request


def code_of(kept: Caseload, request: Request) -> tuple[int, Record]:
    """The product's code for a national name."""
    codes = CODES.get(request.names["list"], {})
    if request.names["name"] not in codes:
        raise RefusedError(404, "not_found", "There is no such code.")
    return 200, {"name": request.names["name"], "code": codes[request.names["name"]]}


def _shows(kind: str, key: str, kept: Caseload, request: Request) -> tuple[int, Record]:
    return 200, kept.find(kind, request.names[key], request.council)


def _lists(kind: str, names: tuple[str, ...], kept: Caseload, request: Request) -> tuple[int, Record]:
    return paged(request, kept.own(kind, request.council), names)


def show_status(kept: Caseload, request: Request) -> tuple[int, Record]:
    """How the product is."""
    return 200, {"state": "read-only" if kept.is_read_only else "available"}


# --- the test environment, which no live one has


def set_clock(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Take a moment for the present; what waits for partners is tried again."""
    kept.moment.stand_at(request.body["now"])
    kept.outbox.flush()
    return 200, {"now": request.body["now"]}


def reset_data(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Begin anew, at the present that everybody has."""
    kept.moment.run()
    kept.is_read_only = False
    kept.reset()
    return 200, {"now": request.now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def set_read_only(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Let nothing be changed from now on, or everything again."""
    kept.is_read_only = request.body["is_read_only"]
    return 200, {"is_read_only": kept.is_read_only}


def take_snapshot(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Keep everything as it is."""
    return 201, {"snapshot_ref": kept.keep_all()}


def restore_snapshot(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Put everything back."""
    kept.put_back(request.body["snapshot_ref"])
    return 200, {"snapshot_ref": request.body["snapshot_ref"]}


Operation = Callable[[Caseload, Request], tuple[int, Record]]
OPERATIONS: dict[str, Operation] = {
    "log_intake": caseload.log_intake,
    "list_intakes": caseload.list_intakes,
    "show_intake": partial(_shows, "intakes", "intake_ref"),
    "show_case": caseload.show_case,
    "record_outcome": caseload.record_outcome,
    "show_outcome": partial(_shows, "outcomes", "outcome_ref"),
    "open_assessment": caseload.open_assessment,
    "show_assessment": caseload.show_assessment,
    "finish_assessment": caseload.finish_assessment,
    "hold_meeting": caseload.hold_meeting,
    "show_meeting": partial(_shows, "meetings", "meeting_ref"),
    "hold_conference": caseload.hold_conference,
    "show_conference": partial(_shows, "conferences", "conference_ref"),
    "open_plan": caseload.open_plan,
    "show_plan": partial(_shows, "plans", "plan_ref"),
    "close_plan": caseload.close_plan,
    "open_care": care.open_care,
    "show_care": partial(_shows, "care", "care_ref"),
    "add_home": care.add_home,
    "offer_move": care.offer_move,
    "show_move": care.show_move,
    "accept_move": care.accept_move,
    "list_people": partial(_lists, "people", ("person_ref", "standing", "revision")),
    "look_up_people": people.look_up,
    "show_person": people.show_person,
    "show_extract": people.show_extract,
    "amend_person": people.amend_person,
    "access_log": people.access_log,
    "list_messages": partial(_lists, "messages", ("message_ref", "topic", "from_system", "received_at")),
    "take_message": people.take_message,
    "show_message": partial(_shows, "messages", "message_ref"),
    "code_of": code_of,
    "offer_interview": care.offer_interview,
    "show_interview": care.show_interview,
    "answer_interview": care.answer_interview,
    "ask_for_own": people.ask_for_own,
    "show_own_request": partial(_shows, "own_requests", "request_ref"),
    "show_status": show_status,
    "set_clock": set_clock,
    "set_read_only": set_read_only,
    "reset_data": reset_data,
    "take_snapshot": take_snapshot,
    "restore_snapshot": restore_snapshot,
}
