"""
Children in care and children who move: care periods, homes, moves between councils, interviews after going missing.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from product import rules
from product.caseload import Caseload, due_by, named, not_stale, part, shown
from product.messages import Record, RefusedError, Request

NEEDED_PAPERS = {"plan", "report", "assessment", "chronology"}
LISTENED_TO_WITHIN = timedelta(hours=72)


# --- care


def open_care(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Begin to look after a child, and tell whoever works with it."""
    person = named(kept, request, "people", "person_ref")
    periods = kept.own("care", request.council)
    if any(each["person_ref"] == person["person_ref"] and each["stage"] == "open" for each in periods):
        raise RefusedError(409, "in_care", "The child is looked after already.")
    made = kept.keep("care", request.council, {**request.body, "stage": "open", "homes": []}, "care_ref")
    kept.change("people", "person_ref", person, standing="looked-after")
    kept.outbox.tell_of_care(request, made, person)
    return 201, made


def add_home(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Record where a looked-after child lives."""
    care = kept.find("care", request.names["care_ref"], request.council)
    if request.body["from_date"] < care["from_date"]:
        raise RefusedError(422, "order", "A child is not placed before it is in care.", "from_date")
    home = {"home_ref": str(uuid.uuid4()), **request.body, "noted_at": rules.stamp(request.now)}
    return 201, kept.change("care", "care_ref", care, homes=[*care["homes"], home])


# --- moves


def offer_move(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Hand over the papers of a child who moves."""
    if request.body["to_council"] == request.council:
        raise RefusedError(422, "same", "A child moves to another council.", "to_council")
    missing = NEEDED_PAPERS - set(request.body["paper_kinds"])
    if missing:
        raise RefusedError(
            422, "incomplete", f"Papers are missing: {', '.join(sorted(missing))}.", "paper_kinds"
        )
    offered = {
        **request.body,
        "from_council": request.council,
        "lead_council": request.council,
        "stage": "offered",
        "offered_at": rules.stamp(request.now),
        "confer_by": due_by(kept, request.now, rules.MOVE),
    }
    made = kept.keep("moves", request.council, offered, "move_ref")
    kept.outbox.tell_of_move(request, made, made["to_council"])
    _take_note(kept, made["to_council"], request, made)
    return 201, made


def show_move(kept: Caseload, request: Request) -> tuple[int, Record]:
    """A move, to either council."""
    return 200, _move(kept, request)


def accept_move(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Take over the responsibility."""
    move = _move(kept, request)
    if request.council != move["to_council"]:
        raise RefusedError(403, "not_yours", "Only the council that the child moves to accepts.")
    if move["stage"] == "accepted":
        raise RefusedError(409, "accepted", "The move was accepted.")
    accepted = kept.change(
        "moves",
        "move_ref",
        move,
        stage="accepted",
        lead_council=request.council,
        accepted_at=rules.stamp(request.now),
        **request.body,
    )
    for person in kept.own("people", move["from_council"]):
        if person.get("nhs_no") == move["person"].get("nhs_no"):
            kept.change("people", "person_ref", person, lead_council=request.council)
    kept.outbox.tell_of_move(request, accepted, move["from_council"])
    _take_note(kept, move["from_council"], request, accepted)
    return 201, accepted


def _take_note(kept: Caseload, council: str, request: Request, move: Record) -> None:
    """The other council uses the same product, and finds a message in it."""
    note = {
        "topic": f"transfer-{move['stage']}",
        "from_system": "social-care",
        "happened_at": rules.stamp(request.now),
        "their_ref": move["move_ref"],
        "person": part(move["person"], ("first_name", "last_name", "born_on", "nhs_no", "pupil_no")),
        "act_by": move["confer_by"][:10],
        "received_at": rules.stamp(request.now),
    }
    kept.keep("messages", council, note, "message_ref")


def _move(kept: Caseload, request: Request) -> Record:
    move = kept.records.get("moves", {}).get(request.names["move_ref"])
    if move is not None and request.council in (move["from_council"], move["to_council"]):
        return shown(move)
    raise RefusedError(404, "not_found", "There is nothing of that reference.")


# --- interviews after going missing


def offer_interview(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Offer to listen to a child who was missing and is back, within 72 hours by the clock."""
    person = kept.find("people", request.names["person_ref"], request.council)
    back = datetime.fromisoformat(request.body["back_at"])
    offered = {
        "person_ref": person["person_ref"],
        "stage": "offered",
        "back_at": rules.stamp(back),
        "offered_at": rules.stamp(request.now),
        "hold_by": rules.stamp(back + LISTENED_TO_WITHIN),
        "is_late": False,
    }
    return 201, kept.keep("interviews", request.council, offered, "interview_ref")


def show_interview(kept: Caseload, request: Request) -> tuple[int, Record]:
    """An interview, and whether somebody should have listened by now."""
    return 200, _timed(kept.find("interviews", request.names["interview_ref"], request.council), request.now)


def _timed(interview: Record, now: datetime) -> Record:
    waits = interview["stage"] in ("offered", "accepted")
    return {**interview, "is_late": waits and now >= datetime.fromisoformat(interview["hold_by"])}


def answer_interview(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Record that the child accepted or declined, or that somebody listened."""
    interview = kept.find("interviews", request.names["interview_ref"], request.council)
    not_stale(interview, request)
    stage = request.body["stage"]
    changes = {"stage": stage, f"{stage}_at": rules.stamp(request.now), **part(request.body, ("listener",))}
    return 200, _timed(kept.change("interviews", "interview_ref", interview, **changes), request.now)
