"""
The operations of the service, each at the place where its defects can be switched on.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.messages import Answer, Call, Crash, Refusal, reply
from service.paging import page
from service.schemas import NEEDS, ROLES
from service.store import Closure, Note, Referral, Store, practitioners, seeded
from service.styles import KEY_PATTERN, Style
from service.tokens import MANAGE, READ, WRITE, Caller
from service.validation import Validators, choice, matching

Parts = dict[str, str]
FOUND_AT_MOST = 50


@dataclass(frozen=True)
class Route:
    """One operation: where it is, what it is called, and the scope it needs; no scope means open to all."""

    method: str
    template: str
    operation: str
    scope: str = ""


def routes(style: Style) -> tuple[Route, ...]:
    """Every operation but that of the token endpoint, in the order of the contract."""
    return (
        Route("GET", "/v1/status", "get_status"),
        Route("GET", "/v1/referrals", "list_referrals", READ),
        Route("POST", "/v1/referrals", "create_referral", WRITE),
        Route("GET", "/v1/referrals/{referralId}", "read_referral", READ),
        Route(style.update, "/v1/referrals/{referralId}", "change_referral", WRITE),
        Route("DELETE", "/v1/referrals/{referralId}", "delete_referral", WRITE),
        Route("GET", "/v1/referrals/{referralId}/notes", "list_notes", READ),
        Route("POST", "/v1/referrals/{referralId}/notes", "create_note", WRITE),
        Route("POST", "/v1/referrals/{referralId}/closures", "close_referral", MANAGE),
        Route("GET", "/v1/closures/{closureId}", "read_closure", READ),
        Route("POST", "/v1/referral-searches", "search_referrals", READ),
        Route("GET", "/v1/practitioners", "list_practitioners", READ),
    )


def etag(referral: Referral, defects: frozenset[str]) -> str:
    """The entity tag of a referral as it is now."""
    version = 1 if "etag-unchanged-after-change" in defects else referral.version
    return '"' + hashlib.sha256(f"{referral.id}/{version}".encode()).hexdigest()[:16] + '"'


class Operations:
    """What each operation does with a request whose caller is known."""

    def __init__(self, style: Style, defects: frozenset[str]) -> None:
        self.style = style
        self.defects = defects
        self.validators = Validators(style, defects)
        self.store: Store = seeded()

    def run(self, route: Route, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Carry out an operation; raises Refusal, or Crash where a defect says so."""
        operation: Callable[[Call, Caller, Parts], Answer] = getattr(self, self._meant(route, call))
        if not route.operation.startswith(("create_", "close_")):
            return operation(call, caller, parts)
        key = matching(call, self.style.replay_header, KEY_PATTERN, self.style)
        if key is None:
            return operation(call, caller, parts)
        return self._replayed(
            (caller.organisation, call.path, key), call, lambda: operation(call, caller, parts)
        )

    def _meant(self, route: Route, call: Call) -> str:
        """The operation to carry out: the one that was asked for, and permitted."""
        named = call.headers.get("x-http-method-override", "").upper()
        defect, meant = {
            "DELETE": ("reading-can-be-turned-into-deleting", "delete_referral"),
            self.style.update: ("reading-can-be-turned-into-changing", "change_referral"),
        }.get(named, ("", ""))
        return meant if route.operation == "read_referral" and defect in self.defects else route.operation

    def _replayed(self, place: tuple[str, ...], call: Call, act: Callable[[], Answer]) -> Answer:
        """The answer given before to the same request with the same key, or a first one that is remembered."""
        known = self.store.replays.get(place)
        if known is None or "replay-creates-twice" in self.defects:
            made = act()
            self.store.replays[place] = (call.body, made)
            return made
        if known[0] == call.body:
            return self._again(known[1])
        if "key-taken-for-another-body" in self.defects:
            return act()
        if "used-key-crashes" in self.defects:
            raise Crash
        raise Refusal(self.style.reused, "This key was used before with another body.")

    def _again(self, answer: Answer) -> Answer:
        if "replay-answers-differently" not in self.defects:
            return answer
        body = json.loads(answer.content)
        name = next(name for name in body if name.endswith(("edAt", "ed_at")))
        return replace(answer, content=json.dumps({**body, name: "2026-01-01T00:00:00Z"}).encode())

    # Referrals

    def list_referrals(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """The caller's referrals, in the order of arrival, in pages."""
        need = choice(call, "need", NEEDS, self.style)
        seen = [item for item in self.store.referrals.values() if self._listed(item, caller)]
        self.store.lists += 1
        if "order-changes-between-calls" in self.defects and self.store.lists % 2 == 0:
            seen = seen[::-1]
        cut = page(
            [item for item in seen if need in (None, item.body["primaryNeed"])],
            call,
            self.style,
            self.defects,
        )
        answer = reply(200, {"items": [self._summary(item) for item in cut.items], **cut.more}, self.style)
        return answer.having(Link=cut.link) if cut.link else answer

    def _listed(self, item: Referral, caller: Caller) -> bool:
        if item.gone == "deleted" and "deleted-referral-still-listed" not in self.defects:
            return False
        if not item.seeded and "list-leaves-out-new-referrals" in self.defects:
            return False
        return item.organisation == caller.organisation or "list-shows-everyone" in self.defects

    def create_referral(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Keep a new referral and say where it is."""
        body = self._tidied(self.validators.body(call, self._new, "application/json"))
        made = self.store.add(**self._owner(call, caller), body={"urgency": 3, **body})
        if "new-referral-cannot-be-read" in self.defects:
            self.store.referrals[made.id] = replace(made, gone="lost")
        return reply(
            201, self._view(made), self.style, Location=self._location(made), ETag=etag(made, self.defects)
        )

    @property
    def _new(self) -> str:
        return "NewReferral" if self.style.closed else "Referral"

    def _owner(self, call: Call, caller: Caller) -> dict[str, Any]:
        """Whose a new referral is: the caller's, whatever the body says."""
        sent, owner = json.loads(call.body), {"organisation": caller.organisation, "client": caller.client_id}
        if "organisation-can-be-chosen-in-the-body" in self.defects:
            owner["organisation"] = str(sent.get("organisation", caller.organisation))
        if "creator-can-be-chosen" in self.defects:
            owner["client"] = str(sent.get("createdBy", sent.get("created_by", caller.client_id)))
        restricted = sent.get("restricted") is True and "restriction-can-be-set-by-anyone" in self.defects
        return {**owner, "restricted": restricted}

    def _location(self, made: Referral) -> str:
        if "location-leads-nowhere" in self.defects:
            return f"/v1/referral/{made.id}"
        if "location-leads-to-another-referral" in self.defects:
            mine = (
                item.id for item in self.store.referrals.values() if item.organisation == made.organisation
            )
            return f"/v1/referrals/{next(mine)}"
        return f"/v1/referrals/{made.id}"

    def _tidied(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body as it is kept: unchanged, but for defects that spoil names and moments."""
        if isinstance(body.get("observedAt"), str):
            body = {**body, "observedAt": self._moved(body["observedAt"])}
        child = dict(body.get("child", {}))
        for name in {"familyName", "givenName"} & set(child):
            child[name] = self._spoilt(child[name])
        return {**body, "child": child} if child else body

    def _moved(self, text: str) -> str:
        """A moment as it is kept: as it came, but for defects that keep the time of a clock."""
        if not self.defects & {"offset-of-an-observation-lost", "hour-that-summer-time-repeats-confused"}:
            return text
        moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
        if "offset-of-an-observation-lost" in self.defects:
            return f"{moment.replace(tzinfo=None).isoformat()}Z"
        on_the_wall = moment.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None, fold=0)
        return on_the_wall.replace(tzinfo=ZoneInfo("Europe/London")).isoformat()

    def _spoilt(self, name: Any) -> Any:
        if "accents-lost-in-names" in self.defects and isinstance(name, str):
            name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "?"
        if "apostrophes-lost-in-names" in self.defects and isinstance(name, str):
            name = name.replace("'", "") or "?"
        if "apostrophes-turned-into-markup" in self.defects and isinstance(name, str):
            name = name.replace("'", "&#39;")
        if "long-names-cut-short" in self.defects and isinstance(name, str):
            name = name[:35]
        return name

    def read_referral(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """One referral with its entity tag."""
        found = self._found(parts, caller, "referral-of-others-can-be-read")
        body = self._view(found)
        if "organisation-missing-when-read" in self.defects:
            del body["organisation"]
        answer = reply(200, body, self.style)
        return (
            answer
            if "etag-missing-when-read" in self.defects
            else answer.having(ETag=etag(found, self.defects))
        )

    def change_referral(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Change a referral that is still as the caller read it."""
        found = self._found(parts, caller, "referral-of-others-can-be-changed")
        condition = call.headers.get("if-match")
        if condition is None and "change-without-condition-accepted" not in self.defects:
            raise Refusal(self.style.unconditional, "A change needs If-Match with the ETag that was read.")
        schema = "ReferralPatch" if self.style.update == "PATCH" else self._new
        body = self._tidied(self.validators.body(call, schema, self.style.update_media_type))
        self._hold_to(condition, found, "stale-change-accepted")
        changed = found.changed(body=self._merged(found.body, body), **self._raised(call, found))
        if "change-lost" not in self.defects:
            self.store.referrals[found.id] = changed
        return reply(200, self._view(changed), self.style, ETag=etag(changed, self.defects))

    def _merged(self, old: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        return merged(old, body) if self.style.update == "PATCH" else {"urgency": old["urgency"], **body}

    def _raised(self, call: Call, found: Referral) -> dict[str, Any]:
        sent = json.loads(call.body).get("restricted")
        taken = isinstance(sent, bool) and "restriction-can-be-changed-by-anyone" in self.defects
        return {"restricted": sent} if taken else {}

    def delete_referral(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Take a referral away, with its notes."""
        found = self._found({**parts, "deleting": "yes"}, caller, "referral-of-others-can-be-deleted")
        self._hold_to(call.headers.get("if-match"), found, "stale-delete-accepted")
        self.store.referrals[found.id] = replace(found, gone="deleted")
        return Answer(204)

    def _found(self, parts: Parts, caller: Caller, defect: str) -> Referral:
        """The referral of a path, if the caller may have it; ``defect`` lets everybody have it."""
        found = self.store.referrals.get(parts["referralId"].lower())
        gone = found is not None and found.gone in self._hidden
        if gone and "second-delete-crashes" in self.defects and parts.get("deleting"):
            raise Crash
        if (found is None or gone) and "database-speaks-in-refusal" in self.defects:
            raise Refusal(
                404, "sqlite3.OperationalError: no row for SELECT id, child FROM referral WHERE id = ?"
            )
        if found is None or gone:
            raise Refusal(404, "There is no such referral.")
        if found.organisation != caller.organisation and defect not in self.defects:
            raise self._foreign("referral")
        return found

    def _hold_to(self, condition: str | None, found: Referral, defect: str) -> None:
        """Refuse what was asked of an older state of a referral; ``defect`` lets it pass."""
        if condition not in (None, etag(found, self.defects)) and defect not in self.defects:
            raise Refusal(self.style.stale, "The referral has changed since it was read: read it again.")

    @property
    def _hidden(self) -> tuple[str, ...]:
        return ("lost",) if "deleted-referral-still-readable" in self.defects else ("lost", "deleted")

    def _foreign(self, what: str) -> Refusal:
        """The refusal of another organisation's object."""
        if self.style.foreign == 404:
            return Refusal(404, f"There is no such {what}.")
        return Refusal(403, f"This {what} belongs to another organisation.")

    # Notes

    def list_notes(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """The notes of a referral, first one first."""
        found = self._found(parts, caller, "notes-of-others-can-be-read")
        notes = [self._note(note) for note in self.store.notes if note.referral == found.id]
        return reply(200, {"items": notes}, self.style)

    def create_note(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Keep a note under a referral."""
        found = self._found(parts, caller, "notes-can-be-added-for-others")
        body = self.validators.body(call, "NewNote", "application/json")
        made = self.store.add_note(found.id, caller.client_id, body)
        return reply(
            202 if "new-note-answered-with-202" in self.defects else 201, self._note(made), self.style
        )

    def _note(self, note: Note) -> dict[str, Any]:
        return {"id": note.id, **note.body, "recordedAt": note.recorded_at, "recordedBy": note.recorded_by}

    # Closures

    def close_referral(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Close a referral that is open."""
        found = self._found(parts, caller, "")
        body = self.validators.body(call, "NewClosure", "application/json")
        if found.status == "closed":
            raise Refusal(409, "The referral is closed already.")
        made = self.store.add_closure(found, body["reason"])
        self.store.referrals[found.id] = found.changed(status="closed")
        return reply(201, self._closure(made), self.style, Location=f"/v1/closures/{made.id}")

    def read_closure(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """The closing of a referral."""
        found = self.store.closures.get(parts["closureId"].lower())
        if found is None:
            raise Refusal(404, "There is no such closure.")
        if found.organisation != caller.organisation and "closure-of-others-can-be-read" not in self.defects:
            raise self._foreign("closure")
        return reply(200, self._closure(found), self.style)

    def _closure(self, made: Closure) -> dict[str, Any]:
        return {"id": made.id, "referralId": made.referral, "reason": made.reason, "closedAt": made.closed_at}

    # Searches, practitioners, status

    def search_referrals(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """The caller's referrals whose child is as described."""
        wanted = self.validators.body(call, "Search", "application/json")
        found = [item for item in self.store.referrals.values() if self._searched(item, caller, wanted)]
        answer = reply(200, {"items": [self._summary(item) for item in found[:FOUND_AT_MOST]]}, self.style)
        return answer.having(Content_Type="text/html") if "search-answers-as-html" in self.defects else answer

    def _searched(self, item: Referral, caller: Caller, wanted: dict[str, Any]) -> bool:
        """Whether a referral is found; a quotation mark or a wildcard is a letter like any other."""
        mine = item.organisation == caller.organisation or "search-finds-everyone" in self.defects
        if not mine or item.gone == "deleted":
            return False
        name = wanted.get("familyName", "")
        if "apostrophe-finds-everything" in self.defects and "' or '" in name.lower():
            return True
        if "percent-sign-finds-everything" in self.defects and "%" in name:
            return name.strip("%").lower() in item.body["child"]["familyName"].lower()
        return all(_alike(item.body["child"].get(key), value) for key, value in wanted.items())

    def list_practitioners(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """The practitioners of the caller's organisation in a role."""
        required = "practitioner-role-not-needed" not in self.defects
        role = choice(call, "role", ROLES, self.style, required=required)
        found = [person for person in practitioners(caller.organisation) if role in (None, person["role"])]
        return reply(200, {"items": found}, self.style)

    def get_status(self, call: Call, caller: Caller, parts: Parts) -> Answer:
        """Whether the service is up."""
        return reply(200, {"status": "up"}, self.style)

    # Views

    def _view(self, item: Referral) -> dict[str, Any]:
        """A referral as it is answered."""
        made = {
            "id": item.id,
            "status": item.status,
            "organisation": item.organisation,
            "createdBy": item.created_by,
        }
        moments = {"createdAt": self._moment(item.created_at), "updatedAt": item.updated_at}
        body = self._odd(item, {**item.body, "child": dict(item.body["child"])})
        return {**made, **moments, "restricted": item.restricted, **body}

    def _odd(self, item: Referral, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the wrong types that a defect gives it."""
        if "urgency-of-young-carers-as-text" in self.defects and body["primaryNeed"] == "young-carer":
            body["urgency"] = str(body["urgency"])
        if "nhs-number-answered-as-number" in self.defects and "nhsNumber" in body["child"]:
            body["child"]["nhsNumber"] = int(body["child"]["nhsNumber"])
        return body

    def _moment(self, moment: str) -> str:
        return moment.removesuffix("Z") if "creation-time-without-offset" in self.defects else moment

    def _summary(self, item: Referral) -> dict[str, Any]:
        """A referral as it is listed."""
        view = self._view(item)
        names = ("id", "status", "organisation", "createdAt", "primaryNeed", "urgency")
        short = {name: view[name] for name in names}
        return (
            {**short, "homeAddress": "1 Test Street"} if "list-shows-home-address" in self.defects else short
        )


def merged(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch applied (RFC 7396)."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        else:
            new[name] = merged(new.get(name, {}), value) if isinstance(value, dict) else value
    return new


def _alike(kept: object, wanted: object) -> bool:
    return kept is not None and str(kept).casefold() == str(wanted).casefold()
