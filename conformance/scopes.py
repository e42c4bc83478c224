"""
What a token with fewer scopes may do: a token is asked for with one scope, and shown where another one is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from joinedup.conformance.disguise import MEANT, Trial, try_on
from joinedup.conformance.errors import JoinedUpError
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.forgery import token_of
from joinedup.conformance.harvest import compose
from joinedup.conformance.identities import TokenServer
from joinedup.conformance.isolation import Belonging, reached_by
from joinedup.conformance.objects import (
    creates_of,
    fresh,
    identifier_of,
    item_operations,
    renewed,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import LIMITED_TO, OWN, Target
from joinedup.conformance.vocabulary import METHOD_OVERRIDES

REFUSED = (401, 403)
MOST_SCOPES = 4
# A word that says how far a scope reaches; one that reaches further may well be let do what reaches less far.
_REACH = (
    re.compile(r"\b(read|view|list|get|search|query|r)\b"),
    re.compile(r"\b(write|create|update|edit|change|submit|send|post|delete|w|rw)\b"),
    re.compile(r"\b(manage|admin|administer|full|all|owner)\b|\*"),
)


@dataclass(frozen=True)
class Narrowed:
    """
    A caller whose token was asked for with one scope only.

    Args:
        caller: its name.
        scope: the scope that was asked for.
        granted: the scopes that it has, as the token server or the token itself says.
    """

    caller: str
    scope: str
    granted: frozenset[str]


@dataclass
class Doors:
    """
    What came of showing narrowed tokens.

    Args:
        target: the system under test.
        held: how often one was refused, by a token that is let in elsewhere.
        reports: what one could do all the same.
        left_out: scopes for which no narrower token could be had, with the reason.
    """

    target: Target
    held: int = 0
    reports: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def needed_scopes(operation: Operation) -> tuple[frozenset[str], ...]:
    """The sets of scopes of which an operation needs one whole set; empty where something else opens it too."""
    alternatives = [frozenset(s for scopes in a.values() for s in scopes) for a in operation.security]
    return tuple(alternatives) if alternatives and all(alternatives) else ()


def scopes_of(target: Target) -> list[str]:
    """Every scope that an operation needs, those that reach least far first."""
    found = {s: None for op in target.operations for need in needed_scopes(op) for s in sorted(need)}
    return sorted(found, key=reach)


def reach(scope: str) -> int:
    """How far a scope reaches, as its name says: 1 for reading, 2 for changing, 3 for all; 0 where it does not say."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", scope).lower()
    words = re.sub(r"[^a-z*]+", " ", words)
    return max((i + 1 for i, pattern in enumerate(_REACH) if pattern.search(words)), default=0)


def may_imply(held: str, needed: str) -> bool:
    """Whether one scope may be meant to include another: of the same stem and reaching as far, or of everything."""
    stems = [_stem(scope) for scope in (held, needed)]
    return (reach(held) == 3 and stems[0] == "") or (stems[0] == stems[1] and reach(held) > reach(needed))


def _stem(scope: str) -> str:
    words = re.sub(r"[^a-z*]+", " ", re.sub(r"([a-z])([A-Z])", r"\1 \2", scope).lower())
    for pattern in _REACH:
        words = pattern.sub("", words)
    return " ".join(words.split())


def narrowed(target: Target, scope: str) -> Narrowed | str:
    """A caller with one scope only, or why there is none."""
    name = f"{OWN}{LIMITED_TO}{scope}"
    try:
        auth = target.derived(name).auth
        granted = _granted(auth, scope)
    except JoinedUpError:
        return f"a token with the scope {scope} alone, which the token server refuses"
    if granted != {scope}:
        return f"a token with the scope {scope} alone, in place of which the token server grants more"
    return Narrowed(name, scope, granted)


def _granted(auth: Any, asked: str) -> frozenset[str]:
    """What a token may do: as it says itself, else as the token server says, else what was asked (RFC 6749, 5.1)."""
    if not isinstance(auth, TokenServer):
        return frozenset()
    token = token_of(auth.token)
    claim = next((token.claims[n] for n in ("scope", "scp") if n in token.claims), None) if token else None
    said = claim if claim is not None else auth.scope or asked
    return frozenset(said.split() if isinstance(said, str) else (str(s) for s in said))


def try_doors(target: Target) -> Doors:
    """Show each narrowed token at each operation that needs another scope."""
    doors = Doors(target)
    for scope in scopes_of(target)[:MOST_SCOPES]:
        caller = narrowed(target, scope)
        if isinstance(caller, str):
            doors.left_out.append(caller)
        else:
            _try(doors, caller)
    return doors


def _try(doors: Doors, caller: Narrowed) -> None:
    target, refused = doors.target, 0
    for operation in target.operations:
        if not lacks(caller, operation):
            continue
        attempt = _attempt(target, operation, caller)
        shown = attempt()
        if shown is None:
            continue
        theirs = shown[-1]
        refused += theirs.status in REFUSED
        if theirs.ok:
            doors.reports.append(_report(target, caller, operation, shown, attempt))
    if target.destructive:
        doors.reports.extend(_overrides(target, caller))
    if refused and _is_let_in(target, caller):
        doors.held += refused


def lacks(caller: Narrowed, operation: Operation) -> bool:
    """Whether an operation needs a scope that a caller has not, and that none of its own may be meant to include."""
    needs = needed_scopes(operation)
    missing = [need - caller.granted for need in needs]
    return bool(needs) and all(
        any(not may_imply(held, scope) for scope in need for held in caller.granted) and need
        for need in missing
    )


