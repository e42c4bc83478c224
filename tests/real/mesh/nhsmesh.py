"""The NHSMESH scheme of NHS England's message exchange: an HMAC over mailbox, nonce, password and time."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Generator
from datetime import UTC, datetime

import httpx


class NHSMesh(httpx.Auth):
    """Signs each request for one mailbox, as the MESH API asks for."""

    def __init__(self, mailbox: str, password: str, shared_key: str) -> None:
        self.mailbox, self.password, self.shared_key = mailbox, password, shared_key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put a fresh token into the Authorization header."""
        nonce, count = str(uuid.uuid4()), "0"
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M")
        signed = f"{self.mailbox}:{nonce}:{count}:{self.password}:{stamp}"
        digest = hmac.new(self.shared_key.encode(), signed.encode(), hashlib.sha256).hexdigest()
        request.headers["Authorization"] = f"NHSMESH {self.mailbox}:{nonce}:{count}:{stamp}:{digest}"
        yield request
