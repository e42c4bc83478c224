"""
Faults that any agency can be given: what goes wrong between systems that are each in order.

By their name alone they are those of every agency that is there; with an agency's name in front, as in
``police-latency``, that agency's only.
"""

from __future__ import annotations

from joinedup.mocks.fault import ANY, Fault

LATENCY = "latency"
UNAVAILABLE = "unavailable-at-times"
DROPPED = "dropped-after-commit"
TRUNCATED = "truncated-body"
DUPLICATED = "duplicate-deliveries"
REORDERED = "reordered-deliveries"

# How late, and how often: in turn rather than by chance, so that a run can be repeated.
LATENCY_S = 1.0
EVERY = 3
RETRY_AFTER_S = 1
# How long what is overtaken is held back.
OVERTAKEN_S = 5.0

# A caller that gives up at the third failure may see any operation fail by these, and with it whatever rests on it.
_ANY_ANSWER: tuple[str, ...] = (
    *("AUT-01", "AUT-02", "AUT-03", "AUT-04", "AUT-08"),
    *("CCY-01",),
    *(
        "CON-API-03",
        "CON-API-04",
        "CON-API-08",
        "CON-API-09",
        "CON-API-10",
        "CON-API-11",
        "CON-API-12",
        "CON-API-13",
        "CON-API-14",
    ),
    *("ERR-01", "ERR-02"),
    *("IDM-01",),
    *("IDN-01", "IDN-02"),
    *("OBS-01",),
    *("PAG-01",),
    *("PRV-03", "PRV-04", "PRV-05"),
    *("RES-01",),
    *("SEC-01", "SEC-02", "SEC-03", "SEC-07", "SEC-08"),
)

FAULTS: tuple[Fault, ...] = (
    Fault(LATENCY, ANY, (), "Every answer comes a second late."),
    Fault(
        UNAVAILABLE,
        ANY,
        (),
        "Every third request is answered with 503 and Retry-After, and is not done.",
        _ANY_ANSWER,
    ),
    Fault(
        DROPPED,
        ANY,
        (),
        "Every third request that changes something is done, and the connection ends before its answer.",
        _ANY_ANSWER,
    ),
    Fault(
        TRUNCATED,
        ANY,
        (),
        "Every third answer ends in the middle of its body, and the connection with it.",
        _ANY_ANSWER,
    ),
    Fault(
        DUPLICATED,
        ANY,
        (),
        "Whatever the agency delivers to another arrives there twice, with one id.",
        ("WHK-03",),
    ),
    Fault(
        REORDERED,
        ANY,
        (),
        "Of two things that the agency delivers to another, the later one arrives first.",
        ("WHK-03",),
    ),
)
NAMES = frozenset(fault.name for fault in FAULTS)


def unscoped(name: str) -> str:
    """The name without an agency in front of it; any other name as it is."""
    return next((generic for generic in NAMES if name.endswith(f"-{generic}")), name)


def generic_of(system: str, faults: frozenset[str]) -> frozenset[str]:
    """Which of them a system has, given the names of all that are on."""
    return frozenset(name for name in NAMES if name in faults or f"{system}-{name}" in faults)
