"""
Who gets in: requests that succeeded, sent again without a credential and with forged ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from joinedup.conformance.evidence import Suspicion, confirm
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.forgery import (
    GUESSED,
    PROPERLY_SIGNED,
    SHORT_OF_A_KEY,
    WITH,
    Token,
    credential_of,
    forged,
    token_of,
    weak_key,
)
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.reproduction import with_new_identifiers
from joinedup.conformance.target import OTHER, OWN, Target

REFUSED = (401, 403)
# Every forgery goes to a few operations, the commonest mistake to many.
MOST_OPERATIONS = 3
MOST_SIGNATURES = 40
SPOILT: Mapping[str, str] = {
    "expired": "an expired token",
    "not-yet-valid": "a token that is not valid yet",
    "wrong-audience": "a token for another audience",
    "wrong-issuer": "a token of another issuer",
    "revoked": "a revoked token",
}
"""Identities that a configuration may give beside ``own``, with credentials that only their issuer can make wrong."""
_IN_BODY = re.compile(r"pass(word|phrase|code)|secret|assertion|granttype|refreshtoken|otp")


@dataclass(frozen=True)
class Gate:
    """
    An operation behind a credential, with a request that it accepts.

    Args:
        operation: what is asked for.
        step: the request, as its caller sent it.
    """

    operation: Operation
    step: Step

    @property
    def caller(self) -> str:
        """Who may send the request."""
        return str(self.step.identity)


def gates(target: Target) -> Iterator[Gate]:
    """Every operation that has succeeded with a credential and that the contract does not declare public."""
    for operation in target.operations:
        good = next((g for who in (OWN, OTHER) if (g := target.good.get((operation.label, who)))), None)
        if good is None or not is_behind_a_credential(target, operation):
            continue
        # What was deleted is gone: the same request cannot show again that it is accepted.
        if operation.method != "DELETE" and credential_of(target.identities[str(good.step.identity)]):
            yield Gate(operation, good.step)


def is_behind_a_credential(target: Target, operation: Operation) -> bool:
    """Whether an operation is neither declared public nor one that takes a credential in its body."""
    return not target.is_declared_public(operation) and not carries_its_own(target, operation)


def carries_its_own(target: Target, operation: Operation) -> bool:
    """Whether the body of an operation holds a credential, as at a token endpoint or a login."""
    schemas = operation.body.media_types.values() if operation.body else ()
    names = {name for schema in schemas for name in (target.contract.resolve(schema).get("properties") or {})}
    return any(_IN_BODY.search(normalise(name)) for name in names)


@dataclass
class Trial:
    """
    Credentials shown at gates, and what came of it.

    Args:
        target: the system under test.
        refused: how often each kind of credential was refused, by what the caller was with.
        accepted: exchanges that succeeded, by the same.
    """

    target: Target
    refused: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, list[Exchange]] = field(default_factory=dict)

    def show(self, gate: Gate, caller: str | None, kind: str) -> bool:
        """Show one credential at one gate; True where it is let in."""
        exchange = self.target.client.send(with_new_identifiers(replace(gate.step, identity=caller)))
        if exchange.ok:
            self.accepted.setdefault(kind, []).append(exchange)
        elif exchange.status in REFUSED:
            self.refused[kind] = self.refused.get(kind, 0) + 1
        return exchange.ok

    def opens(self, gate: Gate) -> bool:
        """The control: whether the true credential is still let in. A change is not made twice for this."""
        if gate.operation.method not in ("GET", "HEAD"):
            return True
        return self.target.client.send(gate.step).ok


def try_gates(target: Target) -> Trial:
    """Show no credential at every gate and forged ones at those that refuse it."""
    trial = Trial(target)
    shut = [gate for gate in gates(target) if not trial.show(gate, None, MISSING)]
    everywhere = [gate for gate in shut[:MOST_SIGNATURES] if trial.opens(gate)]
    spread = _spread(everywhere)
    for gate in everywhere:
        _try_forgeries(trial, gate, every=gate in spread)
    return trial


def _spread(found: list[Gate]) -> list[Gate]:
    """A few gates of different resources, those first that only read."""
    by_resource: dict[str, Gate] = {}
    for gate in sorted(found, key=lambda g: g.operation.method not in ("GET", "HEAD")):
        by_resource.setdefault(gate.operation.path.split("/{")[0], gate)
    return list(by_resource.values())[:MOST_OPERATIONS]


MISSING = "no credential"
COMMONEST = ("a malformed credential", "a changed signature", "one character changed", "a wrong password")


def _try_forgeries(trial: Trial, gate: Gate, *, every: bool) -> None:
    identity = trial.target.identities[gate.caller]
    for kind in (*SHORT_OF_A_KEY, *PROPERLY_SIGNED) if every else COMMONEST:
        if forged(identity, kind) is None:
            continue
        if trial.show(gate, f"{gate.caller}{WITH}{kind}", kind) and kind in COMMONEST:
            # Where any text or any signature is let in, the forgeries after it are too: one cause.
            return
    for name, kind in SPOILT.items() if every else ():
        if name in trial.target.identities:
            trial.show(gate, name, kind)


@dataclass(frozen=True)
class Fault:
    """How one kind of wrong credential that is let in is reported."""

    rule: str
    title: str
    expected: str
    advice: str


FAULTS: Mapping[str, Fault] = {
    MISSING: Fault(
        "answers-without-a-credential",
        "An operation answers without a credential",
        "401, because the contract does not declare the operation public.",
        "Refuse it, or declare `security: []` on the operation if it is meant to be public.",
    ),
    "a malformed credential": Fault(
        "any-credential-accepted",
        "Any text is taken for a credential",
        "401, because the credential is one that was never issued.",
        "Verify the credential; that there is one proves nothing.",
    ),
    "a changed signature": Fault(
        "signature-not-checked",
        "The signature of a token is not checked",
        "401, because the token's signature was changed.",
        "Verify the signature with the issuer's key before anything in the token is believed.",
    ),
    "changed claims under the old signature": Fault(
        "signature-does-not-cover-claims",
        "A token whose claims were changed is accepted",
        "401, because the token's claims were changed after it was signed.",
        "Verify the signature over header and claims as they were received.",
    ),
    "a token signed with another key": Fault(
        "any-key-accepted",
        "A token signed with any key is accepted",
        "401, because the token was signed with a key that is not the issuer's.",
        "Take the key from the issuer's own configuration or key set, never from the token.",
    ),
    "a token signed with an empty key": Fault(
        "wrong-algorithm-accepted",
        "A token signed with an empty key is accepted",
        "401, because the token is signed with another algorithm and an empty key.",
        "Allow only the algorithm that the issuer uses, and let the token not choose it.",
    ),
}
_UNSIGNED = Fault(
    "unsigned-token-accepted",
    "A token that says it is unsigned is accepted",
    "401, because the token's algorithm is none.",
    "Allow only the algorithm that the issuer uses, and let the token not choose it.",
)


def _fault(kind: str) -> Fault:
    if "unsigned" in kind:
        return _UNSIGNED
    return FAULTS.get(
        kind,
        Fault(
            "wrong-credential-accepted",
            f"{kind[:1].upper()}{kind[1:]} is accepted as a credential",
            f"401, because the request was sent with {kind}.",
            "Verify the whole credential each time.",
        ),
    )


def findings(trial: Trial) -> Iterator[Finding]:
    """One finding for each kind of credential that was let in, seen again where it stands."""
    by_fault: dict[Fault, list[Exchange]] = {}
    for kind, exchanges in trial.accepted.items():
        by_fault.setdefault(_fault(kind), []).extend(exchanges)
    for fault, exchanges in by_fault.items():
        yield one_finding(
            trial.target,
            exchanges,
            Suspicion(
                rule=fault.rule,
                requirements=("AUT-01",),
                title=fault.title,
                expected=fault.expected,
                actual=f"{exchanges[0].status}, as with a good credential.",
                exchanges=(exchanges[0],),
                expectation=Expectation(never=("2XX",)),
                cause=fault.rule,
                advice=fault.advice,
            ),
        )


def one_finding(target: Target, exchanges: list[Exchange], suspicion: Suspicion) -> Finding:
    """One finding for exchanges of one cause, which names the operations that show it a second time."""
    again = [e for e in exchanges if target.client.send(with_new_identifiers(e.step)).ok]
    shown = again or exchanges
    operations = tuple(sorted({e.step.operation for e in shown}))
    return confirm(
        target,
        replace(suspicion, exchanges=(shown[0],), operations=operations, count=len(shown)),
    )


def what_could_not_be_made(target: Target) -> list[str]:
    """The kinds of wrong credential that nobody without the issuer's key can make for this system."""
    identity = target.identities[OWN]
    credential = credential_of(identity)
    if credential is None:
        return []
    token = token_of(credential.value)
    missing = [
        kind
        for name, kind in SPOILT.items()
        if kind in PROPERLY_SIGNED and name not in target.identities and forged(identity, kind) is None
    ]
    if token is None:
        # A key or a password does not end, and an opaque token has no audience or issuer that a caller could see.
        return missing[:2] if credential.scheme.lower() == "bearer" else []
    return [f"{kind}, properly signed" for kind in missing]


