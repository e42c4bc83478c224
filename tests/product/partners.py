"""
The product's way to its partners, by what ``joinedup mocks --print-partners --json`` says of them.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from product.outbox import Letter

RETRYABLE = frozenset({401, 408, 425, 429})
TIMEOUT_S = 10


@dataclass
class Partners:
    """
    Where partners are, and the client of each council at each of them.

    Args:
        systems: by name, in the shape of ``[systems]`` of a configuration.
    """

    systems: Mapping[str, Any]
    _connections: dict[str, httpx.Client] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Partners:
        """As they were printed into a file."""
        return cls(json.loads(path.read_text())["systems"])

    def send(self, letter: Letter) -> bool:
        """Send a letter; gives whether it is settled: taken in, or refused for good."""
        partner = self.systems.get(letter.to)
        if partner is None:
            return True
        try:
            token = self._token(partner, letter.council)
            url = partner["base_url"] + letter.path
            headers = {**letter.headers, "Authorization": f"Bearer {token}"}
            status = self._connection(partner).post(url, json=letter.body, headers=headers).status_code
        except httpx.HTTPError:
            return False
        return status < 500 and status not in RETRYABLE

    def _token(self, partner: Mapping[str, Any], council: str) -> str:
        """A token of a council for a partner; a new one each time, since nobody knows how partners' clocks move."""
        client = self._client(council)
        secret = Path(str(client["client_secret"]).removeprefix("file:")).read_text().strip()
        answer = self._connection(partner).post(
            client["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(client["client_id"], secret),
        )
        return str(answer.raise_for_status().json()["access_token"])

    def _client(self, council: str) -> Mapping[str, str]:
        """The client by which a council calls others."""
        clients = (client for each in self.systems.values() for client in each["identities"].values())
        return next(c for c in clients if c["client_id"] == f"council-{council.lower()}")

    def _connection(self, partner: Mapping[str, Any]) -> httpx.Client:
        bundle = str(partner.get("ca_bundle", ""))
        if bundle not in self._connections:
            trust = ssl.create_default_context(cafile=bundle or None)
            self._connections[bundle] = httpx.Client(verify=trust, timeout=TIMEOUT_S)
        return self._connections[bundle]
