"""
What a test does with the agencies, however they run: reset, clock, faults, outages, snapshots, and what they saw.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class ServedSystem:
    """
    An agency that answers.

    Args:
        contract: where its OpenAPI document is.
        identities: ``own`` and ``other``, each with the keys that the configuration of an identity has.
    """

    base_url: str
    contract: str
    profile: str
    identities: Mapping[str, Mapping[str, str]]


def served_systems(announced: Mapping[str, Any]) -> Mapping[str, ServedSystem]:
    """The agencies of an announcement."""
    return MappingProxyType(
        {
            name: ServedSystem(
                base_url=system["base_url"],
                contract=system["contract"],
                profile=system["profile"],
                identities=MappingProxyType(
                    {n: MappingProxyType(i) for n, i in system["identities"].items()}
                ),
            )
            for name, system in announced["systems"].items()
        }
    )


class Handle(ABC):
    """
    The agencies from the side of a test.

    ``control`` is the address of their control plane; ``callers`` are the clients of every agency's organisations,
    ``own`` and ``other``, as the configuration of an identity has them.
    """

    systems: Mapping[str, ServedSystem]
    control: str
    callers: Mapping[str, Mapping[str, Mapping[str, str]]]

    @abstractmethod
    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Call an operation of the control plane; raises where it refuses."""

    def authorization(self, system: str, caller: str = "own") -> str:
        """The value of an Authorization header with a good token of ``own`` or ``other``, with all its scopes."""
        order = {"system": system, "organisation": self.systems[system].identities[caller]["organisation"]}
        return str(self.ask("POST", "/v1/toolbox/tokens", order)["authorization"])

    def reset(self, seed: int | None = None) -> None:
        """Put every agency back to its seeded state, or to that of another seed."""
        self.ask("POST", "/v1/resets", {} if seed is None else {"seed": seed})

    def advance(self, seconds: float) -> None:
        """Move the agencies' clock; what falls due on the way is done."""
        self.ask("POST", "/v1/clock/advances", {"seconds": seconds})

    def set_clock(self, moment: datetime) -> None:
        """Set the agencies' clock forward to a moment; what falls due on the way is done."""
        self.ask("PUT", "/v1/clock", {"now": moment.isoformat()})

    def now(self) -> datetime:
        """What time it is to the agencies."""
        return datetime.fromisoformat(self.ask("GET", "/v1/clock")["now"])

    def switch_fault(self, name: str, active: bool) -> None:
        """Switch a fault on or off."""
        self.ask("PUT", f"/v1/faults/{name}", {"active": active})

    @contextlib.contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """A fault that is on as long as the context lasts."""
        self.switch_fault(name, True)
        try:
            yield
        finally:
            self.switch_fault(name, False)

    def switch_outage(self, system: str, away: bool) -> None:
        """Make an agency go away or come back."""
        self.ask("PUT", f"/v1/outages/{system}", {"away": away})

    def snapshot(self) -> str:
        """Keep everything as it is; gives what it is put back by."""
        return str(self.ask("POST", "/v1/snapshots")["snapshotId"])

    def restore(self, snapshot: str) -> None:
        """Put everything back."""
        self.ask("POST", f"/v1/snapshots/{snapshot}/restorations")

    def exchanges(self, system: str) -> tuple[dict[str, Any], ...]:
        """What an agency received and answered, oldest first, as the control plane's contract has it."""
        return tuple(self._all(f"/v1/exchanges?system={system}"))

    def deliveries(self, sender: str) -> tuple[dict[str, Any], ...]:
        """What an agency has sent others or is to, oldest first, as the control plane's contract has it."""
        return tuple(self._all(f"/v1/deliveries?system={sender}"))

    def all_deliveries(self) -> tuple[dict[str, Any], ...]:
        """What all agencies have sent each other or are to, oldest first."""
        return tuple(self._all("/v1/deliveries?"))

    def enrol(self, count: int) -> None:
        """Have the agencies know so many newcomers: further children, about whom nothing has happened yet."""
        self.ask("PUT", "/v1/newcomers", {"count": count})

    def breaches(self) -> tuple[str, ...]:
        """Answers that broke their contract without a fault having asked for it."""
        return tuple(self.ask("GET", "/v1/breaches")["items"])

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        page = self.ask("GET", f"{path}&limit=50".replace("?&", "?"))
        yield from page["items"]
        while page["next"]:
            page = self.ask("GET", f"{path}&limit=50&cursor={page['next']}".replace("?&", "?"))
            yield from page["items"]
