"""
The agencies served with a part of their work left out, to measure what that part costs: ``bench_mocks`` starts it.

::

    python tests/bench_served.py VARIANT [what joinedup.mocks.serve takes]
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable

from joinedup.mocks import engine, serve
from joinedup.mocks.operations import Compiler
from joinedup.mocks.tokens import LIFETIME_S, Caller, Client, InvalidTokenError, Tokens


class _Anything:
    """A validator that finds nothing wrong."""

    def is_valid(self, value: object) -> bool:
        return True


def _leave_out_validation() -> None:
    """Read requests without a look at their schemas, and send answers unchecked."""

    engine.breach = lambda operation, answer: ""
    Compiler.validator = lambda self, schema: _Anything()  # type: ignore[method-assign, assignment, return-value]


def _issue_opaque_tokens() -> None:
    """Know callers by a random text that is looked up, instead of by a signed token."""
    callers: dict[str, tuple[Caller, float]] = {}

    def issue(self: Tokens, client: Client, scopes: tuple[str, ...], **_: object) -> str:
        token = secrets.token_urlsafe(32)
        caller = Caller(client.organisation, client.id, frozenset(scopes))
        callers[token] = caller, self.clock.seconds() + LIFETIME_S
        return token

    def verify(self: Tokens, token: str, *_: object, **__: object) -> Caller:
        caller, until = callers.get(token, (None, 0.0))
        if caller is None or self.clock.seconds() >= until:
            raise InvalidTokenError("The token is not one of ours.")
        return caller

    Tokens.issue, Tokens.verify = issue, verify  # type: ignore[method-assign]


VARIANTS: dict[str, Callable[[], None]] = {
    "whole": lambda: None,
    "without-validation": _leave_out_validation,
    "opaque-tokens": _issue_opaque_tokens,
}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    sys.exit(serve.main(sys.argv[2:]))
