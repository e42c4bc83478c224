"""
Disclosure: what answers say and should not. How the system is built, personal data that nobody declared, secrets, and
personal data in addresses or in what may be stored on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from stdnum.gb import nhs

from joinedup.conformance.contract import Contract
from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import plain as bare
from joinedup.conformance.inside import flattened
from joinedup.conformance.operations import Operation
from joinedup.conformance.personal_data import OF_A_PERSON, PERSONAL, is_of_a_person
from joinedup.conformance.responses import is_json
from joinedup.conformance.target import Target
from joinedup.conformance.vocabulary import MARKED_INTERNAL, SECRETS, SENSITIVE

MOST_DEPTH = 12
_MASK = re.compile(r"[*•.xX-]*|[<\[(*]*(redacted|hidden|masked|secret)[>\])*]*", re.IGNORECASE)


def seen(target: Target) -> tuple[Exchange, ...]:
    """One answer for each operation and status that was seen so far, in the order in which they came."""
    return tuple(exchange for exchange in target.first.values() if exchange.response is not None)


# --- how the system is built


@dataclass(frozen=True)
class Leak:
    """Something that gives a system away: what it is, and the pattern that it has in a body or in a header."""

    what: str
    pattern: str
    header: bool = False


LEAKS = (
    Leak("a stack trace of Python", r"Traceback \(most recent call last\)"),
    Leak("a stack trace of Java", r"\bat [a-z][\w$]*(\.[\w$]+)+\((\w+\.(java|kt|scala):\d+|Native Method)\)"),
    Leak("a stack trace of .NET", r"\bat [A-Z]\w*(\.[\w`<>]+)+\(.*\) in .*:line \d+"),
    Leak("a stack trace of Node.js", r"\bat (\S+ )?\(?(/|file:|node:)\S+\.(js|ts|mjs):\d+:\d+\)?"),
    Leak("a stack trace of PHP", r"PHP (Fatal|Parse) error|Stack trace:\s+#0 "),
    Leak("a stack trace of Ruby or Go", r"\.rb:\d+:in [`']|goroutine \d+ \[running\]"),
    Leak(
        "a message of a database",
        r"SQLSTATE\[|\bORA-\d{5}|You have an error in your SQL syntax|psycopg2?\.|sqlite3?\.(Operational|Integrity)Error"
        r"|pg_query\(|Unclosed quotation mark after|org\.hibernate\.|com\.mysql\.|Microsoft OLE DB",
    ),
    Leak(
        "a query", r"\bSELECT\s+[\w\"`.*, ]+\s+FROM\s+[\w\"`.]+(\s+WHERE\b|;|$)|\bINSERT INTO [\w\"`.]+ ?\("
    ),
    Leak(
        "a path within the system",
        r"/usr/(local/)?lib/|/site-packages/|/node_modules/|/home/\w+/\w+|/var/www/|/opt/\w+/\w+|[A-Z]:\\\\?(inetpub|Users|Windows)\\",
    ),
    Leak("a software version", r"[A-Za-z][\w.-]*/\d+\.\d+|^\d+\.\d+", header=True),
)
_OF_A_DATABASE = ("a message of a database", "a query")
VERSION_HEADERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")


def leaks(exchange: Exchange) -> Iterator[tuple[Leak, str]]:
    """What an answer gives away, each with the name of the header that does; empty for the body."""
    if exchange.response is None:
        return
    text = exchange.response.body.decode("utf-8", "replace")
    for leak in LEAKS:
        if not leak.header and re.search(leak.pattern, text):
            yield leak, ""
        if leak.header:
            for name in VERSION_HEADERS:
                value = exchange.response.headers.get(name, "")
                if re.search(leak.pattern, value):
                    yield leak, name


def leak_suspicion(exchange: Exchange, leak: Leak, header: str) -> Suspicion:
    """An answer that gives away how the system is built."""
    where = f"the header {header}" if header else "the body"
    expectation = (
        Expectation(header_unlike=(header, leak.pattern)) if header else Expectation(unlike=leak.pattern)
    )
    return Suspicion(
        rule="gives-away-how-it-is-built",
        requirements=("SEC-07",),
        title="An answer gives away how the system is built",
        expected=f"Nothing of the kind in {where}: an error says what is wrong with the request, and no more.",
        actual=f"{exchange.status} with {leak.what} in {where}.",
        exchanges=(exchange,),
        expectation=expectation,
        cause=header or ("a database" if leak.what in _OF_A_DATABASE else leak.what),
    )


# --- what the contract does not declare


def undeclared(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Personal data that the contract does not declare for an answer, and write-only properties: (pointer, why)."""
    schema = schema_of_answer(contract, operation, exchange)
    body = exchange.json()
    if schema and body is not MISSING:
        people = is_of_a_person(operation)
        yield from _undeclared(contract, schema, body, "", people, 0)


