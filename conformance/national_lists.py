"""
National code lists: which codes say why a child was referred, what for, on what footing and where it lives.

A table, so that a list is corrected here and nowhere else. Sources: the children in need census and the return on
looked-after children (SSDA903), as the validators of Data to Insight (csc-validator-be-cin, csc-validator-be-903) and
the Standard Safeguarding Dataset have them; the School Attendance (Pupil Registration) (England) Regulations 2024,
SI 2024/208, regulation 10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from joinedup.conformance.features import plain as bare

# What may be a code at all; a value in words is some system's way to show one, and no code that is wrong.
_CODE = re.compile(r"[A-Z0-9]{1,5}|[/\\#]")
REGULATIONS_2024 = date(2024, 8, 19)
"""When the attendance codes of SI 2024/208 took the place of those before."""


@dataclass(frozen=True)
class NationalList:
    """
    One list.

    Args:
        name: what it lists, for people.
        requirement: what asks for it.
        names: properties that hold one of its codes, plain.
        doubtful: names that hold one where the contract's own list for it is made of these codes.
        codes: those that hold whatever the day.
        dated: (first day, last day) of codes that came or went; None for an open end.
        days: properties beside the code that say which day it is about, plain.
        since: the first day that the list holds for.
        wrong: what looks like a code of the list and is none.
    """

    name: str
    requirement: str
    names: frozenset[str]
    codes: frozenset[str]
    wrong: str
    doubtful: frozenset[str] = frozenset()
    dated: Mapping[str, tuple[date | None, date | None]] = field(default_factory=dict)
    days: tuple[str, ...] = ()
    since: date = date.min

    def holds(self, code: str, on: date | None = None) -> bool:
        """Whether a code is of the list, on a day where one is known."""
        if code in self.codes or (on is not None and on < self.since):
            return True
        first, last = self.dated.get(code, (date.max, None))
        if on is None:
            return code in self.dated
        return (first or date.min) <= on <= (last or date.max)

    def is_named(self, name: str, schema: Mapping[str, Any]) -> bool:
        """Whether a property holds codes of this list, by its name and what the contract says of it."""
        if bare(name) in self.names:
            return True
        declared = schema.get("enum") or ()
        common = self.codes & {code for code in declared if isinstance(code, str)}
        return bare(name) in self.doubtful and len(common) * 2 > len(self.codes)

    def day_beside(self, holder: Mapping[str, Any]) -> date | None:
        """The day that a code is about, read from the properties beside it."""
        found = {bare(name): value for name, value in holder.items()}
        for name in self.days:
            try:
                return date.fromisoformat(str(found.get(name, ""))[:10])
            except ValueError:
                continue
        return None


def is_code(value: object) -> bool:
    """Whether a value may be a code, and is no words."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STARTS = ("startedon", "startdate", "startson", "placementstart", "start", "decom")

SOURCE = NationalList(
    "the source of a referral",
    "VAL-01",
    _names("referralsource contactsource sourceofreferral sourceofcontact referralsourcecode"),
    _names("1A 1B 1C 1D 2A 2B 3A 3B 3C 3D 3E 3F 4 5A 5B 5C 5D 6 7 8 9 10"),
    "5Z",
    doubtful=_names("source sourcecode"),
)
NEED = NationalList(
    "the primary need",
    "VAL-01",
    _names("primaryneed primaryneedcode primaryneedsource"),
    _names("N0 N1 N2 N3 N4 N5 N6 N7 N8 N9"),
    "N19",
    doubtful=_names("need needcode"),
)
FACTORS = NationalList(
    "the factors of an assessment",
    "VAL-01",
    _names("assessmentfactors assessmentfactor factorsidentified factorsidentifiedatassessment"),
    _names(
        "1A 1B 1C 2A 2B 2C 3A 3B 3C 4A 4B 4C 5A 5B 5C 6A 6B 6C 7A 8B 8C 8D 8E 8F 9A 10A 11A 12A 13A 14A 15A 16A 17A "
        "18B 18C 19B 19C 20 21 22A 23A 24A"
    ),
    "18A",
    doubtful=_names("factors factor"),
)
ABUSE = NationalList(
    "the category of abuse",
    "VAL-02",
    _names("categoryofabuse abusecategory initialcategoryofabuse latestcategoryofabuse"),
    _names("NEG PHY SAB EMO MUL"),
    "ABU",
    doubtful=_names("category categorycode"),
)
LEGAL_STATUS = NationalList(
    "the legal status",
    "VAL-02",
    _names("legalstatus legalstatuscode"),
    _names("C1 C2 D1 E1 V2 V3 V4 L1 L2 L3 J1 J2 J3"),
    "C9",
)
PLACEMENT = NationalList(
    "the type of a placement",
    "VAL-03",
    _names("placementtype placementtypecode"),
    _names("A3 A4 A5 A6 K1 K2 P1 P3 R1 R2 R3 R5 S1 T0 T1 T2 T3 T4 U1 U2 U3 U4 U5 U6"),
    "Q9",
    dated={
        "P2": (None, date(2023, 10, 27)),
        "H5": (None, date(2025, 3, 31)),
        "Z1": (None, date(2025, 3, 31)),
        **{code: (date(2025, 4, 1), None) for code in ("K3", "Z11", "Z12", "Z13", "Z14")},
    },
    days=_STARTS,
)
ATTENDANCE = NationalList(
    "the attendance code",
    "VAL-04",
    _names("attendancecode attendancemark registercode"),
    _names("/ \\ L K V P W B D C C1 C2 M J1 S X T R I E Q Y1 Y2 Y3 Y4 Y5 Y6 Y7 G N O U Z #"),
    "H",
    doubtful=_names("code mark session"),
    days=("date", "sessiondate", "day", "on"),
    since=REGULATIONS_2024,
)
LISTS: tuple[NationalList, ...] = (SOURCE, NEED, FACTORS, ABUSE, LEGAL_STATUS, PLACEMENT, ATTENDANCE)
NO_FACTOR = "21"
"""The factor that says that there is none, and so stands alone (children in need census, rule 8869)."""


def wrong_in(listed: NationalList, value: Any, holder: Mapping[str, Any]) -> str:
    """
    How what a property holds is no code of its list; empty where it is one, or is no code at all.

    Args:
        value: a code, or a list of them.
        holder: the object that the property is in.
    """
    codes: Sequence[Any] = value if isinstance(value, list) else [value]
    on = listed.day_beside(holder)
    for code in codes:
        if is_code(code) and not listed.holds(code, on):
            return f"is not of the national list{f' of {on:%d %B %Y}' if on and listed.dated else ''}"
    if listed is FACTORS and NO_FACTOR in codes and len(codes) > 1:
        return "says that there is no factor and names some beside it"
    return ""
