"""
Wrong passwords at operations that take one: what the answers give away, and whether anybody may go on trying.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.harvest import compose
from joinedup.conformance.identities import secrets_of
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.operations import Operation
from joinedup.conformance.redaction import scalars
from joinedup.conformance.responses import is_json
from joinedup.conformance.samples import CannotSampleError, Sampler
from joinedup.conformance.target import OTHER, OWN, Target

MOST_ATTEMPTS = 30
# How much longer than the first an answer must take to count as slowed down.
SLOWED_S = 0.5
_FORM = "application/x-www-form-urlencoded"
_PATH = re.compile(r"log-?in|sign-?in|token|session|authenticate|/auth\b", re.IGNORECASE)
_PASSWORD = re.compile(r"pass(word|phrase|code)?$|secret$|^pin$")
_ACCOUNT = re.compile(r"^(user(name|id)?|login(name|id)?|e?mail(address)?|account(id|name)?|clientid)$")
# Where the configuration says who an identity is.
_NAMES = ("username", "client_id", "email", "mailbox", "user")
_CHANGING = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-][\d:]+)?|\d+"
)


@dataclass(frozen=True)
class Login:
    """
    An operation that takes a password, and an account that can sign in there.

    Args:
        operation: what is asked for.
        step: a request without the account and the password in it.
        body: the rest of what is sent, as properties.
        account, password: the names of the properties that hold them.
        known: the account that can sign in, and its password.
    """

    operation: Operation
    step: Step
    body: dict[str, Any]
    account: str
    password: str
    known: tuple[str, str]

    def attempt(self, account: str, password: str) -> Step:
        """The request that tries a password for an account."""
        body = {**self.body, self.account: account, self.password: password}
        return replace(self.step, body=body if is_json(self.step.media_type) else Text(urlencode(body)))

    @property
    def unknown(self) -> str:
        """The name of an account that does not exist, of the same form as the known one."""
        return unlike(self.known[0])


def unlike(name: str) -> str:
    """A name of the same form with its last few letters and digits changed, an e-mail's domain left as it is."""
    local, at, domain = name.partition("@")
    places = [i for i, character in enumerate(local) if character.isalnum()][-5:]
    letters = list(local)
    for place in places:
        old = letters[place]
        letters[place] = ("7" if old != "7" else "4") if old.isdigit() else _other_letter(old)
    return "".join(letters) + at + domain


def _other_letter(old: str) -> str:
    other = "q" if old.lower() != "q" else "z"
    return other.upper() if old.isupper() else other


def takes_password(target: Target, operation: Operation) -> tuple[str, str] | None:
    """The properties of account and password of an operation that signs somebody in, or None."""
    if operation.method != "POST" or not _PATH.search(operation.path) or operation.body is None:
        return None
    for schema in operation.body.media_types.values():
        names = list(target.contract.resolve(schema).get("properties") or {})
        account = next((n for n in names if _ACCOUNT.search(normalise(n))), None)
        password = next((n for n in names if _PASSWORD.search(normalise(n))), None)
        if account and password:
            return account, password
    return None


def password_operations(target: Target) -> list[Operation]:
    """Every operation that takes an account and a password."""
    return [operation for operation in target.operations if takes_password(target, operation)]


def logins(target: Target) -> Iterator[Login]:
    """Each of them at which an account of the configuration can sign in: the control."""
    for operation in password_operations(target):
        for known in _accounts(target):
            login = _login(target, operation, known)
            if login is not None and target.client.send(login.attempt(*known)).ok:
                yield login
                break


def _accounts(target: Target) -> Iterator[tuple[str, str]]:
    """Names and passwords of the configured identities, the second organisation's first: trying may lock an account."""
    folder = Path(target.configuration.folder)
    for who in (OTHER, OWN):
        keys = target.system.identities.get(who, {})
        where = f"systems.{target.name}.identities.{who}"
        wanted = {k: v for k, v in keys.items() if k in ("client_secret", "password")}
        name = next((str(keys[n]) for n in _NAMES if n in keys), "")
        for secret in secrets_of(wanted, folder, where):
            if name:
                yield name, secret


