"""
What the product keeps and the rules it keeps it by: intakes, people, cases, assessments, meetings, plans, care, moves.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from joinedup.mocks.people import Person, children
from product import rules
from product.messages import Record, RefusedError, Request
from product.outbox import Outbox

COUNCILS = ("E09000001", "E09000002")
PEOPLE_EACH = 9
PAGE_SIZE = 25
SHIELDED = ("address", "telephone")
STANDINGS = (
    *("child-in-need", "child-protection-plan", "looked-after", "early-help"),
    *("care-leaver", "closed", "none"),
)
# National names by the product's own codes.
CODES: dict[str, dict[str, Any]] = {
    "priority": {"immediate": 1, "same-day": 2, "routine": 3},
    "outcome": {
        "immediate-protection": "IMM",
        "section-47-enquiry": "S47",
        "assessment": "ASM",
        "early-help": "EHM",
        "other-service": "OTH",
        "no-further-action": "NFA",
    },
}
EXTRACTS = {
    "status-only": ("person_ref", "standing"),
    "safeguarding": (
        *("person_ref", "standing", "first_name", "last_name", "born_on", "key_worker", "lead_council"),
    ),
}
NEEDED_PAPERS = {"plan", "report", "assessment", "chronology"}
PASSED_ON = ("missing-child", "child-found")


@dataclass
class Caseload:
    """
    The product's state.

    Args:
        outbox: what it tells partners.
        defects: names of ``product.defects``.
    """

    outbox: Outbox
    defects: frozenset[str] = frozenset()
    records: dict[str, dict[str, Record]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget everything but the people whom the councils know."""
        self.records = {}
        self.outbox.reset()
        for place, council in enumerate(COUNCILS):
            for index, person in enumerate(children(1, place, PEOPLE_EACH)):
                record = {"person_ref": person_ref(council, index), **_person(person, council, index)}
                self.keep("people", council, record, "person_ref")

    def keep(self, kind: str, council: str, record: Record, key: str) -> Record:
        """Keep a new record under a reference of its own."""
        made = {key: str(uuid.uuid4()), **record, "revision": 1}
        self.records.setdefault(kind, {})[made[key]] = {**made, "_council": council}
        return made

    def change(self, kind: str, key: str, record: Record, **changes: Any) -> Record:
        """Replace part of a record."""
        kept = self.records[kind][record[key]]
        kept.update(changes, revision=kept["revision"] + 1)
        return shown(kept)

    def find(self, kind: str, reference: str, council: str) -> Record:
        """A council's own record; another's is not there."""
        found = self.records.get(kind, {}).get(reference)
        if found is None or found["_council"] != council:
            raise RefusedError(404, "not_found", "There is nothing of that reference.")
        return shown(found)

    def own(self, kind: str, council: str) -> list[Record]:
        """A council's records of a kind, oldest first."""
        return [shown(r) for r in self.records.get(kind, {}).values() if r["_council"] == council]


def person_ref(council: str, index: int) -> str:
    """What the product calls the so-manieth person of a council, from 0."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://caseload.example/{council}/{index}"))


def shown(record: Record) -> Record:
    """A record without what only the product needs."""
    return {name: value for name, value in record.items() if not name.startswith("_")}


def _person(person: Person, council: str, index: int) -> Record:
    record = {
        "council_number": f"{council[-1]}/{index + 1:04d}",
        "nhs_no": person.nhs_number,
        "pupil_no": person.upn,
        "first_name": person.given_name,
        "last_name": person.family_name,
        "gender": person.sex,
        "born_on": person.date_of_birth,
        "address": {"street": person.line1, "town": "Exampleton", "post_code": person.postcode},
        "telephone": person.telephone,
        "standing": STANDINGS[index % len(STANDINGS)],
        "key_worker": "K. Worker",
        "lead_council": council,
        "is_shielded": index == 2,
    }
    return {name: value for name, value in record.items() if value is not None}


def paged(request: Request, records: Iterable[Record], names: tuple[str, ...]) -> tuple[int, Record]:
    """One page by offset."""
    rows = [part(record, names) for record in records]
    offset, size = int(request.query.get("offset", 0)), int(request.query.get("page_size", PAGE_SIZE))
    return 200, {"total": len(rows), "offset": offset, "rows": rows[offset : offset + size]}


def part(record: Record, names: Iterable[str]) -> Record:
    """Some of a record's values."""
    return {name: record[name] for name in names if name in record}


# --- intakes and cases


