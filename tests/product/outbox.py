"""
What the product tells its partners, in the words of their contracts, at once; and again with every later call, while
a partner is away.

Partners learn what they need: a decision without its reasons, that a child came into care without why.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from product.messages import Record, Request

ORIGINS = {
    **dict.fromkeys(("2A", "2B"), "school"),
    **dict.fromkeys(("3A", "3B", "3C", "3D", "3E", "3F"), "health"),
    "5D": "early-help",
}
PARTNER_NAMES = {
    "nhs_no": "nhsNumber",
    "pupil_no": "upn",
    "first_name": "givenName",
    "last_name": "familyName",
    "born_on": "dateOfBirth",
}
WHO = tuple(PARTNER_NAMES)
PUPIL = ("pupil_no", "first_name", "last_name", "born_on")
DUTY = {"officeHoursTelephone": "01632960200", "emergencyDutyTelephone": "01632960201"}


@dataclass(frozen=True)
class Letter:
    """
    One request to a partner.

    Args:
        council: in whose name it is sent.
        attempt: how often it was tried.
    """

    to: str
    path: str
    body: Record
    council: str
    headers: Record
    attempt: int = 0


# Sends a letter and says whether it is settled: taken in, or refused for good.
Send = Callable[[Letter], bool]


@dataclass
class Outbox:
    """What is to be told, in order."""

    send: Send
    waiting: list[Letter] = field(default_factory=list)
    told: dict[str, set[str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget what was to be told."""
        self.waiting.clear()
        self.told.clear()

    def flush(self) -> None:
        """Try everything that waits; behind one that cannot be sent, what its recipient is told later waits too."""
        away: set[str] = set()
        left = []
        for letter in self.waiting:
            if letter.to in away or not self.send(letter):
                away.add(letter.to)
                left.append(replace(letter, attempt=letter.attempt + 1))
        self.waiting = left

    def _post(self, request: Request, to: str, path: str, body: Record) -> None:
        headers = {
            "Sharing-Purpose": request.headers.get("x-access-reason", "SAFEGUARDING"),
            "Lawful-Basis": request.headers.get("x-legal-gateway", "public-task"),
            "X-Correlation-ID": request.headers.get("x-trace-reference", ""),
            "X-Request-ID": str(uuid.uuid4()),
        }
        kept = {name: value for name, value in headers.items() if value}
        self.waiting.append(Letter(to, path, body, request.council, kept))
        self.flush()

    def _notice(self, request: Request, to: str, kind: str, **said: object) -> None:
        told = {name: value for name, value in said.items() if value}
        at = request.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"kind": kind, "sender": "social-care", "occurredAt": at, **told}
        self._post(request, to, "/v1/notices", body)

    def tell_origin(self, request: Request, intake: Record, outcome: Record) -> None:
        """Whoever made contact learns what was decided, and not why."""
        to = ORIGINS.get(intake["origin_code"])
        if to:
            self._notice(
                request,
                to,
                "referral-decided",
                reference=intake["intake_ref"],
                outcome=outcome["outcome"]["name"],
            )

    def upload(self, request: Request, plan: Record, person: Record) -> None:
        """The national service learns that a plan began or ended."""
        dates = {
            "startDate": plan["begins_on"],
            **({"endDate": plan["ends_on"]} if "ends_on" in plan else {}),
        }
        if "nhs_no" in person:
            record = {"planType": "CPP", "nhsNumber": person["nhs_no"], **dates}
            self._post(request, "cp-is", "/v1/uploads", {"contacts": DUTY, "records": [record]})

    def tell_of_care(self, request: Request, care: Record, person: Record) -> None:
        """Virtual school, school and health learn that a child is looked after."""
        self.told.setdefault(person["person_ref"], set()).update(("virtual-school", "school", "health"))
        if "pupil_no" in person:
            pupil = {
                "child": _partner(person, PUPIL),
                "startOfCare": care["from_date"],
                "legalStatus": care["status_code"],
            }
            self._post(request, "virtual-school", "/v1/looked-after-notifications", pupil)
            child = _partner(person, PUPIL)
            self._notice(request, "school", "care-started", child=child, reference=care["care_ref"])
        note = f"An initial health assessment is due; care started on {care['from_date']}."
        child = _partner(person, ("first_name", "last_name", "born_on", "nhs_no"))
        self._notice(request, "health", "care-started", child=child, reference=care["care_ref"], note=note)

    def tell_of_move(self, request: Request, move: Record, council: str) -> None:
        """Once a move is accepted, the new council says so nationally."""
        person = move["person"]
        if move["stage"] == "accepted" and "nhs_no" in person:
            record = {
                "planType": "CPP",
                "nhsNumber": person["nhs_no"],
                "startDate": move["accepted_at"][:10],
                "transferredFrom": council,
            }
            self._post(request, "cp-is", "/v1/uploads", {"contacts": DUTY, "records": [record]})

    def tell_of_correction(self, request: Request, before: Record, after: Record) -> None:
        """Everyone who was told of a child learns what is right."""
        if any(before.get(name) != after.get(name) for name in WHO):
            former = before.get("nhs_no")
            for to in sorted(self.told.get(before["person_ref"], ())):
                self._notice(
                    request,
                    to,
                    "person-corrected",
                    child=_partner({**before, **after}, WHO),
                    formerNhsNumber=former if former != after.get("nhs_no") else None,
                )

    def ask_custodians(self, request: Request, asked: Record, custodians: tuple[str, ...]) -> None:
        """Whoever asks the council need not know who else holds records: the council asks them in turn."""
        for to in custodians:
            child = _partner(request.body["person"], WHO)
            self._notice(
                request,
                to,
                "subject-access-request",
                child=child,
                reference=asked["request_ref"],
                dueBy=asked["answer_by"],
            )

    def pass_on(self, request: Request, message: Record, person: Record) -> None:
        """The virtual school of a looked-after child learns that it is missing, or was found."""
        child = _partner(person, PUPIL)
        self._notice(
            request, "virtual-school", message["topic"], child=child, reference=message.get("their_ref")
        )


def _partner(person: Record, names: tuple[str, ...]) -> Record:
    return {PARTNER_NAMES[name]: person[name] for name in names if person.get(name)}
