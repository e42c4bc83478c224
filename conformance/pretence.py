"""
Claims to be another organisation, in a header, a parameter or a body, that a system must not believe.

What counts is the effect: the claimant gets at an object that is the other's, or makes one that the other gets at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.isolation import (
    REFUSED,
    Belonging,
    Boundary,
    long_page,
    made_anew,
    revealed,
    shown_to,
)
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.objects import (
    collections_of,
    identifier_of,
    item_operations,
    renewed,
    step_to,
    with_new_text,
)
from joinedup.conformance.operations import Operation
from joinedup.conformance.privileges import answered_properties, is_closed
from joinedup.conformance.redaction import scalars
from joinedup.conformance.target import Target

# By normalised name: what a header, parameter or property that says whose something is may be called.
ORGANISATION = re.compile(
    r"(organi[sz]ation|^x?org|tenant|^odscode|^ods|authority|^lacode|agency|council|custodian)(id|code|identifier|uid)?$"
)
HEADERS = (
    *("X-Organisation-Id", "X-Organisation", "X-Organization-Id", "X-Org-Id", "X-Tenant-Id", "X-Tenant"),
    *("End-User-Organisation", "NHSD-End-User-Organisation-ODS", "X-ODS-Code", "X-LA-Code"),
)
PROPERTIES = ("organisation", "organisationId", "organisation_id", "organizationId", "orgId", "tenantId")
MOST_BELONGINGS = 2


@dataclass(frozen=True)
class Claim:
    """One place in which an organisation is named: ``header``, ``query`` or ``body``."""

    place: str
    name: str
    value: str

    def made_in(self, step: Step) -> Step:
        """The step with the claim in it."""
        if self.place == "header":
            return replace(step, headers={**step.headers, self.name: self.value})
        if self.place == "query":
            others = tuple((name, value) for name, value in step.query if name != self.name)
            return replace(step, query=(*others, (self.name, self.value)))
        return replace(step, body={**step.body, self.name: self.value})


def _claimed(step: Step, claims: list[Claim]) -> Step:
    for claim in claims:
        step = claim.made_in(step)
    return step


def pretend(boundary: Boundary) -> None:
    """Let the intruder claim to be the owner's organisation, and the owner make something in the intruder's name."""
    target = boundary.target
    belongings = made_anew(target, boundary.owner)
    seen = shown_to(target, boundary.intruder)
    private = [b for b in belongings if str(b.identifier) not in seen]
    for belonging in private[:MOST_BELONGINGS]:
        for organisation in names_of(boundary, belonging):
            _read_as_the_owner(boundary, belonging, organisation, seen)
            _list_as_the_owner(boundary, belonging, organisation)
    for belonging in private[:MOST_BELONGINGS]:
        _make_for_the_intruder(boundary, belonging)


def names_of(boundary: Boundary, belonging: Belonging) -> list[str]:
    """How the system, or else the configuration, names the owner's organisation."""
    return _organisation(boundary.target, boundary.owner, belonging.made.json())


def _organisation(target: Target, who: str, answer: Any) -> list[str]:
    properties = answer.items() if isinstance(answer, dict) else ()
    said = [v for n, v in properties if isinstance(v, str) and ORGANISATION.search(normalise(n))]
    configured = target.identities[who].organisation
    return list(dict.fromkeys([*said, *([configured] if configured else [])]))[:2]


def claims_for(operation: Operation, organisation: str) -> list[Claim]:
    """Claims that an operation's own parameters allow for, and the headers that are commonly used."""
    declared = [
        Claim(p.location, p.name, organisation)
        for p in operation.parameters
        if p.location in ("header", "query") and ORGANISATION.search(normalise(p.name))
    ]
    named = {claim.name.lower() for claim in declared}
    return [*declared, *(Claim("header", n, organisation) for n in HEADERS if n.lower() not in named)]


def _read_as_the_owner(boundary: Boundary, belonging: Belonging, organisation: str, seen: set[str]) -> None:
    reader = item_operations(boundary.target, belonging.create).get("GET")
    step = step_to(boundary.target, belonging.made, reader) if reader else None
    if reader is None or step is None:
        return
    mine = boundary.as_owner(step)
    if not mine.ok or boundary.as_intruder(step).status not in REFUSED:
        return
    boundary.target.knowledge.learn(mine)

    def gets_at(exchange: Exchange) -> Any:
        return revealed(boundary.target, mine, exchange, seen) if exchange.ok else MISSING

    for claim, theirs in _believed(boundary, step, claims_for(reader, organisation), gets_at):
        _report(boundary, claim, (mine, theirs), gets_at(theirs))


