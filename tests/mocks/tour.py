"""
A tour of social care: every operation, well and badly used, in an order that is always the same.

With a stopped clock and given request ids the same engine answers the same tour alike to the byte, so that the
difference between two tours is what a fault does, and all that it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from joinedup.mocks.cast import Cast
from joinedup.mocks.clock import Clock
from joinedup.mocks.council_seed import FIRST_REFERRAL
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.organisations import callers
from joinedup.mocks.social_care import FIRST_CHILD
from joinedup.mocks.tokens import Caller, Client

JSON_TYPE = {"content-type": "application/json"}
SHARING = {"sharing-purpose": "SAFEGUARDING", "lawful-basis": "public-task"}
CONTACT: dict[str, Any] = {
    "source": "2A",
    "urgency": "same-day",
    "reason": "Siân came to school with a bruise.",
    "child": {"givenName": "Siân", "familyName": "Li", "nhsNumber": "9990001006"},
}
DECISION = {"outcome": "assessment", "reason": "To be heard in full.", "decidedBy": "A. Manager"}


class StoppedClock(Clock):
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        super().__init__(stopped_at=1_795_000_000.0)


def stopped_cast(*faults: str, system: str = "social-care") -> Cast:
    """A system and the token server in this process, with a clock that stands still."""
    return Cast([system, "auth"], faults=faults, clock=StoppedClock())


@dataclass
class Visitor:
    """Sends requests to a system's engine and keeps the answers by what was asked."""

    cast: Cast
    system: str = "social-care"
    answers: dict[str, Answer] = field(default_factory=dict)
    _count: int = 0

    def token(self, caller: str = "own", scopes: tuple[str, ...] | None = None) -> str:
        """An access token of one of the two organisations."""
        client = self.client(caller)
        return self.cast.tokens.issue(client, scopes or client.scopes)

    def client(self, caller: str = "own") -> Client:
        """The client of one of the two organisations, or of another by its code."""
        usual = callers(self.system)
        if caller in usual:
            return self.cast.tokens.clients[usual[caller]]
        client = self.cast.client_of(caller, self.system)
        assert client is not None, caller
        return client

    def request_id(self) -> str:
        """A request id, new for each call and alike in each tour."""
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012d}"

    def send(
        self,
        label: str,
        method: str,
        path: str,
        *,
        token: str | None = "",
        query: str = "",
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request, by default with the own organisation's token; ``token`` None sends none."""
        sent = {"x-request-id": self.request_id(), **SHARING, **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token or self.token()}"
        payload = raw
        if body is not None:
            payload, sent = json.dumps(body).encode(), {**JSON_TYPE, **sent}
        sent = {name: value for name, value in sent.items() if value}
        incoming = Incoming(method, path, query.encode(), sent, payload or b"")
        answer = self.cast.engines[self.system].answer(incoming)
        self.answers[label] = answer
        return answer


def tour(cast: Cast) -> dict[str, Answer]:
    """Every answer of the tour by label."""
    visitor = Visitor(cast)
    for part in (_children, _lists, _changes, _contacts, _referrals, _refusals, _callers):
        part(visitor)
    return visitor.answers


def _children(visitor: Visitor) -> None:
    visitor.send("status", "GET", "/v1/status", token=None)
    visitor.send("read child", "GET", f"/v1/children/{FIRST_CHILD}")
    visitor.send("read child of other", "GET", f"/v1/children/{FIRST_CHILD}", token=visitor.token("other"))
    for kept in _restricted(visitor):
        visitor.send("read restricted child", "GET", f"/v1/children/{kept}")
        visitor.send("summarise restricted child", "GET", f"/v1/children/{kept}/summary", query="view=full")
    for view in ("status-only", "safeguarding", "full"):
        visitor.send(f"summarise {view}", "GET", f"/v1/children/{FIRST_CHILD}/summary", query=f"view={view}")
    visitor.send("search", "POST", "/v1/children/search", body={"familyName": "o'neill"})
    visitor.send("search one quote", "POST", "/v1/children/search", body={"familyName": "'"})
    visitor.send("search wildcard", "POST", "/v1/children/search", body={"familyName": "%"})
    visitor.send("search wrong digit", "POST", "/v1/children/search", body={"nhsNumber": "9990001007"})
    visitor.send("search wrong letter", "POST", "/v1/children/search", body={"upn": "A001000025001"})
    visitor.send("unknown child", "GET", "/v1/children/00000000-0000-4000-8000-000000000000")


def _restricted(visitor: Visitor) -> Iterator[str]:
    children = visitor.cast.engines["social-care"].state.children
    yield from (k.record["childId"] for k in children.of("E09000001") if k.record["restricted"])


def _lists(visitor: Visitor) -> None:
    first = visitor.send("children page 1", "GET", "/v1/children", query="limit=5")
    visitor.send("children page 2", "GET", "/v1/children", query=f"limit=5&cursor={first.body['next']}")
    visitor.send("children whole", "GET", "/v1/children")
    visitor.send("contacts whole", "GET", "/v1/contacts")
    visitor.send("unknown cursor", "GET", "/v1/children", query="cursor=0000")
    visitor.send(
        "other's name in header", "GET", "/v1/children", headers={"end-user-organisation": "E09000002"}
    )


def _changes(visitor: Visitor) -> None:
    child = f"/v1/children/{FIRST_CHILD}"
    tag = visitor.send("read before change", "GET", child).header("ETag") or ""
    worker = {"allocatedWorker": "B. Worker"}
    visitor.send("change", "PATCH", child, body=worker, headers={"if-match": tag})
    visitor.send("read after change", "GET", child)
    visitor.send("stale change", "PATCH", child, body={"telephone": "01632960001"}, headers={"if-match": tag})
    visitor.send("change without tag", "PATCH", child, body={"telephone": "01632960002"})
    latest = visitor.send("read after stale", "GET", child).header("ETag") or ""
    visitor.send("lift restriction", "PATCH", child, body={"restricted": True}, headers={"if-match": latest})


def _contacts(visitor: Visitor) -> None:
    path = "/v1/contacts"
    again = {"x-request-id": "11111111-1111-4111-8111-111111111111"}
    made = visitor.send("raise", "POST", path, body=CONTACT, headers=again)
    contact = f"{path}/{made.body['contactId']}"
    visitor.send("read raised", "GET", contact)
    visitor.send("read at location", "GET", made.header("Location") or "")
    visitor.send("raise again", "POST", path, body=CONTACT, headers=again)
    visitor.send("contacts after raising", "GET", path, query="limit=50")
    visitor.send("raise other content", "POST", path, body={**CONTACT, "urgency": "routine"}, headers=again)
    visitor.send("raise rare source", "POST", path, body={**CONTACT, "source": "5D"})
    visitor.send("raise emoji", "POST", path, body={**CONTACT, "reason": "Worried \N{CRYING FACE}"})
    child = {"givenName": "Ann", "familyName": "O'Neill"}
    visitor.send("raise apostrophe", "POST", path, body={**CONTACT, "child": child})
    visitor.send("raise extra property", "POST", path, body={**CONTACT, "colour": "red"})
    wrong = {**CONTACT, "child": {"givenName": "Ann", "nhsNumber": "9990001007"}}
    visitor.send("raise wrong digit", "POST", path, body=wrong)
    visitor.send("raise too large", "POST", path, raw=b"[" + b" " * 70_000 + b"]", headers=JSON_TYPE)
    visitor.send("withdraw other's", "DELETE", contact, token=visitor.token("other"))
    override = {"x-http-method-override": "DELETE"}
    visitor.send(
        "override", "POST", f"{path}/00000000-0000-4000-8000-000000000000", body={}, headers=override
    )
    visitor.send("withdraw", "DELETE", contact)
    visitor.send("read withdrawn", "GET", contact)


def _referrals(visitor: Visitor) -> None:
    referral = f"/v1/referrals/{FIRST_REFERRAL}"
    visitor.send("read referral", "GET", referral)
    long = {**DECISION, "reason": "x" * 2001}
    visitor.send("decide at length", "POST", f"{referral}/decisions", body=long)
    decided = visitor.send("decide", "POST", f"{referral}/decisions", body=DECISION)
    visitor.send("read decision", "GET", decided.header("Location") or "")
    visitor.send("read decided referral", "GET", referral)
    visitor.send("withdraw decided", "DELETE", f"/v1/contacts/{decided_contact(visitor)}")


def decided_contact(visitor: Visitor) -> str:
    """The contact of the referral that the tour decides."""
    return str(visitor.answers["read decided referral"].body["contactId"])


def _refusals(visitor: Visitor) -> None:
    child = f"/v1/children/{FIRST_CHILD}"
    visitor.send("method not allowed", "PUT", child, body={})
    visitor.send("call from a web site", "GET", "/v1/status", headers={"origin": "https://site.example"})
    visitor.send("verb", "GET", "/v1/getStatus")
    visitor.send("unknown address", "GET", "/v1/nothing")
    visitor.send("unknown parameter", "GET", "/v1/children", query="colour=red")
    visitor.send("malformed body", "POST", "/v1/children/search", raw=b"{", headers=JSON_TYPE)
    visitor.send(
        "wrong media type", "POST", "/v1/children/search", raw=b"x", headers={"content-type": "text/plain"}
    )
    visitor.send("no purpose", "GET", child, headers={"sharing-purpose": ""})


def _callers(visitor: Visitor) -> None:
    child, referral = f"/v1/children/{FIRST_CHILD}", f"/v1/referrals/{FIRST_REFERRAL}"
    visitor.send("child without token", "GET", child, token=None)
    visitor.send("referral without token", "GET", referral, token=None)
    token = visitor.token()
    head, payload, signature = token.split(".")
    forged = ("A" if signature[0] != "A" else "B") + signature[1:]
    visitor.send("forged signature", "GET", child, token=f"{head}.{payload}.{forged}")
    visitor.send("narrow scope", "GET", child, token=visitor.token(scopes=("social-care:contacts.read",)))
    visitor.send("other audience", "GET", child, token=visitor.token(scopes=("elsewhere:children.read",)))
    audience = _for_elsewhere(visitor)
    visitor.send("right scope, other audience", "GET", child, token=audience)
    revoked = visitor.token()
    visitor.cast.tokens.revoke(revoked, visitor.client())
    visitor.send("revoked token", "GET", child, token=revoked)
    ended = visitor.cast.tokens.issue(visitor.client(), visitor.client().scopes, lifetime_s=-1)
    visitor.send("ended token", "GET", child, token=ended)


def _for_elsewhere(visitor: Visitor) -> str:
    """A token with every scope that this system asks for, issued for another system."""
    tokens = visitor.cast.tokens
    return tokens.issue(visitor.client(), visitor.client().scopes, audience=("elsewhere",))


def caller_of(cast: Cast, token: str) -> Caller:
    """Who a token speaks for to social care."""
    return cast.tokens.verify(token, "social-care")
