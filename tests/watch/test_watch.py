"""A service whose own settings operation ends the caller's token: it is named, and the rest is still tested."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from servers import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Step
from joinedup.conformance.harvest import harvest, try_again
from joinedup.conformance.judging import generate
from joinedup.conformance.target import Target, build_target

PLAIN: dict[str, Any] = {"application/json": {"schema": {}}}


class Service:
    """Notes and preferences behind a token; to change the preferences ends every token that was given."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tokens: set[str] = set()
        self.notes: list[str] = []
        self.calls: list[tuple[str, int]] = []

    async def token(self, _request: Request) -> JSONResponse:
        token = f"t{next(self._numbers)}"
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": 600})

    async def read_notes(self, request: Request) -> JSONResponse:
        return self._answer(request, {"items": [{"noteId": str(n)} for n, _ in enumerate(self.notes)]})

    async def add_note(self, request: Request) -> JSONResponse:
        self.notes.append("note")
        return self._answer(request, {"noteId": str(len(self.notes) - 1)}, 201)

    async def change_preferences(self, request: Request) -> JSONResponse:
        answer = self._answer(request, {"changed": True})
        if answer.status_code == 200:
            self._tokens.clear()
        return answer

    async def document(self, _request: Request) -> JSONResponse:
        return JSONResponse(DOCUMENT)

    def _answer(self, request: Request, body: Any, status: int = 200) -> JSONResponse:
        known = request.headers.get("authorization", "").removeprefix("Bearer ") in self._tokens
        self.calls.append((f"{request.method} {request.url.path}", status if known else 401))
        return (
            JSONResponse(body, status)
            if known
            else JSONResponse({"error": "unauthorised"}, 401, {"WWW-Authenticate": "Bearer"})
        )


def _operation(name: str, status: str, body: bool = False) -> dict[str, Any]:
    answers = {
        status: {"description": "Done", "content": PLAIN},
        "401": {"description": "Refused", "content": PLAIN},
    }
    return {
        "operationId": name,
        "summary": name,
        "responses": answers,
        **({"requestBody": {"content": PLAIN}} if body else {}),
    }


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1"},
    "security": [{"bearer": []}],
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/v1/preferences": {"put": _operation("changePreferences", "200", body=True)},
        "/v1/notes": {"get": _operation("readNotes", "200"), "post": _operation("addNote", "201", body=True)},
    },
}


@contextmanager
def serving(service: Service) -> Iterator[str]:
    routes = [
        Route("/token", service.token, methods=["POST"]),
        Route("/v1/notes", service.read_notes),
        Route("/v1/notes", service.add_note, methods=["POST"]),
        Route("/v1/preferences", service.change_preferences, methods=["PUT"]),
        Route("/openapi.json", service.document),
    ]
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def target_on(service: Service, **identity: str) -> Iterator[Target]:
    with serving(service) as url:
        own = identity or {
            "flow": "client-credentials",
            "token_url": f"{url}/token",
            "client_id": "x",
            "client_secret": "y",
        }
        table = {
            "systems": {
                "notes": {"base_url": url, "contract": f"{url}/openapi.json", "identities": {"own": own}}
            }
        }
        configuration = msgspec.convert({**table, "folder": str(Path.cwd())}, Configuration)
        target = build_target(
            "notes", configuration, load_catalogue(), seed=1, write=lambda _event, **_fields: None
        )
        yield target
        target.client.close()


CULPRIT = "PUT /v1/preferences"


def test_names_the_operation_that_ended_the_credential() -> None:
    """The culprit is named, renewed after, and left out of what follows."""
    with target_on(Service()) as target:
        harvest(target)
        for operation in target.operations:
            try_again(target, operation)
        target.client.send(Step("GET", "/v1/notes", operation="GET /v1/notes"))
        assert set(target.culprits) == {CULPRIT}
        assert CULPRIT not in [operation.label for operation in target.operations]


def test_the_rest_is_still_tested() -> None:
    """After the credential was renewed the other operations go on succeeding, in the generated phases too."""
    service = Service()
    with target_on(service) as target:
        harvest(target)
        outcomes = generate(target, "quick")
        assert set(target.culprits) == {CULPRIT}
        assert [f.title for f, _ in outcomes.findings] == []
    refused = sum(status == 401 for _, status in service.calls)
    succeeded = sum(status < 300 for call, status in service.calls if "notes" in call)
    assert refused < 10 < succeeded


def test_without_a_way_to_renew_the_run_stops() -> None:
    """A fixed token that has died is a fault of the set-up which names the operation."""
    service = Service()
    service._tokens.add("fixed")
    with target_on(service, flow="bearer", token="fixed") as target:
        harvest(target)
        with pytest.raises(SetupError, match=CULPRIT):
            _go_on(target)


def _go_on(target: Target) -> None:
    for operation in target.operations:
        try_again(target, operation)
    for _ in range(3):
        target.client.send(Step("GET", "/v1/notes", operation="GET /v1/notes"))


def test_an_honest_refusal_is_no_death() -> None:
    """A request that is refused on its own account does not cost the credential its name."""
    with target_on(Service()) as target:
        target.client.send(Step("GET", "/v1/notes", operation="GET /v1/notes"))
        for _ in range(3):
            target.client.send(
                Step(
                    "GET",
                    "/v1/notes",
                    headers={"Authorization": "Bearer forged"},
                    operation="GET /v1/notes",
                    identity=None,
                )
            )
        assert target.culprits == {}
