"""
How long a hundred thousand synthetic children take, through the Faker provider, on one core.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from joinedup.mocks.faker_families import generator

COUNT = 100_000
ROUNDS = 5


def people() -> dict[str, Any]:
    """Seconds for 100,000 children of families with unique valid identifiers: median of five, wall and processor."""
    walls, processors = [], []
    for seed in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        fake = generator(seed)
        children = [fake.child() for _ in range(COUNT)]
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
        assert len({child.nhs_number for child in children}) == COUNT
    return {
        "children": COUNT,
        "seconds": round(statistics.median(walls), 2),
        "processor_seconds": round(statistics.median(processors), 2),
        "at_most": 3,
    }


if __name__ == "__main__":
    print(people())