def _login(target: Target, operation: Operation, known: tuple[str, str]) -> Login | None:
    names, step = takes_password(target, operation), compose(target, operation, {}, None)
    if names is None or step is None or operation.body is None or "{" in operation.path:
        return None
    for media_type, schema in operation.body.media_types.items():
        if not (is_json(media_type) or media_type.startswith(_FORM)):
            continue
        try:
            body = Sampler(target.contract.resolve, target.seed).value(schema)
        except CannotSampleError:
            continue
        if isinstance(body, dict):
            return Login(operation, replace(step, media_type=media_type), body, *names, known)
    return None


# --- telling accounts apart


def tells_accounts_apart(target: Target, login: Login) -> tuple[bool, Suspicion | None]:
    """Whether refusals were seen at all, and a suspicion where those of a known and an unknown account differ."""

    def refusals() -> tuple[Exchange, Exchange]:
        known = target.client.send(login.attempt(login.known[0], _wrong(0)))
        return known, target.client.send(login.attempt(login.unknown, _wrong(0)))

    known, unknown = refusals()
    if not (400 <= known.status < 500 and 400 <= unknown.status < 500) or 429 in (
        known.status,
        unknown.status,
    ):
        return False, None
    if _signature(login, known) == _signature(login, unknown):
        return True, None

    def again() -> bool:
        first, second = refusals()
        return _signature(login, first) == _signature(login, known) != _signature(login, second)

    return True, Suspicion(
        rule="account-told-apart",
        requirements=("AUT-10",),
        title="A refusal gives away whether an account exists",
        expected="The same status and the same body for a wrong password and for an account that does not exist.",
        actual=f"{known.status} for an account that exists and {unknown.status} for one that does not, or another body.",
        exchanges=(known, unknown),
        expectation=_alike(known, unknown),
        cause=login.operation.label,
        advice="Check the password in the same way whether or not the account exists, and give one refusal.",
        again=again,
    )


def _alike(known: Exchange, unknown: Exchange) -> Expectation:
    """What the refusal of an unknown account must have of that of a known one."""
    if known.status != unknown.status:
        return Expectation(statuses=(str(known.status),))
    others = set(scalars(unknown.json()))
    return Expectation(holds=next((value for value in scalars(known.json()) if value not in others), ""))


def _signature(login: Login, exchange: Exchange) -> tuple[int, str]:
    """Status and body without what was sent and what is new in every answer."""
    text = exchange.response.body.decode("utf-8", "replace") if exchange.response else ""
    for value in (login.known[0], login.unknown):
        text = text.replace(value, "ACCOUNT")
    return exchange.status, _CHANGING.sub("N", text)


def _wrong(number: int) -> str:
    return f"joinedup-wrong-{number}"


# --- trying again and again


def goes_on(target: Target, login: Login) -> tuple[bool, Suspicion | None]:
    """Whether wrong passwords were refused as such, and a suspicion where nothing ever slows them down."""
    tried: list[Exchange] = []
    for number in range(1, MOST_ATTEMPTS + 1):
        tried.append(target.client.send(login.attempt(login.known[0], _wrong(number))))
        if _limited(tried):
            return True, None
    if not all(400 <= exchange.status < 500 for exchange in tried):
        return False, None
    if not target.client.send(login.attempt(*login.known)).ok:
        # Locked, if not in so many words.
        return True, None
    return True, Suspicion(
        rule="passwords-can-be-guessed",
        requirements=("AUT-11",),
        title="Wrong passwords can be tried without end",
        expected=f"429, 423 or a growing delay at some point of {MOST_ATTEMPTS} wrong passwords for one account.",
        actual=f"{tried[-1].status} to each, and the right password works at once afterwards.",
        exchanges=tuple(tried),
        expectation=Expectation(statuses=("429", "423")),
        cause=login.operation.label,
        advice="Slow down or lock after a few wrong passwords for one account, whoever sends them.",
        again=lambda: not _limited([target.client.send(tried[-1].step) for _ in range(3)]),
    )


def _limited(tried: list[Exchange]) -> bool:
    last, first = tried[-1], tried[0]
    if last.status in (423, 429, 503) or last.status == 0:
        return True
    if last.status != first.status:
        return True
    took = [e.response.seconds for e in (first, last) if e.response is not None]
    return len(took) == 2 and took[1] - took[0] > SLOWED_S and took[1] > 3 * took[0]
