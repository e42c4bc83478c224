"""
People: who they are, who looked at them, what partners say of them, and what they may know of themselves.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from product import rules
from product.caseload import Caseload, not_stale, paged, part, shown
from product.messages import Record, RefusedError, Request

SHIELDED = ("address", "telephone")
EXTRACTS = {
    "status-only": ("person_ref", "standing"),
    "safeguarding": (
        *("person_ref", "standing", "first_name", "last_name", "born_on", "key_worker", "lead_council"),
    ),
    "pathway": ("person_ref", "standing", "first_name", "last_name", "key_worker"),
}
PASSED_ON = ("missing-child", "child-found")
ADULT, END_OF_PATHWAY = 18, 25
SAFEGUARDING, LEAVING_CARE = "SAFEGUARDING", "LEAVING_CARE"
# What of an intake a person is not given, with the exemption of each.
HELD_BACK = {"origin": "third-party", "narrative": "serious-harm-social-work"}
CUSTODIANS = ("health", "school")


# --- people


def look_up(kept: Caseload, request: Request) -> tuple[int, Record]:
    """People of whom everything that is given is true."""
    wanted = {name: _plain(value) for name, value in request.body.items()}
    found = []
    for person in kept.own("people", request.council):
        home = {} if person["is_shielded"] else person.get("address", {})
        held = {**person, **part(home, ("post_code",))}
        if all(_plain(held.get(name)) == value for name, value in wanted.items()):
            _log(kept, request, person["person_ref"])
            found.append(person)
    return 200, {"people": [part(p, ("person_ref", "first_name", "last_name", "born_on")) for p in found]}


def _plain(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


def _log(kept: Caseload, request: Request, person_ref: str, result: str = "disclosed") -> None:
    line = {
        "seen_at": rules.stamp(request.now),
        "by_council": request.council,
        "action": request.operation,
        "result": result,
        **{
            name: request.headers[header]
            for name, header in (("reason", "x-access-reason"), ("gateway", "x-legal-gateway"))
            if header in request.headers
        },
    }
    if "access_not_logged" not in kept.defects:
        kept.records.setdefault("log", {})[str(uuid.uuid4())] = {**line, "_person": person_ref}


def _seen(kept: Caseload, request: Request) -> Record:
    reference = request.names["person_ref"]
    try:
        person = kept.find("people", reference, request.council)
    except RefusedError:
        _log(kept, request, reference, "refused")
        raise
    _log(kept, request, reference)
    return person


def _without_whereabouts(person: Record) -> Record:
    return {n: v for n, v in person.items() if not (person["is_shielded"] and n in SHIELDED)}


def show_person(kept: Caseload, request: Request) -> tuple[int, Record]:
    """A person; of a shielded one nothing that says where it is, and of somebody who came of age no child's record."""
    person = _seen(kept, request)
    if _age(person, request) >= ADULT and request.headers.get("x-access-reason") == SAFEGUARDING:
        _log(kept, request, person["person_ref"], "refused")
        raise RefusedError(403, "of_age", "The person is no child any more.")
    return 200, person if "shield_forgotten" in kept.defects else _without_whereabouts(person)


def show_extract(kept: Caseload, request: Request) -> tuple[int, Record]:
    """As much of a person as is needed; what a pathway needs until it ends."""
    person, depth = _without_whereabouts(_seen(kept, request)), request.names["depth"]
    if depth == "pathway" and not _is_on_pathway(person, request):
        raise RefusedError(403, "no_pathway", "There is no pathway, or it has ended.")
    names = [*EXTRACTS.get(depth, tuple(person)), *(("address",) if _shows_too_much(kept, depth) else ())]
    return 200, {"depth": depth, **part(person, names)}


def _shows_too_much(kept: Caseload, depth: str) -> bool:
    return depth == "pathway" and "pathway_shows_address" in kept.defects


def _is_on_pathway(person: Record, request: Request) -> bool:
    wanted = request.headers.get("x-access-reason") == LEAVING_CARE and person["standing"] == "care-leaver"
    return wanted and _age(person, request) < END_OF_PATHWAY


def _age(person: Record, request: Request) -> int:
    """Years; 0 where nobody knows the birthday."""
    return rules.years_since(person["born_on"], request.now) if "born_on" in person else 0


def amend_person(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Change part of a person, and tell those who were told what was wrong."""
    person = _seen(kept, request)
    if person["lead_council"] != request.council:
        raise RefusedError(403, "not_yours_now", "The council that the child moved to keeps the record.")
    not_stale(person, request)
    after = kept.change("people", "person_ref", person, **request.body["changes"])
    kept.outbox.tell_of_correction(request, person, after)
    return 200, _without_whereabouts(after)


def access_log(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Who looked at a person."""
    person = kept.find("people", request.names["person_ref"], request.council)
    lines = kept.records.get("log", {}).values()
    found = [shown(line) for line in lines if line["_person"] == person["person_ref"]]
    return paged(request, found, ("seen_at", "by_council", "action", "reason", "gateway", "result"))


# --- messages


def take_message(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Take in what a partner tells; that a looked-after child is missing or was found, its virtual school hears."""
    received = {**request.body, "received_at": rules.stamp(request.now)}
    made = kept.keep("messages", request.council, received, "message_ref")
    if made["topic"] in PASSED_ON:
        named = made.get("person", {})
        keys = ("nhs_no",) if "nhs_no" in named else ("first_name", "last_name", "born_on")
        people = kept.own("people", request.council)
        found = [p for p in people if named and part(p, keys) == part(named, keys)]
        if len(found) == 1 and found[0]["standing"] == "looked-after":
            kept.outbox.pass_on(request, made, found[0])
    return 201, made


# --- what people may know of themselves


def ask_for_own(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Take in that somebody asks what is held about them, and answer where it is certain who asks."""
    asked = {"stage": "waiting-for-proof", "asked_at": rules.stamp(request.now), "told": [], "held_back": []}
    made = kept.keep("own_requests", request.council, asked, "request_ref")
    if not request.body["is_certain"]:
        return 201, made
    told, held_back = list(_told(kept, request)), list(_held_back(kept, request))
    answered = {
        "stage": "answered" if told else "nothing-held",
        "answer_by": rules.a_month_after(request.now),
        "told": told,
        "held_back": held_back,
    }
    made = kept.change("own_requests", "request_ref", made, **answered)
    kept.outbox.ask_custodians(request, made, CUSTODIANS)
    return 201, made


def _told(kept: Caseload, request: Request) -> Iterator[Record]:
    for person in _own(kept.own("people", request.council), request):
        yield _said("record", part(person, ("first_name", "last_name", "born_on", "standing")))
    for intake in kept.own("intakes", request.council):
        if _own([intake["person"]], request):
            names = ("logged_at", "stage") + (("narrative",) if "tells_who_told" in kept.defects else ())
            yield _said("contact", part(intake, names))


def _held_back(kept: Caseload, request: Request) -> Iterator[Record]:
    intakes = [i for i in kept.own("intakes", request.council) if _own([i["person"]], request)]
    kinds = {"origin": "source", "narrative": "reason"}
    yield from ({"kind": kinds[n], "exemption": why} for _ in intakes for n, why in HELD_BACK.items())


def _own(people: list[Record], request: Request) -> list[Record]:
    """Those who have a number of whoever asks; a name is not enough."""
    asks = request.body["person"]
    return [p for p in people if any(n in asks and p.get(n) == asks[n] for n in ("nhs_no", "pupil_no"))]


def _said(kind: str, record: Record) -> Record:
    return {"kind": kind, "text": "; ".join(f"{name}: {value}" for name, value in record.items())}
