"""
Many generated requests, good and bad, to every agency in this process: ``make many-cases``.

The examples of each contract come first, then requests that Schemathesis generates from it, answered by the engine
without a socket; what one answer names, later requests ask for, so that not all of them end at 404. Then come odd
requests over real connections (``many_bytes``). A defect of an agency is a 5xx, an answer that breaks its contract, and
an operation that never succeeds.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from unittest import SkipTest
from urllib.parse import unquote, urlsplit

import requests
import schemathesis
from example_requests import examples
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from many_bytes import Heard, send_odd
from schemathesis.core.result import Ok

from joinedup.mocks.app import application
from joinedup.mocks.cast import Cast
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.engine import Engine
from joinedup.mocks.identifiers import nth_nhs_number, unique_pupil_number
from joinedup.mocks.messages import Answer, Incoming
from joinedup.mocks.organisations import callers
from joinedup.mocks.tokens import Client

Case: TypeAlias = schemathesis.Case[Any]

EACH_MODE = 60
ODD = 1000
# An operation that has not succeeded yet gets so many rounds more of good cases.
MORE_ROUNDS = 5
KNOWN_SHARE = 0.7
KEPT_VALUES = 40
MOST_SHOWN = 10
REFERENCES = ("Id", "Reference", "Number", "upn", "urn")

# Formats of the contracts that Schemathesis does not know; without them hardly a number has the right check digit.
NUMBERS = {
    "nhs-number": tuple(nth_nhs_number(n) for n in range(30)),
    "upn": tuple(unique_pupil_number(0, 20, serial) for serial in range(1, 31)),
}
for _name, _values in NUMBERS.items():
    schemathesis.openapi.format(_name, st.sampled_from(_values))


@dataclass
class Sent:
    """
    What became of the cases of one system.

    Args:
        failures: answers of 5xx, in words.
        never: operations that no case succeeded with; there should be none.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    breaches: tuple[str, ...] = ()
    never: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many were sent."""
        return sum(self.statuses.values())

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that should not have been, in words."""
        never = (f"{label}: none of its cases succeeded" for label in self.never)
        return (*never, *self.failures, *self.breaches)


