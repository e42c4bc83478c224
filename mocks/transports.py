"""
How a delivery reaches its recipient: in process where it is one of ours, else over HTTP where it has an address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Protocol
from urllib.parse import unquote

import httpx

from joinedup.mocks.deliveries import NOBODY, Done, Outgoing, Reply, Transport
from joinedup.mocks.messages import Answer, Incoming

# A receiver of notifications is to acknowledge within three seconds and to work on what it received afterwards.
ACKNOWLEDGED_WITHIN_S = 3.0


class Answers(Protocol):
    """An agency of this process."""

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request."""


def routed(near: Mapping[str, Answers], far: Transport) -> Transport:
    """To the agencies of this process directly, to everybody else by another transport."""

    def send(outgoing: Outgoing, done: Done) -> None:
        agency = near.get(outgoing.recipient)
        if agency is None:
            far(outgoing, done)
        else:
            done(answered(agency, outgoing))

    return send


def answered(agency: Answers, outgoing: Outgoing) -> Reply:
    """What an agency of this process replies."""
    path, _, query = outgoing.path.partition("?")
    headers = {name.lower(): value for name, value in outgoing.headers.items()}
    answer = agency.answer(Incoming(outgoing.method, unquote(path), query.encode(), headers, outgoing.body))
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers})


class Http:
    """
    Over HTTP, one attempt after the other.

    Args:
        addresses: base address of each recipient; looked into for each attempt, so that one may be added any time.
        client: that does not follow redirects: a notification is never sent on to somebody else.
    """

    def __init__(self, addresses: Mapping[str, str], client: httpx.Client | None = None) -> None:
        self.addresses = addresses
        self._client = client

    def __call__(self, outgoing: Outgoing, done: Done) -> None:
        done(self.reply(outgoing))

    def reply(self, outgoing: Outgoing) -> Reply:
        """What the recipient replies; ``NOBODY`` where it has no address or does not answer in time."""
        address = self.addresses.get(outgoing.recipient)
        if address is None:
            return NOBODY
        try:
            found = self._http.request(
                outgoing.method,
                address.rstrip("/") + outgoing.path,
                headers=dict(outgoing.headers),
                content=outgoing.body,
            )
        except httpx.HTTPError:
            return NOBODY
        return Reply(found.status_code, {name.lower(): value for name, value in found.headers.items()})

    @property
    def _http(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(timeout=ACKNOWLEDGED_WITHIN_S, follow_redirects=False)
        return self._client


def in_background(http: Http, loop: asyncio.AbstractEventLoop, executor: Executor) -> Transport:
    """
    Over HTTP without holding up the agencies, which a recipient may call before it replies.

    Args:
        loop: that the agencies are served on; what comes back is told there.
    """

    def send(outgoing: Outgoing, done: Done) -> None:
        attempt = loop.run_in_executor(executor, http.reply, outgoing)
        attempt.add_done_callback(lambda found: None if found.cancelled() else done(_result(found)))

    return send


def _result(found: asyncio.Future[Reply]) -> Reply:
    return NOBODY if found.exception() else found.result()
