"""
One address for several agencies: each below a path of its own name, as in ``https://mocks.example/police/v1/status``.

Below ``/way-back/`` it answers what only whoever holds its key can, so that a caller from outside sees that it has
come to these agencies and not to somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from joinedup.conformance.way_back import WAY_BACK, proof_of
from joinedup.mocks.listening import Public
from joinedup.mocks.member import NO_ID
from joinedup.mocks.messages import Answer, Incoming, Refusal, Spoilt, problem

_NONCE = re.compile(r"[0-9a-f]{16,64}")


class OneAddress:
    """The applications of several agencies as one; the contract of each is written for the address that it has here."""

    def __init__(self, apps: Mapping[str, Callable[[Incoming], Answer | Spoilt]], public: Public) -> None:
        self.apps, self.public = apps, public
        self.base = urlsplit(public.url).path.rstrip("/")

    def __call__(self, incoming: Incoming) -> Answer | Spoilt:
        # A proxy in front may or may not have taken off the path that it is reached by.
        name, _, rest = incoming.path.removeprefix(self.base).removeprefix("/").partition("/")
        if name in self.apps:
            reply = self.apps[name](incoming._replace(path=f"/{rest}"))
            return _below(reply, f"{self.base}/{name}")
        if name == WAY_BACK and _NONCE.fullmatch(rest):
            proof = {"proof": proof_of(self.public.proof, rest)}
            return Answer(200, proof, (("Cache-Control", "no-store"),))
        refusal = Refusal(404, "There is nothing at this address.")
        return problem(refusal, NO_ID).having(("Cache-Control", "no-store"))


def _below(reply: Answer | Spoilt, path: str) -> Answer | Spoilt:
    """The same with a Location that begins with a slash put below a path."""
    answer = reply.answer if isinstance(reply, Spoilt) else reply
    location = answer.header("Location")
    if location is None or not location.startswith("/"):
        return reply
    answer = answer.having(("Location", path + location))
    return replace(reply, answer=answer) if isinstance(reply, Spoilt) else answer
