"""
What is one organisation's stays out of another's reach: reading, lists, changing, adding and deleting.

Everything is done to objects that one organisation made or that only its own lists hold. The controls: the owner can
read the object, nobody without a credential can, and the other organisation's own lists do not show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.features import PAGE_SIZE, plain
from joinedup.conformance.findings import Finding
from joinedup.conformance.forgery import credential_of
from joinedup.conformance.harvest import compose, path_values
from joinedup.conformance.lists import identifiers_in
from joinedup.conformance.objects import (
    collections_of,
    creates_of,
    fresh,
    identifier_of,
    item_operations,
    renewed,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import scalars
from joinedup.conformance.target import OTHER, OWN, Target

REFUSED = (401, 403, 404, 410)
MOST_OBJECTS = 6
MOST_READS = 3
SHORTEST = 6
"""A shorter value may stand in two answers by chance."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")


@dataclass(frozen=True)
class Belonging:
    """
    An object that its owner has just made.

    Args:
        create: the operation that made it.
        made: the exchange.
        identifier: what identifies it.
    """

    create: Operation
    made: Exchange
    identifier: Any

    @property
    def owner(self) -> str:
        """Who made it."""
        return str(self.made.step.identity)


@dataclass
class Boundary:
    """
    The line between an owner and an intruder, and what was seen across it.

    Args:
        target: the system under test.
        owner: the identity whose objects are asked for.
        intruder: the identity that asks.
        held: how often the line held.
        reports: what looked wrong, confirmed where it showed again.
        pointed: whether the intruder was told that an object exists, and nothing of what it says.
    """

    target: Target
    owner: str
    intruder: str
    held: int = 0
    reports: list[Finding] = field(default_factory=list)
    pointed: bool = False

    def as_intruder(self, step: Step) -> Exchange:
        """The intruder's answer to a request of the owner's."""
        return self.target.client.send(replace(renewed(self.target, step), identity=self.intruder))

    def as_owner(self, step: Step) -> Exchange:
        """The owner's answer to a request."""
        return self.target.client.send(replace(renewed(self.target, step), identity=self.owner))

    def open_to_all(self, step: Step) -> bool:
        """Whether a request is answered without any credential, which is another rule's finding."""
        return self.target.client.send(replace(step, identity=None)).ok

    def note(self, exchange: Exchange) -> bool:
        """Count a refusal; True where it was one."""
        refused = exchange.status in REFUSED
        self.held += refused
        return refused

    def report(self, suspicion: Suspicion) -> None:
        """Confirm and keep a suspicion."""
        self.reports.append(confirm(self.target, suspicion))


def boundaries(target: Target) -> list[Boundary]:
    """Both directions between two callers that have got in, or nothing."""
    callers = [who for who in (OWN, OTHER) if _gets_in(target, who)]
    if len(callers) < 2:
        return []
    return [Boundary(target, OWN, OTHER), Boundary(target, OTHER, OWN)]


def _gets_in(target: Target, who: str) -> bool:
    identity = target.identities.get(who)
    return (
        identity is not None
        and credential_of(identity) is not None
        and any(caller == who for _, caller in target.good)
    )


def same_organisation(target: Target) -> bool:
    """Whether the configuration says that both callers speak for one organisation."""
    named = [target.identities[who].organisation for who in (OWN, OTHER) if who in target.identities]
    return len(named) == 2 and named[0] == named[1] != ""


# --- what belongs to whom


def made_anew(target: Target, owner: str) -> list[Belonging]:
    """New objects of an owner, one for each operation that makes some."""
    found = []
    for create in creates_of(target, owner)[:MOST_OBJECTS]:
        made = fresh(target, create, owner)
        identifier = identifier_of(target, made) if made is not None else MISSING
        if made is not None and identifier is not MISSING:
            found.append(Belonging(create, made, identifier))
    return found


def shown_to(target: Target, caller: str) -> set[str]:
    """Every value in the lists that a caller may read now, as text."""
    seen: set[str] = set()
    for collection in collections_of(target, caller):
        if "{" not in collection.operation.path:
            seen.update(scalars(target.client.send(long_page(collection.operation, collection.step)).json()))
    return seen


def long_page(operation: Operation, step: Step) -> Step:
    """A request for a list with as long a page as may be asked for."""
    size = next(
        (p for p in operation.parameters if p.location == "query" and plain(p.name) in PAGE_SIZE), None
    )
    most = size.schema.get("maximum", 50) if size is not None else None
    if size is None or not isinstance(most, int):
        return step
    others = tuple((name, value) for name, value in step.query if name != size.name)
    return replace(step, query=(*others, (size.name, most)))


def listed_by(target: Target, owner: str, intruder: str) -> set[str]:
    """Identifiers in the owner's lists, where the intruder's same list was answered and shares none of them."""
    found: set[str] = set()
    for collection in collections_of(target, owner):
        theirs = target.good.get((collection.operation.label, intruder))
        mine = target.good[(collection.operation.label, owner)]
        if theirs is None or "{" in collection.operation.path:
            continue
        own, others = identifiers_in(mine) or [], identifiers_in(theirs) or []
        if not {str(i) for i in own} & {str(i) for i in others}:
            found |= {str(i) for i in own}
    return found


def _territory(target: Target, owner: str, intruder: str) -> set[str]:
    """Values that the configuration gives to the owner alone, such as its mailbox."""
    own, others = (
        {str(v) for values in target.system.identities[who].get("fixtures", {}).values() for v in values}
        for who in (owner, intruder)
    )
    return own - others


