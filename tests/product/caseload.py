"""
What the product keeps, and the rules by which it works on a case: intakes, assessments, meetings, plans.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joinedup.mocks.people import Person, children, formers
from product import rules
from product.messages import Record, RefusedError, Request
from product.moments import Moment
from product.outbox import Outbox

COUNCILS = ("E09000001", "E09000002")
PEOPLE_EACH = 9
PAGE_SIZE = 25
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


@dataclass
class Caseload:
    """
    The product's state.

    Args:
        outbox: what it tells partners.
        moment: what time it is.
        defects: names of deliberate mistakes.
    """

    outbox: Outbox
    moment: Moment = field(default_factory=Moment)
    defects: frozenset[str] = frozenset()
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    is_read_only: bool = False
    snapshots: dict[str, dict[str, dict[str, Record]]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget everything but the people whom the councils know."""
        self.records = {}
        self.snapshots = {}
        self.outbox.reset()
        for place, council in enumerate(COUNCILS):
            for index, person in enumerate(children(1, place, PEOPLE_EACH)):
                record = {"person_ref": person_ref(council, index), **_person(person, council, index)}
                self.keep("people", council, record, "person_ref")
            for number, (before, _) in enumerate(formers(1, place, PEOPLE_EACH), PEOPLE_EACH):
                record = {"person_ref": person_ref(council, number), **_person(before, council, number)}
                self.keep("people", council, record, "person_ref")
        meeting = {"met_at": "2026-11-12T10:00:00Z", "conclusion": "section-47-enquiry"}
        self.keep("meetings", COUNCILS[0], {"meeting_ref": seeded_ref("meeting"), **meeting}, "meeting_ref")
        conference = {"met_on": "2026-11-18", "conclusion": "child-protection-plan"}
        named = {"conference_ref": seeded_ref("conference"), "meeting_ref": seeded_ref("meeting")}
        self.keep("conferences", COUNCILS[0], {**named, **conference}, "conference_ref")

    def keep_all(self) -> str:
        """Keep everything as it is; gives what it is put back by."""
        name = str(uuid.uuid4())
        self.snapshots[name] = copy.deepcopy(self.records)
        return name

    def put_back(self, name: str) -> None:
        """Put everything back as it was kept."""
        if name not in self.snapshots:
            raise RefusedError(422, "unknown", "There is no snapshot of that reference.", "snapshot_ref")
        self.records = copy.deepcopy(self.snapshots[name])

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


def seeded_ref(kind: str) -> str:
    """What the product calls the record of a kind that the first council has from the beginning."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://caseload.example/{kind}"))


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
    opened = {"stage": "waiting", "logged_at": now, "decide_by": due_by(kept, request.now, rules.DECISION)}
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


def due_by(kept: Caseload, start: datetime, days: int) -> str:
    """By when something is to be done, so many working days after a moment."""
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
        "finish_by": due_by(kept, datetime.fromisoformat(case["logged_at"]), rules.ASSESSMENT),
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
    not_stale(found, request)
    factors = request.body["factor_codes"]
    if "21" in factors and len(factors) > 1:
        raise RefusedError(422, "contradiction", "None stands alone.", "factor_codes")
    result = part(request.body, ("result", "factor_codes"))
    finished = {**result, "stage": "complete", "finished_at": rules.stamp(request.now)}
    return 200, kept.change("assessments", "assessment_ref", found, **finished)


def not_stale(record: Record, request: Request) -> None:
    """Refuse a change of what somebody else has changed since it was read."""
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
        meeting["confer_by"] = due_by(kept, held, rules.CONFERENCE)
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
    person = named(kept, request, "people", "person_ref")
    conference = named(kept, request, "conferences", "conference_ref")
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


def named(kept: Caseload, request: Request, kind: str, name: str) -> Record:
    """The record that a property of the body names."""
    try:
        return kept.find(kind, request.body[name], request.council)
    except RefusedError:
        raise RefusedError(422, "unknown", "There is nothing of that reference.", name) from None