def schema_of_answer(contract: Contract, operation: Operation, exchange: Exchange) -> dict[str, Any]:
    """What the contract says of a JSON answer of its media type, else of any; empty where it says nothing."""
    status = str(exchange.status)
    response = (
        operation.responses.get(status)
        or operation.responses.get(f"{status[0]}XX")
        or operation.responses.get("default")
        or {}
    )
    received = exchange.response.headers.get("content-type", "") if exchange.response else ""
    declared = (response.get("content") or {}).items()
    for media_type, media in sorted(declared, key=lambda pair: _essence(pair[0]) != _essence(received)):
        if is_json(media_type) and isinstance(media, dict) and isinstance(media.get("schema"), dict):
            return flattened(contract, media["schema"])
    return {}


def _is_hidden(value: Any) -> bool:
    """Whether what stands in an answer is no value but a mask: nothing, or stars and the like."""
    return isinstance(value, str) and _MASK.fullmatch(value) is not None


def _essence(media_type: str) -> str:
    """A media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def _undeclared(
    contract: Contract, schema: Mapping[str, Any], value: Any, pointer: str, people: bool, depth: int
) -> Iterator[tuple[str, str]]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, list):
        items = flattened(contract, schema.get("items"))
        for index, inner in enumerate(value[:5]) if items else ():
            yield from _undeclared(contract, items, inner, f"{pointer}/{index}", people, depth + 1)
        return
    declared = _properties(contract, schema)
    if not isinstance(value, dict) or not declared:
        return
    further = schema.get("additionalProperties") or schema.get("patternProperties")
    for name, inner in value.items():
        here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in declared:
            if not further and inner is not None and _is_not_for_callers(bare(name), people):
                yield here, "which the contract does not declare"
            continue
        node = flattened(contract, declared[name])
        if node.get("writeOnly") and inner is not None and not _is_hidden(inner):
            yield here, "which the contract declares write-only"
        yield from _undeclared(contract, node, inner, here, people, depth + 1)


def _properties(contract: Contract, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Every property that a schema or one of its alternatives declares; empty where an alternative allows anything."""
    found = dict(schema.get("properties") or {})
    for choice in ("anyOf", "oneOf"):
        for part in schema.get(choice) or ():
            inner = flattened(contract, part)
            if not inner.get("properties") and inner.get("type") in (None, "object"):
                return {}
            found |= inner.get("properties") or {}
    return found


def _is_not_for_callers(name: str, people: bool) -> bool:
    """Whether an undeclared property is more than something new: personal, sensitive, or internal by its name."""
    return _is_personal(name, people) or (people and name in SENSITIVE) or name.startswith(MARKED_INTERNAL)


def _is_personal(name: str, people: bool) -> bool:
    return name in PERSONAL or (people and name in OF_A_PERSON)