def _is_let_in(target: Target, caller: Narrowed) -> bool:
    """The control: whether the narrowed token is let in where its scope is all that is needed."""
    for operation in target.operations:
        good = target.good.get((operation.label, OWN))
        if good is not None and _may(caller, operation):
            found = _ready(target, operation)
            if found is not None and target.client.send(replace(found[1], identity=caller.caller)).ok:
                return True
    return False


Prepared = tuple[tuple[Exchange, ...], Step]


def _ready(target: Target, operation: Operation) -> Prepared | None:
    """A request that the owner's own token would be let make, and what had to be made for it."""
    good = target.good.get((operation.label, OWN))
    if operation.method in ("GET", "HEAD"):
        return ((), good.step) if good is not None else None
    for create in creates_of(target):
        if operation.path.startswith(f"{create.path.rstrip('/')}/{{"):
            return _below(target, operation, create, good)
    if good is None or operation.method == "DELETE":
        return None
    return (), renewed(target, good.step)


def _below(target: Target, operation: Operation, create: Operation, good: Exchange | None) -> Prepared | None:
    """The same, to a new object or to what lies under it."""
    made = fresh(target, create)
    identifier = identifier_of(target, made) if made is not None else MISSING
    if made is None or identifier is MISSING:
        return None
    values = reached_by(target, Belonging(create, made, identifier))
    names = re.findall(r"\{([^{}]+)\}", operation.path)
    if any(name not in values for name in names) or (good is None and operation.method != "DELETE"):
        return None
    step = compose(target, operation, {name: values[name] for name in names}, OWN)
    if step is None:
        return None
    body = {"body": good.step.body, "media_type": good.step.media_type} if good is not None else {}
    return (made,), replace(step, **body)


def _attempt(
    target: Target, operation: Operation, caller: Narrowed
) -> Callable[[], tuple[Exchange, ...] | None]:
    def attempt() -> tuple[Exchange, ...] | None:
        ready = _ready(target, operation)
        if ready is None:
            return None
        before, step = ready
        return *before, target.client.send(replace(step, identity=caller.caller))

    return attempt


def _report(
    target: Target,
    caller: Narrowed,
    operation: Operation,
    shown: tuple[Exchange, ...],
    attempt: Callable[[], tuple[Exchange, ...] | None],
) -> Finding:
    def again() -> bool:
        once_more = attempt()
        return once_more is not None and once_more[-1].ok

    missing = " or ".join(" and ".join(sorted(need - caller.granted)) for need in needed_scopes(operation))
    return confirm(
        target,
        Suspicion(
            rule="scope-not-needed",
            requirements=("AUT-02",),
            title="An operation does not need the scope that the contract says it needs",
            expected=f"403, because the token has {caller.scope} and the operation needs {missing}.",
            actual=f"{shown[-1].status}, as with a token that has the scope.",
            exchanges=shown,
            expectation=Expectation(never=("2XX",)),
            cause=f"without {missing}",
            advice="Check the token's scopes at this operation.",
            again=again,
        ),
    )


# --- a method other than the one that is sent


def _overrides(target: Target, caller: Narrowed) -> Iterator[Finding]:
    """A request that says it is a change or a deletion, by a caller who may read and not do that."""
    for create in creates_of(target):
        items = item_operations(target, create)
        if "GET" not in items or not _may(caller, items["GET"]):
            continue
        for meant in MEANT:
            if meant not in items or not lacks(caller, items[meant]):
                continue
            attempt = partial(try_on, target, create, meant, caller.caller)
            if taken := attempt().taken:
                yield _override(target, items["GET"], meant, taken, attempt)


def _may(caller: Narrowed, operation: Operation) -> bool:
    return any(need <= caller.granted for need in needed_scopes(operation))


def _override(
    target: Target, reader: Operation, meant: str, shown: tuple[Exchange, ...], attempt: Callable[[], Trial]
) -> Finding:
    asked, after = shown[-2:]
    return confirm(
        target,
        Suspicion(
            rule="method-override-evades-scope",
            requirements=("AUT-02",),
            title="A request that says it is another method acts as that for a caller who may only read",
            expected=f"The object as it was for its owner, because {meant} itself is refused to this token.",
            actual=f"{asked.status} to a {asked.step.method} that called itself {meant}, and {after.status} with the effect of that afterwards.",
            exchanges=shown,
            expectation=Expectation(never=("404", "410")) if meant == "DELETE" else Expectation(),
            where=reader.label,
            operations=(reader.label,),
            cause="method override",
            advice=f"Do not take the method from a header ({', '.join(METHOD_OVERRIDES)}) or from _method, or check the scope after it.",
            again=lambda: bool(attempt().taken),
        ),
    )


def of_one_cause(doors: Doors) -> list[Finding]:
    """One finding for each scope that is not needed, with every operation; a single one where none is ever needed."""
    found: dict[tuple[str, ...], list[Finding]] = {}
    for report in doors.reports:
        of_a_scope = report.rule == "scope-not-needed"
        single = replace(report, cause="scopes") if of_a_scope and not doors.held else report
        found.setdefault((*single.key, str(single.confirmed)), []).append(single)
    return [
        replace(
            same[0],
            operations=tuple(sorted({label for report in same for label in report.operations})),
            count=len(same),
        )
        for same in found.values()
    ]
