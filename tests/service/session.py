"""
A caller that speaks every style, straight to the service and without a network.

It is for the tests of the service itself: it knows the service from the inside, which no tester does.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import httpx

from service.app import TOKEN_PATH, Service
from service.examples import REQUESTS
from service.messages import Call
from service.operations import merged
from service.schemas import answered, internal

OWN, OTHER, READER = "north-hub", "south-hub", "north-reader"
ANOTHER_ID = "00000000-0000-4000-8000-000000000000"


class Session:
    """Calls one service, as one client or another; bodies are given and got in the spelling of the cursor style."""

    def __init__(self, style: str, defects: frozenset[str] = frozenset(), *, quota: int = 0) -> None:
        self.service = Service(style, defects, quota=quota)
        # Whether a call is over before the next one; else all of them are under way at the same time.
        self.answered = True
        self.style = self.service.style
        transport = httpx.MockTransport(self._answer)
        self.http = httpx.Client(transport=transport, base_url="https://referrals.example")
        self.tokens = {client: self.service.token(client) for client in (OWN, OTHER, READER)}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = tuple(urllib.parse.parse_qsl(request.url.query.decode(), keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.url.path, query, headers, request.read())
        answer = self.service.handle(call)
        if self.answered:
            self.service.sent(call)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.content)

    def watch(self, look: Callable[[httpx.Response], None]) -> None:
        """Let every answer from now on be looked at."""
        self.http.event_hooks = {"response": [look]}

    def call(self, method: str, path: str, *, who: str = OWN, **more: Any) -> httpx.Response:
        """Any call, with the token of a client, a token itself, or none where ``who`` is empty."""
        headers = {**more.pop("headers", {})}
        if who:
            headers["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        if "json" in more:
            more["content"] = json.dumps(answered(more.pop("json"), self.style))
            headers.setdefault("Content-Type", "application/json")
        return self.http.request(method, path, headers=headers, **more)

    def body(self, response: httpx.Response) -> Any:
        """The body of an answer, in the spelling of the cursor style."""
        return internal(response.json(), self.style)

    def new(self, **changes: Any) -> dict[str, Any]:
        """The body of a valid new referral with changes merged in; None takes a part away."""
        return merged(REQUESTS["NewReferral"], changes)

    def create(
        self, *, who: str = OWN, headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        """Make a referral."""
        return self.call("POST", "/v1/referrals", who=who, headers=headers or {}, json=self.new(**changes))

    def made(self, **changes: Any) -> str:
        """The identifier of a new referral."""
        return str(self.create(**changes).json()["id"])

    def read(self, referral: str, *, who: str = OWN) -> httpx.Response:
        """Read a referral."""
        return self.call("GET", f"/v1/referrals/{referral}", who=who)

    def tag(self, referral: str) -> str:
        """The ETag of a referral, as it ought to be."""
        return str(self.read(referral).headers.get("ETag", ""))

    def change(
        self,
        referral: str,
        *,
        tag: str | None = None,
        who: str = OWN,
        extra: dict[str, Any] | None = None,
        **changes: Any,
    ) -> httpx.Response:
        """Change a referral; ``tag`` is what If-Match says, and nothing is sent where it is empty."""
        sent = self.tag(referral) if tag is None else tag
        body = changes if self.style.update == "PATCH" else self.new(**changes)
        headers = {"Content-Type": self.style.update_media_type} | ({"If-Match": sent} if sent else {})
        path = f"/v1/referrals/{referral}"
        return self.call(self.style.update, path, who=who, headers=headers, json={**body, **(extra or {})})

    def delete(self, referral: str, *, who: str = OWN) -> httpx.Response:
        """Delete a referral."""
        return self.call("DELETE", f"/v1/referrals/{referral}", who=who)

    def note(self, referral: str, *, who: str = OWN, **changes: Any) -> httpx.Response:
        """Add a note."""
        return self.call(
            "POST", f"/v1/referrals/{referral}/notes", who=who, json={**REQUESTS["NewNote"], **changes}
        )

    def close(self, referral: str, *, who: str = OWN) -> httpx.Response:
        """Close a referral."""
        return self.call("POST", f"/v1/referrals/{referral}/closures", who=who, json=REQUESTS["NewClosure"])

    def search(self, *, who: str = OWN, **wanted: Any) -> httpx.Response:
        """Search for referrals."""
        return self.call("POST", "/v1/referral-searches", who=who, json=wanted)

    def ids(self, response: httpx.Response) -> list[str]:
        """The identifiers in a list."""
        return [item["id"] for item in response.json()["items"]]

    def page(self, size: int, position: dict[str, str] | None = None) -> httpx.Response:
        """A page of the list, of a size, from a position that ``onward`` gave."""
        return self.call("GET", "/v1/referrals", params={self.style.size_parameter: size, **(position or {})})

    def onward(self, response: httpx.Response, size: int) -> dict[str, str] | None:
        """How to ask for the page after this one, or None after the last."""
        if self.style.paging == "cursor":
            cursor = response.json()["nextCursor"]
            return {"cursor": cursor} if cursor else None
        if self.style.paging == "page":
            following = response.links.get("next", {}).get("url")
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(following).query)) if following else None
        body = response.json()
        following = body["offset"] + size
        return {"offset": str(following)} if following < body["total"] else None

    def walk(self, size: int) -> list[str]:
        """The identifiers of the whole list, read page by page."""
        page = self.page(size)
        seen = self.ids(page)
        while (position := self.onward(page, size)) is not None:
            page = self.page(size, position)
            seen += self.ids(page)
        return seen

    def token_answer(self, client_id: str, secret: str, **more: str) -> httpx.Response:
        """What the token endpoint says to a client."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **more}
        return self.http.post(TOKEN_PATH, data=form)