def _list_as_the_owner(boundary: Boundary, belonging: Belonging, organisation: str) -> None:
    for collection in collections_of(boundary.target, boundary.intruder):
        if collection.operation.path != belonging.create.path:
            continue
        step = long_page(collection.operation, collection.step)

        def gets_at(exchange: Exchange) -> Any:
            shown = exchange.ok and str(belonging.identifier) in set(scalars(exchange.json()))
            return belonging.identifier if shown else MISSING

        claims = claims_for(collection.operation, organisation)
        for claim, theirs in _believed(boundary, step, claims, gets_at):
            _report(boundary, claim, (belonging.made, theirs), belonging.identifier)


def _believed(
    boundary: Boundary, step: Step, claims: list[Claim], gets_at: Any
) -> Iterator[tuple[Claim, Exchange]]:
    """Each claim that opens what is the owner's; all are made together first, and one by one where that shows it."""
    together = boundary.as_intruder(_claimed(step, claims))
    if gets_at(together) is MISSING:
        boundary.held += 1
        if together.status not in (400, 422):
            return
    for claim in claims:
        theirs = boundary.as_intruder(claim.made_in(step))
        if gets_at(theirs) is not MISSING:
            yield claim, theirs
            return


def _report(boundary: Boundary, claim: Claim, exchanges: tuple[Exchange, Exchange], value: Any) -> None:
    boundary.report(
        Suspicion(
            rule="organisation-taken-from-the-request",
            requirements=("AUT-04",),
            title="A caller gets at another organisation's objects by naming that organisation",
            expected="The caller's organisation as the credential states it, whatever else the request says.",
            actual=f"{exchanges[-1].status} with what is the other organisation's, which was named in the {claim.place} {claim.name}.",
            exchanges=exchanges,
            expectation=Expectation(never=("2XX",)) if value is None else Expectation(lacks=value),
            cause=f"{claim.place} {claim.name}",
            advice=f"Take the organisation from the credential, and refuse or ignore the {claim.place} {claim.name}.",
        )
    )


# --- in a body


def _make_for_the_intruder(boundary: Boundary, belonging: Belonging) -> None:
    """The owner makes an object whose body says that it is the intruder's: does the intruder get at it?"""
    target, create = boundary.target, belonging.create
    reader = item_operations(target, create).get("GET")
    good = target.good.get((create.label, boundary.owner))
    if reader is None or good is None or not isinstance(good.step.body, dict):
        return
    if not _refused_to_intruder(boundary, belonging.made, reader):
        return
    claims = _claims_in_body(boundary, create, reader)
    for chosen in [claims, *([claim] for claim in claims)] if claims else []:
        made = target.client.send(renewed(target, _claimed(with_new_text(target, create, good.step), chosen)))
        if made.ok and identifier_of(target, made) is not MISSING:
            target.knowledge.learn(made)
        if not made.ok or _refused_to_intruder(boundary, made, reader):
            boundary.held += 1
            if made.ok:
                return
        elif len(chosen) == 1:
            _report_made(boundary, chosen[0], made, reader)
            return


def _claims_in_body(boundary: Boundary, create: Operation, reader: Operation) -> list[Claim]:
    target = boundary.target
    theirs: Any = next((e.json() for e in target.made if e.step.identity == boundary.intruder), {})
    organisation = next(iter(_organisation(target, boundary.intruder, theirs)), "")
    names = [n for n in answered_properties(target, reader) if ORGANISATION.search(normalise(n))]
    if not is_closed(target, create):
        names += [n for n in PROPERTIES if n not in names]
    return [Claim("body", name, organisation) for name in names] if organisation else []


def _refused_to_intruder(boundary: Boundary, made: Exchange, reader: Operation) -> bool:
    step = step_to(boundary.target, made, reader)
    return step is not None and boundary.as_intruder(step).status in REFUSED


def _report_made(boundary: Boundary, claim: Claim, made: Exchange, reader: Operation) -> None:
    step = step_to(boundary.target, made, reader)
    if step is None:
        return
    theirs = boundary.as_intruder(step)
    boundary.report(
        Suspicion(
            rule="organisation-taken-from-the-request",
            requirements=("AUT-04",),
            title="A new object belongs to whichever organisation its body names",
            expected="An object of the caller's own organisation, which no other organisation can read.",
            actual=f"{theirs.status} to the organisation that the body named in {claim.name}.",
            exchanges=(made, theirs),
            expectation=Expectation(never=("2XX",)),
            where=made.step.operation,
            operations=(made.step.operation,),
            cause=f"{claim.place} {claim.name}",
            advice=f"Take the organisation from the credential, and refuse or ignore {claim.name}.",
        )
    )
