"""What a run makes on a system that is not its own is marked, taken away again where allowed, and listed where not."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from miscreants import Misbehaving, Miscreant, answer, misbehaving

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration, Limits, System
from joinedup.conformance.harvest import harvest
from joinedup.conformance.ledger import Entry, settle
from joinedup.conformance.objects import creates_of, fresh
from joinedup.conformance.target import Target, build_target
from joinedup.reports.page import render
from joinedup.reports.verdict import compute

CONTRACT = (Path(__file__).parent / "contract.yaml").read_text().replace(", format: uuid", "")
DELETE = """
    delete:
      operationId: deleteThing
      summary: Deletes a thing
      parameters:
        - {name: thingId, in: path, required: true, schema: {type: string}}
      responses:
        "204": {description: It is gone}
        "404": {$ref: "#/components/responses/Refused"}
components:
"""
MARKER = "joinedupab12cd"


class Shelf:
    """A system that keeps things, and says which there are."""

    def __init__(self, status_of_delete: str = "204 No Content") -> None:
        self.things: dict[str, dict[str, object]] = {}
        self.ever: list[dict[str, object]] = []
        self._numbers = itertools.count()
        self._status_of_delete = status_of_delete

    def __call__(self, server: Misbehaving, connection: socket.socket, request: bytes) -> None:
        """Answer one request."""
        first, _, rest = request.partition(b"\r\n")
        method, path = (part.decode() for part in first.split(b" ")[:2])
        connection.sendall(self._said(method, path.rpartition("/")[2], rest.partition(b"\r\n\r\n")[2]))

    def _said(self, method: str, last: str, body: bytes) -> bytes:
        if method == "POST":
            return self._make(body)
        if last == "things":
            return answer(json.dumps({"items": list(self.things.values())}).encode())
        if last not in self.things:
            return answer(b'{"title": "Not found"}', status="404 Not Found")
        if method == "DELETE":
            if self._status_of_delete.startswith("2"):
                del self.things[last]
            return answer(b"", status=self._status_of_delete)
        return answer(json.dumps(self.things[last]).encode())

    def _make(self, body: bytes) -> bytes:
        try:
            thing = {"id": f"thing-{next(self._numbers)}", "name": json.loads(body)["name"]}
        except (ValueError, TypeError, KeyError):
            return answer(b'{"title": "Invalid"}', status="400 Bad Request")
        self.things[str(thing["id"])] = thing
        self.ever.append(thing)
        return answer(json.dumps(thing).encode(), status="201 Created")


@contextmanager
def made_on(
    shelf: Shelf, contract: str, folder: Path, *, ours: bool = False, **limits: object
) -> Iterator[Target]:
    """A target on which a run has made two things."""
    (folder / "contract.yaml").write_text(contract)
    with misbehaving(Miscreant(shelf)) as server:
        configuration = Configuration(
            systems={"shelf": System(base_url=server.base_url, contract="contract.yaml")},
            limits=Limits(**limits),  # type: ignore[arg-type]
            folder=str(folder),
        )
        target = build_target(
            "shelf",
            configuration,
            load_catalogue(),
            seed=1,
            write=lambda e, **f: None,
            ours=ours,
            marker=MARKER,
        )
        harvest(target)
        fresh(target, creates_of(target)[0])
        yield target
        target.client.close()


def test_what_is_made_is_marked(tmp_path: Path) -> None:
    """Each object carries the run's word in its free text, also those that differ in it."""
    shelf = Shelf()
    with made_on(shelf, CONTRACT, tmp_path):
        names = [str(thing["name"]) for thing in shelf.ever]
    assert (len(names), len(set(names))) == (2, 2)
    assert all(MARKER in name for name in names)


@pytest.mark.parametrize(
    ("contract", "destructive", "refusal", "left"),
    [
        (CONTRACT.replace("components:\n", DELETE.lstrip("\n"), 1), True, "", 0),
        (CONTRACT.replace("components:\n", DELETE.lstrip("\n"), 1), False, "", 2),
        (CONTRACT.replace("components:\n", DELETE.lstrip("\n"), 1), True, "403 Forbidden", 2),
        (CONTRACT, True, "", 2),
    ],
    ids=["allowed", "not-allowed", "refused", "no-delete"],
)
def test_what_may_be_deleted_is_and_the_rest_is_listed(
    contract: str, destructive: bool, refusal: str, left: int, tmp_path: Path
) -> None:
    """Deleted only where contract, configuration and system allow; the ledger says what the shelf says."""
    shelf = Shelf(refusal or "204 No Content")
    with made_on(shelf, contract, tmp_path, destructive=destructive) as target:
        entries = list(settle(target))
    assert len(entries) == 2
    assert [entry.deleted for entry in entries].count(False) == len(shelf.things) == left
    assert {entry.operation for entry in entries} == {"POST /v1/things"}
    assert all(entry.where.startswith("/v1/things/‹string:7 #") for entry in entries)


def test_deleting_ends_with_the_budget(tmp_path: Path) -> None:
    """With no request left, nothing more is sent, and what is there is listed as left behind."""
    shelf = Shelf()
    contract = CONTRACT.replace("components:\n", DELETE.lstrip("\n"), 1)
    with made_on(shelf, contract, tmp_path, destructive=True, max_requests=300) as target:
        target.budget.sent = 299
        entries = list(settle(target))
    assert sorted(entry.deleted for entry in entries) == [False, True]
    assert len(shelf.things) == 1


def test_verdict_and_page_say_what_is_left() -> None:
    """The record's events become a list in the verdict and a line on the page, with the word to look for."""
    entry = Entry("POST /v1/things", "/v1/things/‹string:7 #a1›", False)
    events: list[dict[str, object]] = [
        {"event": "run-started", "at": "2026-03-02T10:15:00Z", "marker": MARKER, "requirements": []},
        {"event": "system", "system": "shelf", "operations": 4, "live": True},
        {"event": "made", "system": "shelf", **vars(entry)},
        {"event": "made", "system": "shelf", **vars(entry) | {"deleted": True}},
        {"event": "run-finished"},
    ]
    verdict = compute(events)
    assert verdict["marker"] == MARKER
    assert verdict["made"] == [
        {"system": "shelf", **vars(entry)},
        {"system": "shelf", **vars(entry) | {"deleted": True}},
    ]
    page = render(verdict)
    assert MARKER in page
    assert "2 objects made, 1 left behind" in page