@dataclass
class Known:
    """
    What a system's answers held.

    Args:
        values: by the name of the property or header.
        addresses: path parameters and If-Match that belong together, as a request and its answer have them.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    addresses: list[dict[str, str]] = field(default_factory=list)

    def learn(self, in_path: Mapping[str, str], answer: Answer) -> None:
        """Keep what an answer names."""
        self._walk(answer.body)
        tag = answer.header("ETag")
        tagged = {"If-Match": tag} if tag else {}
        if isinstance(answer.body, dict):
            named = {name: value for name, value in answer.body.items() if isinstance(value, str)}
            self.addresses.append({**in_path, **named, **tagged})
            del self.addresses[: -10 * KEPT_VALUES]

    def _walk(self, node: Any) -> None:
        for name, value in node.items() if isinstance(node, dict) else ():
            if isinstance(value, str):
                self._keep(name, value)
            self._walk(value)
        for each in node if isinstance(node, list) else ():
            self._walk(each)

    def _keep(self, name: str, value: str) -> None:
        kept = self.values.setdefault(name, [])
        if value not in kept:
            kept.append(value)
            del kept[:-KEPT_VALUES]

    def put_into(self, case: Case, choose: random.Random) -> None:
        """Let most cases ask for what the system knows."""
        if choose.random() > KNOWN_SHARE:
            return
        names = set(case.path_parameters)
        whole = [address for address in self.addresses if names <= address.keys()]
        for name in names & self.values.keys():
            case.path_parameters[name] = choose.choice(self.values[name])
        if whole:
            chosen = choose.choice(whole)
            case.path_parameters.update({name: chosen[name] for name in names})
            if case.headers and "If-Match" in case.headers and "If-Match" in chosen:
                case.headers["If-Match"] = chosen["If-Match"]
        self._put_into_body(case.body, choose)

    def _put_into_body(self, node: Any, choose: random.Random) -> None:
        """Name things that there are in a body, in place."""
        for name, value in node.items() if isinstance(node, dict) else ():
            if isinstance(value, str) and name.endswith(REFERENCES) and name in self.values:
                node[name] = choose.choice(self.values[name])
            self._put_into_body(value, choose)
        for each in node if isinstance(node, list) else ():
            self._put_into_body(each, choose)


@dataclass
class Sender:
    """
    Sends the cases of one system.

    Args:
        each_mode: how many good and how many bad requests each operation gets.
        seed: of everything that is generated.
    """

    cast: Cast
    engine: Engine[Any]
    client: Client
    each_mode: int
    seed: int
    sent: Sent = field(default_factory=Sent)
    known: Known = field(default_factory=Known)
    succeeded: set[str] = field(default_factory=set)

    def send_all(self) -> Sent:
        """Send, and count; what makes something comes first, so that there is something to read."""
        schema = schemathesis.openapi.from_dict(self.engine.contract)
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        for example in examples(self.engine.contract, self.authorization()):
            self._note(example.label, example.parameters, example.incoming)
        for operation in sorted(operations, key=lambda each: each.method != "post"):
            for mode in schemathesis.GenerationMode:
                self._send_some(operation, mode, self.seed)
        for number, operation in itertools.product(range(MORE_ROUNDS), operations):
            if operation.label not in self.succeeded:
                self._send_some(operation, schemathesis.GenerationMode.POSITIVE, self.seed + 1 + number)
        self.sent.never = [each.label for each in operations if each.label not in self.succeeded]
        self.sent.breaches = tuple(self.engine.breaches)
        return self.sent

    def _send_some(self, operation: Any, mode: schemathesis.GenerationMode, number: int) -> None:
        choose, authorization = random.Random(number), self.authorization()

        @seed(number)
        @settings(
            max_examples=self.each_mode,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            self.known.put_into(case, choose)
            self._send(case, authorization)

        # An operation that takes nothing cannot be asked badly.
        with contextlib.suppress(Unsatisfiable, SkipTest):
            send()

    def _send(self, case: Case, authorization: str) -> None:
        self._note(case.operation.label, case.path_parameters, _incoming(case, authorization))

    def _note(self, label: str, in_path: Mapping[str, str], incoming: Incoming) -> None:
        answer = self.engine.answer(incoming)
        self.sent.statuses[answer.status] += 1
        if answer.status >= 500:
            self.sent.failures.append(f"{label}: {answer.status} to {incoming}")
        if answer.status < 300:
            self.succeeded.add(label)
            self.known.learn(in_path, answer)

    def send_odd(self, number: int) -> Heard:
        """Send so many odd requests over real connections."""
        made_from = list(examples(self.engine.contract, self.authorization()))
        return send_odd(application(self.engine), made_from, number, self.seed)

    def authorization(self) -> str:
        """What the client shows."""
        if self.engine.agency.name != "auth":
            return f"Bearer {self.cast.tokens.issue(self.client, self.client.scopes)}"
        pair = f"{self.client.id}:{self.client.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def _incoming(case: Case, authorization: str) -> Incoming:
    """A case as the engine gets it from a server."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://agency.example")).prepare()
    url = urlsplit(str(prepared.url))
    headers = {_text(name).lower(): _text(value) for name, value in prepared.headers.items()}
    body = prepared.body or b""
    return Incoming(
        case.method.upper(),
        unquote(url.path),
        url.query.encode(),
        {**headers, "authorization": authorization},
        body.encode() if isinstance(body, str) else bytes(cast(bytes, body)),
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def sender(system: str, each_mode: int, number: int = 1) -> Sender:
    """
    Who sends to one agency, with tokens of the organisation that owns its records.

    Args:
        number: seed of what is generated and of the agency's data.
    """
    cast = Cast([system], seed=number)
    client = cast.tokens.clients[callers(system)["own"]]
    return Sender(cast, cast.engines[system], client, each_mode, number)


def main() -> int:
    """Send the cases to each agency and say what became of them; exit code 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--each", type=int, default=EACH_MODE, help="good, and as many bad, cases an operation"
    )
    parser.add_argument("--odd", type=int, default=ODD, help="odd requests over connections, an agency")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    total, odd, failed, started = 0, 0, 0, time.monotonic()
    for system in AGENCIES:
        sending = sender(system, chosen.each, chosen.seed)
        sent = sending.send_all()
        heard = sending.send_odd(chosen.odd)
        print(f"{system}: {sent.cases} cases, {dict(sorted(sent.statuses.items()))}")
        print(f"  {heard.requests} odd requests, {dict(sorted(heard.statuses.items()))}", flush=True)
        wrong = (*sent.wrong, *heard.failures, *sending.engine.breaches[len(sent.breaches) :])
        for line in wrong[:MOST_SHOWN]:
            print(f"  {line}")
        total, odd, failed = total + sent.cases, odd + heard.requests, failed + len(wrong)
    print(f"{total} cases, {odd} odd requests, {failed} failures, {time.monotonic() - started:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
