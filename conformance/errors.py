"""
The errors that a person can act on.

::

    JoinedUpError            what was expected, what came, where, and what to do
    ├── ConfigurationError   the configuration or the command line is invalid        (exit 2)
    ├── NothingSelectedError a selection matches no requirement, system or journey   (exit 5)
    ├── SetupError           their network, credentials or environment stand in the way (exit 3)
    ├── RealDataError        an answer looks like real people: the run stops         (exit 3)
    └── UnverifiedError      a pack is not what it says it is                        (exit 7)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class JoinedUpError(Exception):
    """
    Something a person can put right.

    Args:
        message: one sentence that says what was expected, what came and where.
        hint: one sentence that says what to do, naming the key or option.
        fault: stable name of the fault, as ``joinedup doctor`` gives it; empty where it has none.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", fault: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigurationError(JoinedUpError):
    """Raised when ``joinedup.toml``, a contract's location or the command line is invalid."""


class NothingSelectedError(JoinedUpError):
    """Raised when a selection matches nothing; the hint names what comes near."""

    exit_code = 5


class SetupError(JoinedUpError):
    """Raised when a network, a credential or an environment that is not ours to judge stands in the way."""

    exit_code = 3


class RealDataError(SetupError):
    """Raised when an answer holds a valid NHS number outside the ranges set aside for tests."""


class UnverifiedError(JoinedUpError):
    """Raised when a pack was changed, is of another form, or lacks the signature that was demanded."""

    exit_code = 7


# Of more names than that, those that come near are told and not all.
_FEW = 20


def near(name: str, known: Iterable[str], lister: str = "") -> str:
    """
    The hint for a name that is not there: what it may have been meant to be, and else what there is.

    Args:
        lister: the command that lists all.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    every = f" `{lister}` lists them all." if lister else ""
    if close:
        return f"Did you mean {' or '.join(close)}?{every}"
    if lister and len(names) > _FEW:
        return every.strip()
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"There are: {', '.join(names[:_FEW])}{more}."
