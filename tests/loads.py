"""A load as it writes what it found, without having been sent; and the contract of a small system that can be loaded."""

from __future__ import annotations

from typing import Any

from joinedup.scenarios.load_levels import Levels
from joinedup.scenarios.load_plan import LoadPlan, PlannedOperation, PlannedSystem
from joinedup.scenarios.load_results import performance
from joinedup.scenarios.load_tally import Tally

_NOTE = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 200}},
}
NOTES = {
    "openapi": "3.0.3",
    "info": {"title": "Notes", "version": "1"},
    "paths": {
        "/notes": {
            "post": {
                "operationId": "addNote",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _NOTE}}},
                "responses": {
                    "201": {"description": "Added.", "content": {"application/json": {"schema": _NOTE}}},
                    "401": {"description": "Not known."},
                },
            }
        }
    },
}
"""A system that takes notes."""

SECONDS = 90
BOOKS = {"compared": 40, "lost": 2, "duplicated": 1, "deliveries": 12}
LEVELS: Levels = {"p95_ms": 300, "error_rate": 0.01, "rate": 9, "GET /b of a": {"p99_from_intended_ms": 800}}


def measured(*, cpu: float = 1.0, levels: Levels = LEVELS) -> dict[str, Any]:
    """What a load of a minute and a half writes, with an outage at its 40th second and an answer mixed up."""
    operation = PlannedOperation("a:b", "a", "GET /b", 1, {})
    system = PlannedSystem("http://a.example", "a.yaml", {})
    plan = LoadPlan(
        "abcdef", {"a": system}, [operation], [], rate=10.0, duration_s=float(SECONDS), users=5, shape="soak"
    )
    tally = Tally(due=900, started=900, finished=900, cpu=[(cpu * SECONDS / 10, float(SECONDS))], foreign=1)
    for second in range(SECONDS):
        for _ in range(10):
            tally.request("GET /b of a", second, 0.02 + second / 1000, 0.1 + second / 1000, second == 40)
        tally.failed("GET /b of a", "answered with 503") if second == 40 else None
    tally.memory = [(100_000_000, 120_000_000)]
    return performance(plan, tally, levels, counted=BOOKS, served_memory=[150_000_000, 150_000_000])