# --- reading


def read_across(boundary: Boundary, private: list[Belonging], seen: set[str]) -> None:
    """Every reading of an object that is the owner's, asked for by the intruder."""
    target = boundary.target
    listed = listed_by(target, boundary.owner, boundary.intruder) - seen
    territory = _territory(target, boundary.owner, boundary.intruder)
    for operation in target.operations:
        if operation.method != "GET" or "{" not in operation.path:
            continue
        tried = 0
        for step in _readings(boundary, operation, private, listed, territory):
            tried += _read(boundary, step, seen)
            if tried == MOST_READS:
                break


def _readings(
    boundary: Boundary, operation: Operation, private: list[Belonging], listed: set[str], territory: set[str]
) -> Iterator[Step]:
    target, names = boundary.target, re.findall(r"\{([^{}]+)\}", operation.path)
    sets: list[Mapping[str, Any]] = [reached_by(target, b) for b in reversed(private)]
    sets = [values for values in sets if all(name in values for name in names)]
    good = target.good.get((operation.label, boundary.owner))
    known = [good.step.path_parameters] if good is not None else []
    known += list(path_values(target, operation, boundary.owner))
    created = {str(b.identifier) for b in private}
    for values in known:
        if str(values.get(names[-1])) in listed | created or _within(operation, values, territory):
            sets.append(values)
    done: set[str] = set()
    for values in sets:
        step = compose(target, operation, {name: values[name] for name in names}, boundary.owner)
        if step is not None and step.url_path() not in done:
            done.add(step.url_path())
            yield step


def reached_by(target: Target, belonging: Belonging) -> dict[str, Any]:
    """The path parameters by which an object, and what lies under it, is reached."""
    paths = {op.path for op in item_operations(target, belonging.create).values()}
    below = [op.path for op in target.operations if op.path.startswith(f"{belonging.create.path}/{{")]
    values = dict(belonging.made.step.path_parameters)
    for path in (*sorted(paths), *below):
        before = belonging.create.path.count("{") if path in below else 0
        names = re.findall(r"\{([^{}]+)\}", path)
        if len(names) > before:
            values.setdefault(names[before], belonging.identifier)
    return values


def _within(operation: Operation, values: Mapping[str, Any], territory: set[str]) -> bool:
    """Whether a path leads below something that is the owner's alone; what only names it may be looked up by all."""
    for name, value in values.items():
        before, _, after = operation.path.partition("{" + name + "}")
        if str(value) in territory and after.strip("/") and not re.search("lookup|search|directory", before):
            return True
    return False


def _read(boundary: Boundary, step: Step, seen: set[str]) -> bool:
    """Let both ask for an object; True where that put the boundary to the test."""
    if any(str(value) in seen for value in step.path_parameters.values()):
        return False
    mine = boundary.as_owner(step)
    if not mine.ok:
        return False
    theirs = boundary.as_intruder(step)
    if boundary.note(theirs):
        return True
    value = revealed(boundary.target, mine, theirs, seen) if theirs.ok else MISSING
    if theirs.ok and value is MISSING and _tells(mine):
        boundary.held += 1
        return True
    if value is MISSING or boundary.open_to_all(step):
        return False
    boundary.target.knowledge.learn(mine)
    boundary.report(
        Suspicion(
            rule="read-by-another-organisation",
            requirements=("AUT-03",),
            title="One organisation can read what belongs to another",
            expected="403 or 404, because the object belongs to another organisation and is in none of the caller's own lists.",
            actual=f"{theirs.status} with what the owner reads there.",
            exchanges=(mine, theirs),
            expectation=_without(value),
            cause=f"read {step.operation}",
            advice="Look the object up within the caller's own organisation, as the credential states it.",
        )
    )
    return True


def _without(value: Any) -> Expectation:
    return Expectation(never=("2XX",)) if value is None else Expectation(lacks=value)


def _tells(exchange: Exchange) -> bool:
    """Whether an answer holds anything that could have been revealed."""
    return exchange.response is not None and len(exchange.response.body) > SHORTEST


def revealed(target: Target, mine: Exchange, theirs: Exchange, seen: set[str]) -> Any:
    """
    A value that only the owner's answer could have held and that the intruder's holds too.

    None where both got the same text that is no JSON, ``MISSING`` where nothing is shared.
    """
    if mine.json() is MISSING or theirs.json() is MISSING:
        return None if _same_text(mine, theirs) else MISSING
    asked = {str(v) for v in mine.step.path_parameters.values()} | {str(v) for _, v in mine.step.query}
    common = set(scalars(theirs.json())) - asked - seen - set(target.contract.declared_values)
    shared = [v for v in scalars(mine.json()) if v in common and len(v) >= SHORTEST]
    # A moment may be shared by chance, so it speaks only where nothing else does.
    return next(iter(sorted(shared, key=lambda v: bool(_MOMENT.fullmatch(v)))), MISSING)


def _same_text(mine: Exchange, theirs: Exchange) -> bool:
    if mine.response is None or theirs.response is None or "html" in mine.response.media_type:
        return False
    return mine.response.body == theirs.response.body and len(mine.response.body) > 2 * SHORTEST


def merged(reports: Iterable[Finding]) -> list[Finding]:
    """The findings with those of one cause, seen in both directions, as one."""
    found: dict[tuple[str, ...], Finding] = {}
    for finding in reports:
        known = found.get(finding.key)
        if known is None or (finding.confirmed and not known.confirmed):
            found[finding.key] = finding
    return list(found.values())
