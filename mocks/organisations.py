"""
Who works with the agencies: their organisations, the council area that each belongs to, and the client of each.

::

    area         social care, early help,   health   school   police   cp-is, identity,   supplier-app
                 virtual school, mash                                  locator
    E09000001    E09000001                  RX1EX    999001   42       Y99NAT             E09000001
    E09000002    E09000002                  RX2EX    999002   43       Y99NAT             E09000002

What an agency keeps it keeps by area, so that whoever works in one area sees nothing of another's. The parts of a
council are one organisation with a client each; a national service has one for every area, and a supplier acts in the
name of a council. The codes have the form that the field uses for such an organisation (ONS, ODS, URN, Home Office).
"""

from __future__ import annotations

COUNCILS = ("E09000001", "E09000002")
HOSPITALS = ("RX1EX", "RX2EX")
SCHOOLS = ("999001", "999002")
FORCES = ("42", "43")
NATIONAL = "Y99NAT"

# The organisations that speak for a system, in the order of the councils whose areas they work in.
SPEAKERS: dict[str, tuple[str, str]] = {
    "social-care": COUNCILS,
    "early-help": COUNCILS,
    "health": HOSPITALS,
    "school": SCHOOLS,
    "virtual-school": COUNCILS,
    "police": FORCES,
    "mash": COUNCILS,
    "cp-is": (NATIONAL, NATIONAL),
    "identity": (NATIONAL, NATIONAL),
    "locator": (NATIONAL, NATIONAL),
    "supplier-app": COUNCILS,
}
# Whose clients call these, who speak for nobody who asks: as a rule children's services.
CALLED_BY = dict.fromkeys(("cp-is", "identity", "locator", "supplier-app", "auth"), "social-care")

# The system at which an organisation takes notices in; the police have none.
NOTIFIED_AT = {
    **dict.fromkeys(COUNCILS, "social-care"),
    **dict.fromkeys(HOSPITALS, "health"),
    **dict.fromkeys(SCHOOLS, "school"),
}
_AREA_OF = {
    code: area
    for speakers in (COUNCILS, HOSPITALS, SCHOOLS, FORCES)
    for code, area in zip(speakers, COUNCILS, strict=True)
}


def area_of(organisation: str) -> str:
    """The council area that an organisation works in; one that is not known here is an area by itself."""
    return _AREA_OF.get(organisation, organisation)


def is_known(organisation: str) -> bool:
    """Whether an organisation works with the agencies."""
    return organisation in _AREA_OF


def speaker(system: str, area: str) -> str:
    """
    The organisation that speaks for a system in an area.

    Raises:
        KeyError: none does.
    """
    return dict(zip(COUNCILS, SPEAKERS[system], strict=True))[area]


def client_id(system: str, area: str) -> str:
    """The id of the client by which a system calls others in an area: its organisation's, or the area's."""
    code = speaker(system, area)
    kind = "council" if system == "social-care" else system
    return f"{kind}-{(area if code == NATIONAL else code).lower()}"


def callers(system: str) -> dict[str, str]:
    """The ids of the clients that a system is called by: ``own`` in the first area, ``other`` in the second."""
    caller = CALLED_BY.get(system, system)
    return {name: client_id(caller, area) for name, area in zip(("own", "other"), COUNCILS, strict=True)}
