"""
The words of a contract: the values that it declares, the names that it uses, and the names by which checks know things.

Names of features stand in ``features.NAMES``; those of what else a check looks for stand here, all lower case and
without punctuation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from joinedup.conformance.anatomy import parts_of

IDENTIFIERS = ("id", "identifier", "uuid", "guid")
"""Properties that identify the object that they stand in, the likeliest first; ``childId`` identifies a child."""

FREE_TEXT = frozenset(
    {
        *(
            "summary",
            "description",
            "notes",
            "note",
            "text",
            "comment",
            "comments",
            "details",
            "detail",
            "title",
        ),
        *("reason", "narrative", "message", "content", "remarks", "name", "subject"),
    }
)
"""Properties that take any text, and that nothing else hangs on."""

REQUEST_IDENTIFIERS = frozenset(
    {"idempotencykey", "xidempotencykey", "xrequestid", "requestid", "clientrequestid", "xclientrequestid"}
)
"""Headers by which a server recognises a request that is sent twice: each new request has a new value."""

PAGE_HOLDERS = frozenset(
    {"links", "link", "paging", "pagination", "page", "pageinfo", "meta", "metadata", "cursors"}
)
"""Properties of a list's answer that say where its other pages are."""

NEXT_LINKS = frozenset(
    {"next", "nextlink", "nexturl", "nexthref", "nextpage", "nextpageurl", "nextpagelink", "odatanextlink"}
)
"""Properties that hold the address of the next page."""

NEXT_CURSORS = frozenset(
    {
        *("nextcursor", "nextpagetoken", "nexttoken", "nextpagekey", "continuationtoken", "continuefrom"),
        *("endcursor", "scrollid", "next", "after"),
    }
)
"""Properties that hold what the cursor of the next page is."""

MORE = frozenset({"hasmore", "hasnext", "hasnextpage", "more"})
"""Properties that say whether another page follows."""

TOTALS = frozenset({"total", "totalcount", "totalitems", "totalresults", "totalelements", "totalrecords"})
"""Properties that say how many items all pages hold together."""

POINTERS = frozenset(
    {
        *(
            "id",
            "identifier",
            "uuid",
            "guid",
            "reference",
            "ref",
            "url",
            "uri",
            "href",
            "link",
            "location",
            "self",
        ),
        *("type", "kind", "category", "recordtype", "resourcetype", "documenttype", "class", "format"),
        *("organisation", "organization", "provider", "holder", "custodian", "owner", "author", "source"),
        *("service", "system", "team", "contact", "status", "state", "version"),
    }
)
"""Properties that say that something exists, of which kind, and who has it, and nothing of what it says."""

GIVEN_NAMES = frozenset(
    {"givenname", "givennames", "firstname", "firstnames", "forename", "forenames", "middlename"}
)
"""Properties that a person who has one name only has nothing for."""

STATES = frozenset(
    {"status", "state", "stage", "phase", "outcome", "lifecycle", "action", "event", "transition"}
)
"""Properties whose next value hangs on the present one."""

SENSITIVE = frozenset(
    {
        "notes",
        "note",
        "comments",
        "risk",
        "risks",
        "riskassessment",
        "safeguarding",
        "safeguardingnotes",
        "casenotes",
    }
    | {
        "allegations",
        "allegation",
        "diagnosis",
        "diagnoses",
        "medical",
        "health",
        "religion",
        "nationality",
        "sexuality",
    }
)
"""Properties that say more of a person than a caller may have been meant to know, where the contract does not name them."""

MARKED_INTERNAL = ("internal", "confidential", "private", "sensitive", "restricted")
"""How the names of properties begin that were not meant for callers."""

SECRETS = frozenset(
    {
        "password",
        "passwd",
        "pwd",
        "passwordhash",
        "secret",
        "clientsecret",
        "secretkey",
        "apikey",
        "privatekey",
        "apisecret",
    }
)
"""Properties whose value only its owner may know."""

METHOD_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
"""Headers that some servers take for the method of a request."""

_EXAMPLE_HOLDERS = frozenset({"schema", "parameter", "header", "media-type"})


def declared_values(document: dict[str, Any]) -> frozenset[str]:
    """
    Every enum member, constant, example and default as text: a string as it is, any other scalar as JSON.

    The fixed segments of paths count too: an answer that holds the ``4`` of ``/api/4/all`` does not make it a secret.
    """
    paths = document.get("paths")
    segments = (
        {segment for path in paths for segment in path.split("/")} if isinstance(paths, dict) else set()
    )
    return frozenset(
        text
        for part in parts_of(document)
        for value in _values(part.kind, part.value)
        for text in _scalars(value)
    ) | frozenset(segment for segment in segments if "{" not in segment)


def _values(kind: str, node: object) -> Iterator[object]:
    if not isinstance(node, dict):
        return
    if kind == "schema":
        yield from (node[key] for key in ("enum", "const", "default", "examples") if key in node)
    if kind in _EXAMPLE_HOLDERS and "example" in node:
        yield node["example"]
    if kind == "example" and "value" in node:
        yield node["value"]


def _scalars(value: object) -> Iterator[str]:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, str):
            yield node
        elif node is not None:
            yield json.dumps(node)


def property_names(document: dict[str, Any]) -> frozenset[str]:
    """The name of every property, parameter and header that is declared."""
    return frozenset(name for part in parts_of(document) for name in _names(part.kind, part.value))


def _names(kind: str, node: object) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    if kind == "schema" and isinstance(node.get("properties"), dict):
        yield from (str(name) for name in node["properties"])
    if kind == "parameter" and isinstance(node.get("name"), str):
        yield node["name"]
    if kind in {"response", "encoding"} and isinstance(node.get("headers"), dict):
        yield from (str(name) for name in node["headers"])
