"""
How each defect is seen: one question to the service, what the clean one answers, and what the defective one does.

Every defect of the table has its line here, and shows itself by nothing but what a user could see.
"""

from __future__ import annotations

from service.access_sightings import ACCESS
from service.answer_sightings import ANSWERS
from service.sighting import MINE, THEIRS, Sighting

SIGHTINGS: dict[str, Sighting] = {**ANSWERS, **ACCESS}

__all__ = ["MINE", "SIGHTINGS", "THEIRS", "Sighting"]