def log_intake(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Take in what somebody tells about a child, and open a case."""
    now = rules.stamp(request.now)
    said = dict(request.body)
    if "narrative_cut" in kept.defects:
        said["narrative"] = said["narrative"][:20]
    priority = next(name for name, code in CODES["priority"].items() if code == said["priority_code"])
    del said["priority_code"]
    opened = {"stage": "waiting", "logged_at": now, "decide_by": _due(kept, request.now, rules.DECISION)}
    case = kept.keep("cases", request.council, opened, "case_ref")
    intake = {
        **said,
        "priority": {"code": CODES["priority"][priority], "name": priority},
        "case_ref": case["case_ref"],
        "stage": "received",
        "logged_at": now,
    }
    made = kept.keep("intakes", request.council, intake, "intake_ref")
    kept.change("cases", "case_ref", case, intake_ref=made["intake_ref"])
    return 201, made


def _due(kept: Caseload, start: datetime, days: int) -> str:
    return rules.due(start, days, bank_holidays="bank_holidays_worked" not in kept.defects)


def list_intakes(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Intakes, without what they say of anybody."""
    since = datetime.fromisoformat(request.query.get("since", "1970-01-01T00:00:00Z"))
    found = [
        r for r in kept.own("intakes", request.council) if datetime.fromisoformat(r["logged_at"]) >= since
    ]
    names = ("intake_ref", "case_ref", "origin_code", "priority", "stage", "logged_at", "revision")
    return paged(request, found, names)


def show_case(kept: Caseload, request: Request) -> tuple[int, Record]:
    """A case, and whether somebody should have decided by now."""
    case = kept.find("cases", request.names["case_ref"], request.council)
    late = case["stage"] == "waiting" and request.now >= datetime.fromisoformat(case["decide_by"])
    return 200, {**case, "is_late": _answer(kept, late)}


def _answer(kept: Caseload, late: bool) -> bool | str:
    return ("yes" if late else "no") if "lateness_in_words" in kept.defects else late


def record_outcome(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Record what was decided, and tell whoever made contact."""
    case = kept.find("cases", request.names["case_ref"], request.council)
    code = request.body["outcome_code"]
    outcome = {
        "case_ref": case["case_ref"],
        "outcome": {"code": code, "name": next(n for n, c in CODES["outcome"].items() if c == code)},
        **part(request.body, ("rationale", "manager")),
        "recorded_at": rules.stamp(request.now),
    }
    made = kept.keep("outcomes", request.council, outcome, "outcome_ref")
    kept.change("cases", "case_ref", case, stage="decided", _closed=code == "NFA")
    intake = kept.find("intakes", case["intake_ref"], request.council)
    kept.change("intakes", "intake_ref", intake, stage="decided")
    if "origin_not_told" not in kept.defects:
        kept.outbox.tell_origin(request, intake, made)
    return 201, made


def _open_case(kept: Caseload, request: Request) -> Record:
    case = kept.find("cases", request.names["case_ref"], request.council)
    if kept.records["cases"][case["case_ref"]].get("_closed"):
        raise RefusedError(409, "case_closed", "The case was closed without action.")
    return case


# --- assessments


def open_assessment(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Begin an assessment."""
    case = _open_case(kept, request)
    opened = {
        "case_ref": case["case_ref"],
        "assessor": request.body["assessor"],
        "stage": "open",
        "opened_at": rules.stamp(request.now),
        "finish_by": _due(kept, datetime.fromisoformat(case["logged_at"]), rules.ASSESSMENT),
        "is_late": False,
    }
    return 201, kept.keep("assessments", request.council, opened, "assessment_ref")


def show_assessment(kept: Caseload, request: Request) -> tuple[int, Record]:
    """An assessment, and whether it should be finished by now."""
    found = kept.find("assessments", request.names["assessment_ref"], request.council)
    late = found["stage"] == "open" and request.now >= datetime.fromisoformat(found["finish_by"])
    return 200, {**found, "is_late": late}


def finish_assessment(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Finish an assessment."""
    found = kept.find("assessments", request.names["assessment_ref"], request.council)
    _not_stale(found, request)
    factors = request.body["factor_codes"]
    if "21" in factors and len(factors) > 1:
        raise RefusedError(422, "contradiction", "None stands alone.", "factor_codes")
    result = part(request.body, ("result", "factor_codes"))
    finished = {**result, "stage": "complete", "finished_at": rules.stamp(request.now)}
    return 200, kept.change("assessments", "assessment_ref", found, **finished)


def _not_stale(record: Record, request: Request) -> None:
    if request.body["based_on"] != record["revision"]:
        raise RefusedError(412, "changed_since", "Somebody has changed it since.", "based_on")


# --- meetings, conferences, plans


def hold_meeting(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Record a strategy meeting."""
    case = _open_case(kept, request)
    held = datetime.fromisoformat(request.body["met_at"])
    if held < datetime.fromisoformat(case["logged_at"]):
        raise RefusedError(422, "order", "A meeting comes after the intake.", "met_at")
    meeting = {"case_ref": case["case_ref"], **request.body}
    if request.body["conclusion"] == "section-47-enquiry":
        meeting["confer_by"] = _due(kept, held, rules.CONFERENCE)
    return 201, kept.keep("meetings", request.council, meeting, "meeting_ref")


def hold_conference(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Record a child protection conference."""
    meeting = kept.find("meetings", request.names["meeting_ref"], request.council)
    if "confer_by" not in meeting:
        raise RefusedError(409, "no_enquiry", "The meeting started no enquiry.")
    day = request.body["met_on"]
    if datetime.fromisoformat(day).weekday() >= rules.SATURDAY:
        raise RefusedError(422, "weekend", "Nobody confers on a weekend.", "met_on")
    if day < meeting["met_at"][:10]:
        raise RefusedError(422, "order", "A conference comes after its meeting.", "met_on")
    conference = {
        "meeting_ref": meeting["meeting_ref"],
        **request.body,
        "confer_by": meeting["confer_by"],
        "was_late": day > rules.last_day(meeting["confer_by"]),
    }
    return 201, kept.keep("conferences", request.council, conference, "conference_ref")


def open_plan(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Begin a protection plan, and upload it to the national service."""
    person = _named(kept, request, "people", "person_ref")
    conference = _named(kept, request, "conferences", "conference_ref")
    if conference["conclusion"] != "child-protection-plan":
        raise RefusedError(409, "no_plan", "The conference decided on no plan.")
    if request.body["begins_on"] != conference["met_on"] and "plan_begins_any_day" not in kept.defects:
        raise RefusedError(422, "order", "A plan begins on the day on which the conference met.", "begins_on")
    plans = kept.own("plans", request.council)
    if any(plan["person_ref"] == person["person_ref"] and plan["stage"] == "open" for plan in plans):
        raise RefusedError(409, "plan_open", "There is an open plan.")
    plan = kept.keep("plans", request.council, {**request.body, "stage": "open"}, "plan_ref")
    kept.change("people", "person_ref", person, standing="child-protection-plan")
    kept.outbox.upload(request, plan, person)
    return 201, plan


def close_plan(kept: Caseload, request: Request) -> tuple[int, Record]:
    """End a protection plan."""
    plan = kept.find("plans", request.names["plan_ref"], request.council)
    if plan["stage"] != "open":
        raise RefusedError(409, "plan_closed", "The plan has ended.")
    if request.body["ends_on"] < plan["begins_on"]:
        raise RefusedError(422, "order", "A plan does not end before it begins.", "ends_on")
    closed = kept.change("plans", "plan_ref", plan, **request.body, stage="ended")
    person = kept.find("people", plan["person_ref"], request.council)
    kept.change("people", "person_ref", person, standing="child-in-need")
    kept.outbox.upload(request, closed, person)
    return 201, closed


def _named(kept: Caseload, request: Request, kind: str, name: str) -> Record:
    try:
        return kept.find(kind, request.body[name], request.council)
    except RefusedError:
        raise RefusedError(422, "unknown", "There is nothing of that reference.", name) from None


# --- care


def open_care(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Begin to look after a child, and tell whoever works with it."""
    person = _named(kept, request, "people", "person_ref")
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
        "confer_by": _due(kept, request.now, rules.MOVE),
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
    """A person; of a shielded one nothing that says where it is."""
    return 200, _without_whereabouts(_seen(kept, request))


def show_extract(kept: Caseload, request: Request) -> tuple[int, Record]:
    """As much of a person as is needed."""
    person, depth = _without_whereabouts(_seen(kept, request)), request.names["depth"]
    return 200, {"depth": depth, **part(person, EXTRACTS.get(depth, tuple(person)))}


def amend_person(kept: Caseload, request: Request) -> tuple[int, Record]:
    """Change part of a person, and tell those who were told what was wrong."""
    person = _seen(kept, request)
    _not_stale(person, request)
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


Operation = Callable[[Caseload, Request], tuple[int, Record]]
OPERATIONS: dict[str, Operation] = {
    "log_intake": log_intake,
    "list_intakes": list_intakes,
    "show_intake": partial(_shows, "intakes", "intake_ref"),
    "show_case": show_case,
    "record_outcome": record_outcome,
    "show_outcome": partial(_shows, "outcomes", "outcome_ref"),
    "open_assessment": open_assessment,
    "show_assessment": show_assessment,
    "finish_assessment": finish_assessment,
    "hold_meeting": hold_meeting,
    "show_meeting": partial(_shows, "meetings", "meeting_ref"),
    "hold_conference": hold_conference,
    "show_conference": partial(_shows, "conferences", "conference_ref"),
    "open_plan": open_plan,
    "show_plan": partial(_shows, "plans", "plan_ref"),
    "close_plan": close_plan,
    "open_care": open_care,
    "show_care": partial(_shows, "care", "care_ref"),
    "add_home": add_home,
    "offer_move": offer_move,
    "show_move": show_move,
    "accept_move": accept_move,
    "list_people": partial(_lists, "people", ("person_ref", "standing", "revision")),
    "look_up_people": look_up,
    "show_person": show_person,
    "show_extract": show_extract,
    "amend_person": amend_person,
    "access_log": access_log,
    "list_messages": partial(_lists, "messages", ("message_ref", "topic", "from_system", "received_at")),
    "take_message": take_message,
    "show_message": partial(_shows, "messages", "message_ref"),
    "code_of": code_of,
}
