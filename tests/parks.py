"""A tiny system with a tiny contract, in this process: what it was asked, and what it is to answer, is for tests to say."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from joinedup.conformance.catalogue import Profile
from joinedup.conformance.configuration import Configuration, Limits, System
from joinedup.conformance.contract import parse_contract
from joinedup.conformance.target import Target

TOKEN = "parks-t0ken"
SEEDED = {"p-one": {"id": "p-one", "name": "Amber Green"}, "p-two": {"id": "p-two", "name": "Birch Green"}}


def _answer(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": "x", **({"content": {"application/json": {"schema": schema}}} if schema else {})}


PARK = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
}
NEW = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 20}},
}
PROBLEM = _answer({"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}})
REFUSALS = {"400": PROBLEM, "401": PROBLEM, "404": PROBLEM}
BODY = {"required": True, "content": {"application/json": {"schema": NEW}}}
ID = {"name": "parkId", "in": "path", "required": True, "schema": {"type": "string"}}
READ = {"operationId": "readPark", "parameters": {"parkId": "$response.body#/id"}}
CONTRACT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Parks", "version": "1"},
    "security": [{"bearer": []}],
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/parks": {
            "get": {
                "operationId": "listParks",
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}}],
                "responses": {
                    "200": _answer(
                        {"type": "object", "properties": {"items": {"type": "array", "items": PARK}}}
                    ),
                    **REFUSALS,
                },
            },
            "post": {
                "operationId": "openPark",
                "requestBody": BODY,
                "responses": {"201": {**_answer(PARK), "links": {"read": READ}}, **REFUSALS},
            },
        },
        "/parks/{parkId}": {
            "parameters": [ID],
            "get": {"operationId": "readPark", "responses": {"200": _answer(PARK), **REFUSALS}},
            "put": {
                "operationId": "renamePark",
                "requestBody": BODY,
                "responses": {"200": _answer(PARK), **REFUSALS},
            },
            "delete": {"operationId": "closePark", "responses": {"204": _answer(), **REFUSALS}},
        },
        "/moved": {"get": {"operationId": "moved", "responses": {"302": _answer(), "401": PROBLEM}}},
        "/reset": {"post": {"operationId": "resetParks", "responses": {"204": _answer(), **REFUSALS}}},
    },
}


@dataclass(frozen=True)
class Asked:
    """One request as it came: path and query as sent, names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def gist(self) -> tuple[str, str, bytes]:
        """What the request is, without what a client adds of its own."""
        return (self.method, self.path, self.body)


Answer = tuple[int, dict[str, str], bytes]


def answer(status: int, value: Any = None, **headers: str) -> Answer:
    """An answer with a JSON body, or with none."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    if value is None:
        return status, named, b""
    return status, {"Content-Type": "application/json", **named}, json.dumps(value).encode()


def refusal(status: int) -> Answer:
    """A refusal as the contract declares it."""
    return answer(status, {"title": "No."})


@dataclass
class Parks:
    """
    The system.

    Args:
        instead: gives another answer than the right one, or None for the right one.
    """

    instead: Callable[[Asked], Answer | None] = lambda asked: None
    parks: dict[str, dict[str, str]] = field(default_factory=lambda: dict(SEEDED))
    asked: list[Asked] = field(default_factory=list)
    made: int = 0

    def reset(self) -> None:
        """Be as at first; what was asked is forgotten too."""
        self.parks, self.made = dict(SEEDED), 0
        self.asked.clear()

    def answer(self, asked: Asked) -> Answer:
        """Note a request and answer it."""
        self.asked.append(asked)
        other = self.instead(asked)
        if other is not None:
            return other
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401)
        path, _, query = asked.path.partition("?")
        name = unquote(path.removeprefix("/parks/"))
        if path == "/moved":
            return answer(302, Location="/parks")
        if path == "/parks":
            return self._collection(asked, query)
        return self._item(asked, name) if path.startswith("/parks/") else refusal(404)

    def _collection(self, asked: Asked, query: str) -> Answer:
        if asked.method in ("GET", "HEAD"):
            limits = [pair.partition("=")[2] for pair in query.split("&") if pair.startswith("limit=")]
            if any(not limit.isdecimal() or int(limit) < 1 for limit in limits):
                return refusal(400)
            return answer(200, {"items": list(self.parks.values())})
        if asked.method != "POST":
            return refusal(405)
        name = _name(asked.body)
        if name is None:
            return refusal(400)
        self.made += 1
        made = {"id": f"p-made-{self.made}", "name": name}
        self.parks[made["id"]] = made
        return answer(201, made, Location=f"/parks/{made['id']}")

    def _item(self, asked: Asked, key: str) -> Answer:
        if key not in self.parks:
            return refusal(404)
        if asked.method == "DELETE":
            del self.parks[key]
            return answer(204)
        if asked.method == "PUT":
            name = _name(asked.body)
            if name is None:
                return refusal(400)
            self.parks[key] = {"id": key, "name": name}
        return answer(200, self.parks[key]) if asked.method in ("GET", "HEAD", "PUT") else refusal(405)


def _name(body: bytes) -> str | None:
    """The name in a valid body, or None."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or set(value) != {"name"}:
        return None
    name = value["name"]
    return name if isinstance(name, str) and 1 <= len(name) <= 20 else None


@contextlib.contextmanager
def serving(parks: Parks) -> Iterator[str]:
    """The address of the system on this machine, as long as the context lasts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Hands requests over and writes answers in one piece."""

        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, content = parks.answer(Asked(self.command, self.path, headers, body))
            lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in sent.items())]
            if status != 204:
                lines.append(f"Content-Length: {len(content)}")
            head = "\r\n".join([*lines, "", ""]).encode("latin-1")
            self.wfile.write(head if self.command == "HEAD" else head + content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _respond

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def target_of(
    base_url: str,
    *,
    contract: dict[str, Any] | None = None,
    limits: Limits | None = None,
    write: Callable[..., None] = lambda event, **fields: None,
    **of_the_system: Any,
) -> Target:
    """The system as a target, with one caller; DELETE may reach it."""
    system = System(
        base_url=base_url,
        contract="parks",
        **{"identities": {"own": {"flow": "bearer", "token": TOKEN}}, **of_the_system},
    )
    configuration = Configuration(
        systems={"parks": system},
        limits=limits or Limits(destructive=True, timeout_s=5),
        folder=str(Path.cwd()),
    )
    read = parse_contract(json.dumps(contract or CONTRACT).encode(), origin="parks")
    profile = Profile("parks-1", "Parks", "Parks.", ())
    return Target("parks", system, configuration, profile, read, 1, write)
