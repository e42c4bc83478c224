"""
What a defect of the test service is.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = ("cursor", "offset", "link")
CLOSED = ("cursor", "link")


@dataclass(frozen=True)
class Defect:
    """
    One promise that the service breaks when the defect is switched on.

    Args:
        name: what a user of the service would see, in kebab-case.
        sentence: the same, said in full.
        breaks: requirements that it breaks, the one it is about first.
        may_break: others that may with good reason be reported beside it.
        styles: the styles of service in which it can occur.
        from_outside: false where only a token made with the service's own key shows it (``Service.token``), so
            that no caller without that key can be expected to find it.
        needs_quota: whether the service must be started with a quota to show it.
    """

    name: str
    sentence: str
    breaks: tuple[str, ...]
    may_break: tuple[str, ...] = ()
    styles: tuple[str, ...] = ALL
    from_outside: bool = True
    needs_quota: bool = False
