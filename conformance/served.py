"""
Does the server at ``base_url`` serve the contract at all?

A few readings, as the default caller. Answered with 404 throughout, by a login page, by redirects or by a gateway that
has no system behind it, they say that the address or the credential is wrong, and nothing of the system.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from joinedup.conformance.check import first_of
from joinedup.conformance.diagnosis import Fault
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.harvest import RISKY, candidates
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import OWN, Target

MOST_LOOKS = 6
# A system that says nothing is not asked as often, for each time takes as long as an answer may.
MOST_SILENT = 3
UNAVAILABLE = frozenset({502, 503, 504})
# A path that no contract declares: what answers there answers everywhere.
NOWHERE = "/joinedup-asks-for-a-path-that-is-not-there"


def looks(target: Target) -> list[tuple[Operation, Exchange]]:
    """
    A few requests that change nothing, with their answers: readings, else OPTIONS at the other paths.

    Raises:
        SetupError: a credential cannot be had, or the requests are used up.
    """
    looked = []
    for operation, step in itertools.islice(itertools.chain(_readings(target), _options(target)), MOST_LOOKS):
        exchange = target.client.send(step)
        looked.append((operation, exchange))
        if exchange.ok:
            target.knowledge.learn(exchange)
        if exchange.response is None and len(looked) >= MOST_SILENT:
            break
    return looked


def _readings(target: Target) -> Iterator[tuple[Operation, Step]]:
    """Readings that need no identifier of an object, so that 404 is no answer that one would expect."""
    for operation in target.operations:
        if operation.method == "GET" and "{" not in operation.path and not RISKY.search(operation.path):
            step = next(candidates(target, operation, OWN), None)
            if step is not None:
                yield operation, step


def _options(target: Target) -> Iterator[tuple[Operation, Step]]:
    read = {operation.path for operation, _ in _readings(target)}
    for operation in target.operations:
        if operation.path not in read and "{" not in operation.path:
            read.add(operation.path)
            yield operation, Step("OPTIONS", operation.path, identity=OWN, operation="")


def serving_faults(target: Target, looked: Sequence[tuple[Operation, Exchange]]) -> Iterator[Fault]:
    """What the answers of ``looks`` have in common that keeps the contract from being tested; the first is the reason."""
    if not looked:
        return
    for judge in (_silent, _unavailable, _login, _redirected, _refused, _not_there):
        fault = judge(target, looked)
        if fault is not None:
            yield fault
            return


Looked = Sequence[tuple[Operation, Exchange]]
Judge = Callable[[Target, Looked], Fault | None]


def _all(looked: Looked, fits: Callable[[Operation, Exchange], bool]) -> bool:
    return all(fits(operation, exchange) for operation, exchange in looked)


def _paths(looked: Looked) -> str:
    return first_of([operation.label for operation, _ in looked], 2)


def _base(target: Target) -> str:
    return f"systems.{target.name}.base_url"


def _silent(target: Target, looked: Looked) -> Fault | None:
    if not _all(looked, lambda _, exchange: exchange.response is None):
        return None
    why = looked[0][1].error
    return Fault(
        "no-answer",
        f"{_base(target)}: {_paths(looked)} gave no answer: {why}.",
        f"Check that the system behind {_base(target)} runs, and limits.timeout_s.",
    )


def _unavailable(target: Target, looked: Looked) -> Fault | None:
    if not _all(looked, lambda _, exchange: exchange.status in UNAVAILABLE):
        return None
    return Fault(
        "system-unavailable",
        f"{_base(target)}: every operation that was tried ({_paths(looked)}) answered {looked[0][1].status}: a gateway "
        "answers, and no system behind it.",
        f"Start the system behind {_base(target)}, or correct the address.",
    )


def _login(target: Target, looked: Looked) -> Fault | None:
    def is_page(operation: Operation, exchange: Exchange) -> bool:
        return (
            exchange.response is not None
            and exchange.ok
            and exchange.response.media_type == "text/html"
            and not _declares(operation, "text/html")
        )

    if not _all(looked, is_page):
        return None
    return Fault(
        "login-page",
        f"{_base(target)}: answers of the contract were expected, and a web page came for {_paths(looked)}: perhaps a "
        "login page.",
        f"Write the address of the API in {_base(target)}, and see that systems.{target.name}.identities.own gets past "
        "whatever signs people in.",
    )


def _declares(operation: Operation, media_type: str) -> bool:
    return any(media_type in (response.get("content") or {}) for response in operation.responses.values())


def _redirected(target: Target, looked: Looked) -> Fault | None:
    def leads_away(operation: Operation, exchange: Exchange) -> bool:
        declared = any(status.startswith("3") for status in operation.responses)
        return 300 <= exchange.status < 400 and not declared

    if not _all(looked, leads_away):
        return None
    return Fault(
        "redirected",
        f"{_base(target)}: answers of the contract were expected, and {_paths(looked)} answered {looked[0][1].status}: the "
        "API is elsewhere, or somebody is asked to sign in.",
        f"Write the address that the redirect leads to in {_base(target)}, if it is the API.",
    )


def _refused(target: Target, looked: Looked) -> Fault | None:
    secured = [(o, e) for o, e in looked if not o.public and e.step.method != "OPTIONS"]
    if not secured or not _all(secured, lambda _, exchange: exchange.status == 401):
        return None
    return Fault(
        "credential-refused",
        f"systems.{target.name}.identities.own: its credential was expected to be accepted, and {_paths(secured)} "
        "answered 401.",
        f"Give a current credential of this environment in systems.{target.name}.identities.own.",
    )


def _not_there(target: Target, looked: Looked) -> Fault | None:
    if not _all(looked, lambda _, exchange: exchange.status == 404):
        return None
    nowhere = target.client.send(Step("GET", NOWHERE, identity=OWN, operation=""))
    readings = [exchange for _, exchange in looked if exchange.step.method != "OPTIONS"]
    if nowhere.status != 404 or any(_shape(exchange) != _shape(nowhere) for exchange in readings):
        return None
    return Fault(
        "contract-not-served",
        f"{_base(target)}: paths of the contract were expected at {target.system.base_url}, and {_paths(looked)} answered "
        "404 like a path that does not exist.",
        f"Write the address at which the contract's paths start in {_base(target)}{_prefix(target)}.",
    )


def _shape(exchange: Exchange) -> object:
    """What an answer is like, values left out: two answers from the same place are alike."""
    body = exchange.json()
    names = tuple(sorted(body)) if isinstance(body, dict) else "" if body is MISSING else type(body).__name__
    media_type = exchange.response.media_type if exchange.response else ""
    return media_type, names


def _prefix(target: Target) -> str:
    """The address that the contract itself names, where it is another one."""
    servers = target.contract.document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    url = str(first.get("url", "")) if isinstance(first, dict) else ""
    if not url or url == "/" or "{" in url or target.system.base_url.rstrip("/").endswith(url.rstrip("/")):
        return ""
    return f"; the contract names {url}"
