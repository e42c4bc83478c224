"""Whoever controls agencies of this process, as tests of the control plane do."""

from __future__ import annotations

import json
from typing import Any

from tour import CONTACT, SHARING, StoppedClock

from joinedup.mocks.cast import Cast
from joinedup.mocks.control import Plane, control
from joinedup.mocks.engine import Engine
from joinedup.mocks.messages import Answer, Incoming

JSON_TYPE = {"content-type": "application/json"}


class Desk:
    """Whoever controls, in process."""

    def __init__(self) -> None:
        self.cast = Cast(["social-care", "auth"], clock=StoppedClock())
        self.plane: Engine[Plane] = control(self.cast)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The body of an answer that has this status."""
        path, _, query = path.partition("?")
        raw = b"" if body is None else json.dumps(body).encode()
        headers = JSON_TYPE if raw else {}
        answer = self.plane.answer(Incoming(method, path, query.encode(), headers, raw))
        assert (answer.status, self.plane.breaches) == (status, []), answer.body
        return answer.body

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """What social care answers to its own council."""
        client = self.cast.tokens.clients["council-e09000001"]
        sent = {**SHARING, "authorization": f"Bearer {self.cast.tokens.issue(client, client.scopes)}"}
        raw = b"" if body is None else json.dumps(body).encode()
        sent |= {**(JSON_TYPE if raw else {}), **(headers or {})}
        return self.cast.engines["social-care"].answer(Incoming(method, path, b"", sent, raw))

    def raise_contact(self) -> str:
        """Where a new contact is."""
        return str(self.call("POST", "/v1/contacts", CONTACT).header("Location"))


def problems(body: Any) -> list[tuple[str, str]]:
    """Pointers and codes of a refusal."""
    return [(error["pointer"], error["code"]) for error in body["errors"]]


def token(**more: Any) -> dict[str, Any]:
    """What is sent to have a token made."""
    return {"system": "social-care", "organisation": "E09000001", **more}
