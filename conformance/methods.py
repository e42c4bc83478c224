"""
Methods that the contract does not declare for a path are refused, and the refusal says truly which are allowed.

CON-API-04: they are never acted on, not even in disguise. CON-API-14: a 405 has an Allow header, and it is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from joinedup.conformance.check import first_of
from joinedup.conformance.disguise import try_on
from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import MISSING, Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.harvest import RISKY
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.objects import creates_of, fresh_subject, item_operations, renewed
from joinedup.conformance.operations import Operation
from joinedup.conformance.responses import is_json
from joinedup.conformance.sequences import Tried
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.vocabulary import METHOD_OVERRIDES

ACTING = ("PUT", "POST", "PATCH", "DELETE")
HARMLESS = ("GET", "TRACE")
NOWHERE = "joinedup-no-such-thing"


@dataclass(frozen=True)
class Probed:
    """
    What a path answered to methods that the contract does not declare for it.

    Args:
        path: the template.
        good: an exchange of the path that succeeded.
        declared: the methods that the contract declares.
        answers: the others, by method.
    """

    path: str
    good: Exchange
    declared: frozenset[str]
    answers: dict[str, Exchange] = field(default_factory=dict)


def probe_paths(target: Target, tried: Tried) -> list[Probed]:
    """
    Send each path the methods that it does not declare, with real values in it, in contract order.

    What may act is sent only to systems that allow it, and never to a path whose name speaks of credentials. A path of
    one object is asked about an object of our own, where one can be made.
    """
    own = _own_objects(target)
    found = []
    for path, operations in _paths(target).items():
        good = next((g for op in operations if (g := target.good.get((op.label, OWN))) is not None), None)
        if good is None:
            tried.lacks(f"nothing ever succeeded at {path}")
            continue
        declared = frozenset(op.method for op in target.contract.operations if op.path == path)
        values = own.get(path, good.step.path_parameters)
        methods = [m for m in (*HARMLESS, *(ACTING if target.destructive else ())) if m not in declared]
        step = replace(good.step, path_parameters=values)
        answers = {m: target.client.send(_with_method(target, step, m)) for m in methods}
        found.append(Probed(path, replace(good, step=step), declared, answers))
    return found


def _paths(target: Target) -> dict[str, list[Operation]]:
    """The operations by path, without paths that something is left out of, or whose name speaks of credentials."""
    paths: dict[str, list[Operation]] = {}
    for operation in target.operations:
        if not RISKY.search(operation.path):
            paths.setdefault(operation.path, []).append(operation)
    left_out = {
        op.path for op in target.contract.operations if op.method != "DELETE" and target.why_left_out(op)
    }
    return {path: operations for path, operations in paths.items() if path not in left_out}


def _own_objects(target: Target) -> dict[str, dict[str, object]]:
    """The path parameters of an object of our own, by the path of its kind."""
    own: dict[str, dict[str, object]] = {}
    for create in creates_of(target):
        items = item_operations(target, create)
        subject = fresh_subject(target, create) if items else None
        if subject is not None:
            own |= {operation.path: dict(subject.values) for operation in items.values()}
    return own


def _with_method(target: Target, step: Step, method: str) -> Step:
    """The same request by another method, with an empty object where a body is usual."""
    body = {} if method in ("PUT", "POST", "PATCH") else MISSING
    other = replace(
        step, method=method, body=body, media_type="application/json", operation=f"{method} {step.path}"
    )
    headers = {name: value for name, value in step.headers.items() if normalise(name) != "ifmatch"}
    return renewed(target, replace(other, headers=headers))


# --- undeclared methods


def undeclared_methods(target: Target, tried: Tried) -> Iterator[Suspicion]:
    """Look for methods that are acted on although the contract does not declare them."""
    for probed in probe_paths(target, tried):
        acted = {
            m: a for m, a in probed.answers.items() if _is_acted_on(a) and not _takes_anything(target, a)
        }
        tried.proved += len(probed.answers) - len(acted)
        if not acted:
            continue
        first = next(iter(acted.values()))
        yield Suspicion(
            rule="undeclared-method-answered",
            requirements=("CON-API-04",),
            title="A method that the contract does not declare is answered with success",
            expected="405 with an Allow header, or 404, because the contract declares the method for no operation here.",
            actual=f"{first.status} to {first_of(acted)}.",
            exchanges=(first,),
            expectation=Expectation(never=("2XX",)),
            where=probed.path,
            cause=probed.path,
            operations=tuple(f"{method} {probed.path}" for method in sorted(probed.declared)),
            count=len(acted),
            advice="Refuse it, or describe it in the contract.",
        )


def _is_acted_on(answer: Exchange) -> bool:
    if not answer.ok or answer.response is None:
        return False
    if answer.step.method == "GET":
        return is_json(answer.response.media_type) and answer.json() not in (MISSING, None, {}, [])
    return True


def _takes_anything(target: Target, answer: Exchange) -> bool:
    """Whether an address that cannot exist is answered alike: then the answer comes from before any operation."""
    step = replace(answer.step, path=f"{answer.step.path.rstrip('/')}/{NOWHERE}", operation="")
    return target.client.send(renewed(target, step)).ok


# --- Allow


def allow_is_true(target: Target, tried: Tried) -> list[Finding]:
    """Look at the Allow header of each 405 that was seen: it is there, lists what worked, and nothing that is refused."""
    declared = {operation.label for operation in target.contract.operations}
    if not any(status == 405 and label not in declared for status, label in target.first):
        probe_paths(target, tried)
    refused: dict[str, list[Exchange]] = {}
    for (status, _), exchange in target.first.items():
        if status == 405:
            refused.setdefault(exchange.step.path, []).append(exchange)
    findings = []
    for path, answers in refused.items():
        worked = {op.method for op in target.operations if op.path == path and (op.label, OWN) in target.good}
        wrong = (_wrong_allow(answers, answer, worked) for answer in answers)
        found = next((suspicion for suspicion in wrong if suspicion is not None), None)
        tried.proved += found is None
        findings += [confirm(target, found)] if found is not None else []
    return findings


def _wrong_allow(refused: list[Exchange], answer: Exchange, worked: set[str]) -> Suspicion | None:
    sent = answer.response.headers.get("allow") if answer.response else None
    if sent is None:
        return _allow(
            "allow-missing",
            ("A 405 does not say which methods are allowed", "Allow with every 405.", "405 without Allow."),
            (answer,),
            Expectation(header="Allow"),
        )
    listed = {method.strip().upper() for method in sent.split(",") if method.strip()}
    untrue = next((a for a in refused if a.step.method in listed), None)
    if untrue is not None:
        sentences = (
            "Allow names a method that is itself refused with 405",
            "Another status than 405, because Allow names the method.",
            f"405 to {untrue.step.method}, which Allow names.",
        )
        return _allow("allow-untrue", sentences, (answer, untrue), Expectation(never=("405",)))
    if missing := sorted(worked - listed - {"HEAD", "OPTIONS"}):
        pattern = "(?i).*" + re.escape(missing[0]) + ".*"
        sentences = (
            "Allow leaves out a method that works",
            f"Allow with {first_of(missing)}, which succeeded here.",
            "405 with an Allow that leaves it out.",
        )
        return _allow("allow-incomplete", sentences, (answer,), Expectation(header="Allow", matches=pattern))
    return None


def _allow(
    rule: str, sentences: tuple[str, str, str], exchanges: tuple[Exchange, ...], expectation: Expectation
) -> Suspicion:
    title, expected, actual = sentences
    return Suspicion(
        rule=rule,
        requirements=("CON-API-14",),
        title=title,
        expected=expected,
        actual=actual,
        exchanges=exchanges,
        expectation=expectation,
        where=exchanges[-1].step.path,
        # One place refuses methods for the whole system.
        cause="405",
    )


# --- methods in disguise


def disguised(target: Target, create: Operation, meant: str, tried: Tried) -> Iterator[Suspicion]:
    """Ask for an object of our own to be changed or deleted, by what some servers take for the method of a request."""
    trial = try_on(target, create, meant)
    tried.proved += trial.held
    if trial.why_not:
        tried.lacks(trial.why_not)
    if not trial.taken:
        return
    asked, after = trial.taken[-2:]
    # With such a header no answer but the last one says what happened.
    yield Suspicion(
        rule="method-in-disguise",
        requirements=("CON-API-04",),
        title="A request acts as another method because a header or parameter says so",
        expected="The object as it was, because the contract declares no such header or parameter.",
        actual=f"{asked.status} to a {asked.step.method} that called itself {meant}, and {after.status} with the effect of that when the object was read again.",
        exchanges=trial.taken,
        expectation=Expectation(never=("404", "410")) if meant == "DELETE" else Expectation(),
        where=f"{asked.step.method} {after.step.path}",
        cause="method override",
        operations=(after.step.operation,),
    )


def declares_override(target: Target) -> bool:
    """Whether the contract itself declares a header or parameter that replaces the method."""
    names = {normalise(name) for name in (*METHOD_OVERRIDES, "_method")}
    return any(normalise(p.name) in names for op in target.contract.operations for p in op.parameters)
