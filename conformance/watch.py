"""
Credential watch: is it this request that was refused, or has our credential died?

Some operations end the caller's own credential: a settings page that rotates keys, a logout. Everything after that
would be a meaningless 401. So when refusals pile up, a call that is known to be good decides; a dead credential is
renewed, the operation that killed it is named and left out, and the run goes on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.identities import Identity
from joinedup.conformance.operations import Operation

# Refusals in a row after which the known-good call is made. A 403 is far more often the right answer than a 401.
PROBE_AFTER = {401: frozenset({1, 3, 10, 30, 100}), 403: frozenset({10, 30, 100})}
# Requests in a row that an operation lets wait until their time is over, after which it is left out.
MOST_HUNG = 3
# What may end the caller's credential, or the environment, waits until everything else is done.
RISKY = re.compile(
    r"log-?(in|out|off)|sign-?(in|out|up)|password|token|settings|reset|invite|delete|revo(ke|cation)|session",
    re.IGNORECASE,
)
# After a change at such a path the known-good call is made at once, so that the culprit is certain.
PROBED = re.compile(
    RISKY.pattern + r"|auth|account|credential|secret|member|api-?key|/keys?(/|$)", re.IGNORECASE
)


@dataclass
class CredentialWatch:
    """
    Watches what one caller's requests are answered.

    Args:
        send: sends a step without being watched itself.
        identity: the caller.
        good: successful exchanges of the caller, from which the known-good call is taken.
        culprits: operations that ended the credential, by label, with what was seen.
    """

    send: Callable[[Step], Exchange]
    identity: Identity
    good: Callable[[], Iterable[Exchange]]
    culprits: dict[str, str] = field(default_factory=dict)
    _streak: dict[int, int] = field(default_factory=lambda: {401: 0, 403: 0})
    _changes: list[str] = field(default_factory=list)
    _canary: Step | None = None
    _busy: bool = False

    def after(self, label: str, method: str, path: str, status: int) -> None:
        """
        Take note of one answer to a request that carried the caller's own credential.

        Raises:
            SetupError: the credential is dead and cannot be renewed.
        """
        if self._busy or self.identity.flow == "none":
            return
        changed = 200 <= status < 300 and method not in ("GET", "HEAD", "OPTIONS")
        if changed and label:
            self._changes.append(label)
        for refusal in self._streak:
            self._streak[refusal] = self._streak[refusal] + 1 if status == refusal else 0
        wanted = any(self._streak[refusal] in steps for refusal, steps in PROBE_AFTER.items())
        if wanted or (changed and PROBED.search(path)):
            self._busy = True
            try:
                self._probe()
            finally:
                self._busy = False

    def _probe(self) -> None:
        canary = self._known_good()
        if canary is None:
            return
        if self._is_good(canary):
            self._changes.clear()
            return
        # Twice, so that a moment's trouble is no death.
        if self._is_good(canary):
            return
        self._restore(canary)

    def _is_good(self, canary: Step) -> bool:
        return self.send(canary).status not in (401, 403)

    def _restore(self, canary: Step) -> None:
        culprit = self._changes[-1] if self._changes else ""
        if culprit:
            self.culprits[culprit] = "the caller's credential stopped working after it succeeded"
        self._changes.clear()
        if self.identity.renew() and self._is_good(canary):
            return
        after = f" after {culprit} succeeded" if culprit else ""
        raise SetupError(
            f"The credential of the identity {self.identity.name} stopped working{after}, and a new one does not work either.",
            hint=f"Leave {culprit or 'the operation that ended it'} out with the reason, and give a fresh credential.",
        )

    def _known_good(self) -> Step | None:
        """A reading that succeeds with the credential and is refused without it."""
        if self._canary is None:
            for exchange in self.good():
                step = exchange.step
                if step.method == "GET" and self.send(replace(step, identity=None)).status in (401, 403):
                    self._canary = step
                    break
        return self._canary


@dataclass
class SilenceWatch:
    """
    Finds the operations that let every request wait until its time is over: each costs that time, and tells nothing new.

    Args:
        timeout_s: how long an answer was waited for.
        found: the last request of each such operation, by label.
    """

    timeout_s: float
    found: dict[str, Exchange] = field(default_factory=dict)
    _in_a_row: Counter[str] = field(default_factory=Counter)

    def after(self, exchange: Exchange, *, hung: bool) -> None:
        """Take note of one exchange; any answer in time, or a connection that is dropped, begins the count anew."""
        label = exchange.step.operation
        self._in_a_row[label] = self._in_a_row[label] + 1 if hung else 0
        if label and self._in_a_row[label] >= MOST_HUNG:
            self.found.setdefault(label, exchange)

    @property
    def names(self) -> dict[str, str]:
        """Those operations, by label, with what was seen."""
        seen = f"it gave no answer within {self.timeout_s:g} s, {MOST_HUNG} times in a row"
        return dict.fromkeys(self.found, seen)


@dataclass(frozen=True)
class Routes:
    """Finds the operation that a request on the wire belongs to."""

    operations: tuple[Operation, ...]

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str], str]]:
        # Static paths before templates, as OpenAPI 3 says.
        ordered = sorted(self.operations, key=lambda operation: operation.path.count("{"))
        return [
            (op.method, re.compile(re.sub(r"\\\{[^{}]+\\\}", "[^/]+", re.escape(op.path))), op.label)
            for op in ordered
        ]

    def label(self, method: str, path: str) -> str:
        """The label of the operation, or an empty text."""
        return next(
            (label for m, pattern, label in self._patterns if m == method and pattern.fullmatch(path)), ""
        )