def secrets_in(value: Any, pointer: str = "") -> Iterator[str]:
    """The pointers of passwords, secrets and keys that an answer shows with a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if isinstance(key, str) and bare(key) in SECRETS and isinstance(inner, str) and len(set(inner)) > 1:
            yield here
        else:
            yield from secrets_in(inner, here)


def property_suspicion(exchange: Exchange, pointer: str, why: str) -> Suspicion:
    """An answer that holds a property that it should not."""
    name = re.sub(r"/\d+(?=/|$)", "", pointer).lstrip("/").replace("/", ".")
    return Suspicion(
        rule="answers-more-than-declared",
        requirements=("SEC-02",),
        title="An answer holds personal data or a secret that it should not hold",
        expected="Only the properties that the contract declares for the answer, and no secret.",
        actual=f"{exchange.status} with the property {name}, {why}.",
        exchanges=(exchange,),
        expectation=Expectation(absent=pointer),
        cause=f"property {name}",
        advice="Leave it out, or declare it if the caller is meant to have it.",
    )


# --- personal data that may be stored


def holds_personal_data(operation: Operation, value: Any) -> bool:
    """Whether a JSON answer has a property that by its name is personal, with a value."""
    people = is_of_a_person(operation)
    if isinstance(value, list):
        return any(holds_personal_data(operation, inner) for inner in value[:20])
    if not isinstance(value, dict):
        return False
    return any(
        (_is_personal(bare(name), people) and inner not in (None, "", [], {}))
        or holds_personal_data(operation, inner)
        for name, inner in value.items()
    )


def may_be_stored(exchange: Exchange) -> bool:
    """Whether an answer does not forbid storing it."""
    control = exchange.response.headers.get("cache-control", "") if exchange.response else ""
    return "no-store" not in control.lower()


def invites_storing(exchange: Exchange) -> bool:
    """Whether an answer says that it may be stored."""
    control = exchange.response.headers.get("cache-control", "").lower() if exchange.response else ""
    return may_be_stored(exchange) and bool(re.search(r"\bpublic\b|max-age=[1-9]", control))


def storing_suspicion(exchange: Exchange, *, refusal: bool) -> Suspicion:
    """An answer with personal data, or a refusal of an operation on it, that may be stored on the way."""
    control = exchange.response.headers.get("cache-control", "") if exchange.response else ""
    said = f"Cache-Control {control!r}" if re.fullmatch(r"[a-z0-9=, -]{1,100}", control) else "no such header"
    about = "a refusal by an operation with personal data" if refusal else "an answer with personal data"
    return Suspicion(
        rule="personal-data-may-be-stored",
        requirements=("PRV-03",),
        title="An answer about a person may be stored on the way",
        expected=f"Cache-Control with no-store, because this is {about}.",
        actual=f"{exchange.status} with {said}.",
        exchanges=(exchange,),
        expectation=Expectation(header="Cache-Control", matches=r"(?i).*\bno-store\b.*"),
        cause="refusals" if refusal else "answers",
    )


# --- personal data in addresses


def links_in(exchange: Exchange) -> Iterator[str]:
    """Every address in an answer: of its headers, and texts of its body that are one."""
    if exchange.response is None:
        return
    for name in ("location", "content-location"):
        if value := exchange.response.headers.get(name):
            yield value
    yield from re.findall(r"<([^<>]+)>", exchange.response.headers.get("link", ""))
    yield from _addresses(exchange.json())


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, str) and "?" in value and re.match(r"(https?:/)?/[^\s]*$", value):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _addresses(inner)


def personal_parameters(address: str) -> list[str]:
    """The names of query parameters of an address that carry personal data, by their names or as an NHS number."""
    try:
        pairs = parse_qsl(urlsplit(address).query)
    except ValueError:
        return []
    return [
        name for name, value in pairs if bare(name) in PERSONAL or (value.isdigit() and nhs.is_valid(value))
    ]


def link_suspicion(exchange: Exchange, names: list[str]) -> Suspicion:
    """An answer whose link carries personal data in its query."""
    return Suspicion(
        rule="link-with-personal-data",
        requirements=("PRV-01",),
        title="A link in an answer carries personal data in its query",
        expected="Links without personal data, since logs, proxies and histories keep addresses.",
        actual=f"{exchange.status} with a link whose query has {', '.join(sorted(set(names)))}.",
        exchanges=(exchange,),
        expectation=Expectation(unlike=rf"[?&]{re.escape(names[0])}="),
        cause=f"link {' '.join(sorted(set(names)))}",
    )


def leads_away(base_url: str, exchange: Exchange) -> str:
    """Where a redirection leads that it should not: to another origin, or to plain HTTP; empty where it does not."""
    if exchange.response is None or not 300 <= exchange.status < 400:
        return ""
    location = exchange.response.headers.get("location", "")
    if not location:
        return ""
    try:
        here, there = urlsplit(base_url), urlsplit(urljoin(base_url + exchange.step.url_path(), location))
        same = (here.hostname, here.port) == (there.hostname, there.port)
    except ValueError:
        return "to an address that cannot be read"
    if here.scheme == "https" and there.scheme != "https":
        return "to an address without TLS"
    upgraded = here.scheme == "http" and there.scheme == "https" and here.hostname == there.hostname
    return "" if same or upgraded else "to another origin"


def redirect_suspicion(exchange: Exchange, where: str) -> Suspicion:
    """A redirection that takes a credential or personal data elsewhere."""
    return Suspicion(
        rule="redirects-elsewhere",
        requirements=("PRV-05",),
        title="A request with a credential or personal data is redirected elsewhere",
        expected="An answer, or a redirection within the same origin over TLS.",
        actual=f"{exchange.status} {where}.",
        exchanges=(exchange,),
        expectation=Expectation(never=("3XX",)),
        cause="redirection",
    )


# --- other web sites

ORIGIN = "https://joinedup-other.example"


def lets_any_site_read(exchange: Exchange) -> bool:
    """Whether a browser may read the answer in the name of whoever visits any web site."""
    if exchange.response is None:
        return False
    headers = exchange.response.headers
    credentials = headers.get("access-control-allow-credentials", "").strip().lower() == "true"
    return credentials and headers.get("access-control-allow-origin", "").strip() in ("*", ORIGIN, "null")
