"""
The defects that can be switched on, each named for what a user of the service would see.
"""

from __future__ import annotations

from service import access_defects as access
from service import answer_defects as answers
from service.defect import Defect

DEFECTS: tuple[Defect, ...] = (
    *answers.ANSWERS,
    *answers.WRONG_INPUT_TAKEN,
    *answers.GOOD_INPUT_REFUSED,
    *answers.CRASHES,
    *answers.STATE,
    *answers.HEADERS,
    *answers.REFUSALS,
    *access.ACCESS,
    *access.LIMITS,
    *access.REPETITION,
    *access.PAGES,
    *access.IDENTIFIERS,
    *access.SEARCHES,
)

__all__ = ["DEFECTS", "Defect"]