# --- weak keys


@dataclass(frozen=True)
class Signed:
    """What is known of the signature of a caller's token: ``opaque``, ``asymmetric``, ``strong`` or ``weak``."""

    caller: str
    kind: str


def signatures(target: Target) -> list[Signed]:
    """The signature of each configured caller's token, looked at without asking anybody."""
    found = []
    for name, identity in target.identities.items():
        credential = credential_of(identity)
        if credential is not None:
            found.append(Signed(name, _kind(token_of(credential.value))))
    return found


def _kind(token: Token | None) -> str:
    if token is None:
        return "opaque"
    if not token.symmetric:
        return "unsigned" if token.algorithm.lower() == "none" else "asymmetric"
    return "strong" if weak_key(token) is None else "weak"


def weakly_signed(target: Target, signed: Signed) -> Finding:
    """The finding for a token whose key was guessed, shown by a token of our own where one can be shown."""
    suspicion = Suspicion(
        rule="signing-key-can-be-guessed",
        requirements=("AUT-09",),
        title="The key that tokens are signed with can be guessed",
        expected="A key of at least 256 random bits, or a key pair, so that only the issuer can make a token.",
        actual=f"The token of the identity {signed.caller} is signed with a key from a short list of common ones.",
        exchanges=(),
        expectation=Expectation(never=("2XX",)),
        cause="signing key",
        advice="Make a new random key, revoke what was signed with the old one, and prefer a key pair.",
    )
    for gate in gates(target):
        if gate.caller == signed.caller and gate.operation.method == "GET":
            shown = target.client.send(replace(gate.step, identity=f"{gate.caller}{WITH}{GUESSED}"))
            if shown.ok:
                return confirm(target, replace(suspicion, exchanges=(shown,)))
    return Finding(
        suspicion.rule,
        suspicion.requirements,
        suspicion.title,
        suspicion.expected,
        suspicion.actual,
        where=f"the token of the identity {signed.caller}",
        cause=suspicion.cause,
        advice=suspicion.advice,
    )
