"""
How one defect is seen: a question to the service, and what the clean and the defective one answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from service.session import Session
from service.store import seeded

Question = Callable[[Session], object]
SEEDED = list(seeded().referrals)
MINE, THEIRS = SEEDED[0], SEEDED[7]


@dataclass(frozen=True)
class Sighting:
    """A question, its answer from the clean service, and its answer with the defect."""

    question: Question
    clean: object
    defective: object


def taken(response: httpx.Response) -> bool:
    return response.is_success


def new(**changes: Any) -> Question:
    return lambda session: taken(session.create(**changes))


def raw(session: Session, content: bytes, media_type: str = "application/json") -> httpx.Response:
    return session.call("POST", "/v1/referrals", content=content, headers={"Content-Type": media_type})


def spelt(session: Session) -> object:
    return json.loads(session.call("POST", "/v1/referrals", json=session.new()).request.content)


def child(**child: object) -> Question:
    return new(child=child)
