"""
What a refusal complains of: which part of the request, and what is wanted there.

Read from the forms in common use: the ``errors`` of a problem document (RFC 9457) with a ``pointer``, the ``loc`` of
FastAPI, records with a ``field`` and a message, maps from names to messages (ASP.NET, Rails, Django), and plain
sentences with a name in them. What is wanted is put into words of JSON Schema, so that a value can be made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from joinedup.conformance.inside import Path
from joinedup.conformance.knowledge import normalise

MOST_COMPLAINTS = 10
MOST_ALLOWED = 50
LONGEST_TEXT = 2_000
LONGEST_MEMBER = 60
_DEEPEST = 6


class Fault(StrEnum):
    """What is wrong with a part of a request."""

    MISSING = "is missing"
    UNWANTED = "is not allowed"
    UNKNOWN = "names nothing that is known"
    WRONG = "is not as it is wanted"


@dataclass(frozen=True)
class Complaint:
    """
    One part of a request that was refused.

    Args:
        path: where it is, as the refusal says it: names from the outside in, also those of its own making.
        fault: what is wrong there.
        wanted: what is said of a right value, as a schema.
        certain: whether the refusal has a place of its own for the name; otherwise it was read out of a sentence.
    """

    path: Path
    fault: Fault
    wanted: Mapping[str, Any] = field(default_factory=dict)
    certain: bool = True


# By normalised name: members of an answer that say where, what, and which values are allowed.
_PLACES = (
    *("pointer", "loc", "field", "property", "propertypath", "instancepath", "datapath", "path", "param"),
    *("parameter", "fieldname", "propertyname", "attribute", "source", "location", "name", "key"),
)
_TEXTS = ("message", "msg", "detail", "details", "reason", "description", "error", "title", "code", "type")
_ALLOWED = (
    "allowed",
    "allowedvalues",
    "permitted",
    "permittedvalues",
    "validvalues",
    "enum",
    "options",
    "choices",
)
_MAPS = ("errors", "fielderrors", "fields", "violations", "validationerrors", "details", "error", "messages")

_FAULTS = (
    (
        Fault.MISSING,
        r"\brequired\b(?! (format|pattern|type))|missing|\black|must (be|have been) (provided|present|given|specified|supplied|set)\b|"
        r"(must|may|can) ?not be (null|empty|blank|omitted)|can't be (blank|empty)|is (needed|mandatory)|should not be empty",
    ),
    (
        Fault.UNWANTED,
        r"additional propert|unexpected|unrecogni[sz]ed|not permitted|\bextra\b|read-?only|not writable|"
        r"(unknown|unsupported|undefined) (property|field|key|attribute|argument|parameter)|"
        r"(must|may|can|should) ?not be (sent|given|set|present|provided|specified|supplied|included|changed|used)|"
        r"(property|field|key|attribute|parameter) (that )?is not (allowed|known|supported)|should not exist|^not allowed",
    ),
    (
        Fault.UNKNOWN,
        r"not found|not exist|doesn't exist|no such|unknown|not known|nonexistent|not (a )?recogni[sz]ed|"
        r"could not be (found|resolved)|invalid (reference|id|identifier)\b|object does not",
    ),
)
_ENUMS = (
    r"(?:one|any) of(?: the)?(?: following)?(?: values)?[:\s]*(?P<members>[\[({]?.+)",
    r"(?:allowed|valid|permitted|accepted|possible|supported|available|known|expected)(?: \w+)?"
    r"(?: are| is|:|=)+\s*(?P<members>.+)",
    r"(?:input should be|must be either|should be either|either|choose from|expected)[:\s]+(?P<members>['\"\[].+)",
    r"must be (?P<members>[\w-]+ or [\w-]+)\.?$",
)
_NUMBER = r"(?P<number>-?\d+(?:\.\d+)?)"
_BOUNDS = (
    (rf"(?:at least|minimum(?: \w+)?(?: of| is)?|no less than|not less than|min)[ :]+{_NUMBER}", "least"),
    (rf"(?:at most|maximum(?: \w+)?(?: of| is)?|no more than|not more than|up to|max)[ :]+{_NUMBER}", "most"),
    (rf"(?:greater than or equal to|>=)\s*{_NUMBER}", "least"),
    (rf"(?:less than or equal to|<=)\s*{_NUMBER}", "most"),
    (rf"(?:greater than|more than|longer than|>)\s*{_NUMBER}", "above"),
    (rf"(?:less than|fewer than|shorter than|<)\s*{_NUMBER}", "below"),
)
_BOUND_WORDS = {
    "least": ("minimum", "minLength", "minItems"),
    "most": ("maximum", "maxLength", "maxItems"),
    "above": ("exclusiveMinimum", "minLength", "minItems"),
    "below": ("exclusiveMaximum", "maxLength", "maxItems"),
}
_SHAPES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (r"e-?mail", {"type": "string", "format": "email"}),
    (r"\buuid|\bguid", {"type": "string", "format": "uuid"}),
    (r"date-?time|timestamp|rfc ?3339|iso[ -]?8601.*time", {"type": "string", "format": "date-time"}),
    (r"\bdate\b|yyyy-mm-dd", {"type": "string", "format": "date"}),
    (r"\buri\b|\burl\b", {"type": "string", "format": "uri"}),
    (r"nhs.?number", {"type": "string", "format": "nhs-number"}),
    (r"post ?code", {"type": "string", "format": "postcode"}),
    (r"(tele)?phone", {"type": "string", "format": "phone"}),
    (r"positive", {"type": "integer", "minimum": 1}),
    (r"\binteger|whole number|\bint\b", {"type": "integer"}),
    (r"\bnumber\b|numeric", {"type": "number"}),
    (r"boolean|true or false", {"type": "boolean"}),
    (r"\bstring\b|\btext\b", {"type": "string"}),
)
_WANTS = re.compile(r"valid|must|should|expected|has to|needs? to|format|not an? ", re.IGNORECASE)
_PATTERN = re.compile(
    r"(?:pattern|regex|regular expression|format|match(?:es)?)[^\^]{0,20}(\^[^\"'`]*\$)", re.IGNORECASE
)
_QUOTED = re.compile(
    r"'([^'\n]{1,60})'|\"([^\"\n]{1,60})\"|`([^`\n]{1,60})`|«([^»\n]{1,60})»|“([^”\n]{1,60})”"
)
_NAME = re.compile(r"[A-Za-z_$/#][\w.$/\[\]#~-]*")


def complaints_in(answer: Any, names: Iterable[str]) -> list[Complaint]:
    """
    Everything that a refusal complains of, what it says for certain first.

    Args:
        answer: its body, as JSON or as a text.
        names: those that the request has or the contract declares; others count in a sentence only where it quotes them.
    """
    known = {normalise(name): name for name in names if len(name) > 1}
    found = list(_in_value(answer, known, 0))
    certain = [complaint for complaint in found if complaint.certain]
    return list({(c.path, c.fault): c for c in certain or found}.values())[:MOST_COMPLAINTS]


def _in_value(value: Any, known: Mapping[str, str], depth: int) -> Iterator[Complaint]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield from in_sentence(value[:LONGEST_TEXT], known)
    elif isinstance(value, list):
        for item in value[:MOST_COMPLAINTS]:
            yield from _in_value(item, known, depth + 1)
    elif isinstance(value, dict):
        record = _record(value, known)
        yield from [record] if record is not None else _in_map(value, known, depth)


def _in_map(value: Mapping[str, Any], known: Mapping[str, str], depth: int) -> Iterator[Complaint]:
    for name, inner in value.items():
        if normalise(name) in _MAPS and isinstance(inner, dict):
            for where, said in inner.items():
                yield from _said_of(where, said)
        if normalise(name) in known and normalise(name) not in _TEXTS and _are_texts(inner):
            yield from _said_of(name, inner)
        elif isinstance(inner, dict | list) or normalise(name) in _TEXTS:
            yield from _in_value(inner, known, depth + 1)


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    )


def _said_of(where: str, said: Any) -> Iterator[Complaint]:
    """What a map says of one name."""
    if _are_texts(said) and where:
        text = said if isinstance(said, str) else " ".join(said)
        yield Complaint(tokens_of(where), fault_of(text), wanted_by(text))


def _record(value: Mapping[str, Any], known: Mapping[str, str]) -> Complaint | None:
    """The complaint of a record that has a place for where and one for what; None for any other."""
    members = {normalise(name): inner for name, inner in value.items()}
    text = " ".join(str(members[name]) for name in _TEXTS if isinstance(members.get(name), str))[
        :LONGEST_TEXT
    ]
    place = next((p for name in _PLACES if (p := _place(members.get(name)))), ())
    details = _details(members)
    missing = details.pop("missing", "")
    if missing:
        return Complaint((*place, missing), Fault.MISSING)
    if not place or not text or (len(place) > 1 and place[-1].isdecimal() and not details):
        return None
    if normalise(place[-1]) not in known and fault_of(text) not in (Fault.MISSING, Fault.UNWANTED):
        return None
    return Complaint(place, fault_of(text), {**wanted_by(text), **details})


def _place(value: Any) -> Path:
    if isinstance(value, str):
        return tokens_of(value) if _NAME.fullmatch(value) else ()
    if isinstance(value, list) and value and all(isinstance(part, str | int) for part in value):
        return tuple(str(part) for part in value)
    if isinstance(value, dict):
        return next((p for key in ("pointer", "parameter", "header") if (p := _place(value.get(key)))), ())
    return ()


def _details(members: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of the value in members of its own: allowed values, a pattern, the name that is missing."""
    found: dict[str, Any] = {}
    for part in (
        members,
        *(members.get(name) for name in ("ctx", "params", "meta", "constraints", "context")),
    ):
        for name, value in part.items() if isinstance(part, Mapping) else ():
            if normalise(name) in _ALLOWED and isinstance(value, list) and 0 < len(value) <= MOST_ALLOWED:
                found["enum"] = [item for item in value if isinstance(item, str | int | float)]
            elif normalise(name) == "pattern" and isinstance(value, str):
                found["pattern"] = value
            elif normalise(name) == "missingproperty" and isinstance(value, str):
                found["missing"] = value
    return found


def tokens_of(place: str) -> Path:
    """The names in a pointer, a path with dots or brackets, or a name alone: ``#/a/0/b``, ``$.a[0].b``, ``a.b``."""
    if place.startswith(("/", "#/")):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in place.lstrip("#").split("/")]
    else:
        parts = re.split(r"[.\[\]/]+", place)
    return tuple(part.strip("'\"") for part in parts if part not in ("", "$", "#"))


# --- sentences


def in_sentence(text: str, known: Mapping[str, str]) -> Iterator[Complaint]:
    """What a sentence complains of: of the names that it quotes, else of those that it mentions."""
    fault, wanted = fault_of(text), wanted_by(text)
    # A list of allowed values may hold words that are names elsewhere.
    head = text[: _enum_begins(text)]
    quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(head)]
    names = [name for name in quoted if _NAME.fullmatch(name)]
    if not any(normalise(tokens_of(name)[-1]) in known for name in names if tokens_of(name)):
        mentioned = list(_mentioned(head, known))
        names = mentioned or (names if fault in (Fault.MISSING, Fault.UNWANTED) else names if wanted else [])
    for name in dict.fromkeys(names):
        if tokens_of(name):
            yield Complaint(tokens_of(name), fault, wanted, certain=False)


def _enum_begins(text: str) -> int:
    found = [
        match.start("members") for pattern in _ENUMS if (match := re.search(pattern, text, re.IGNORECASE))
    ]
    return min(found, default=len(text))


def _mentioned(text: str, known: Mapping[str, str]) -> Iterator[str]:
    """Known names in a sentence, also where they are written as words: ``givenName``, ``given name``."""
    words = re.findall(r"[\w$/.-]+", text)
    taken = 0
    for start in range(len(words)):
        if start < taken:
            continue
        for count in (4, 3, 2, 1):
            window = normalise("".join(words[start : start + count]))
            place = tokens_of(words[start]) if count == 1 else ()
            last = normalise(place[-1]) if place else window
            if len(last) > 2 and last in known:
                yield words[start].strip(".") if place else known[last]
                taken = start + count
                break


def fault_of(text: str) -> Fault:
    """What is wrong, as a sentence says it."""
    if allowed_values(text):
        return Fault.WRONG
    for fault, pattern in _FAULTS:
        if re.search(pattern, text.replace("_", " "), re.IGNORECASE):
            return fault
    return Fault.WRONG


def wanted_by(text: str) -> dict[str, Any]:
    """What a sentence says of a right value, as a schema; empty where it says nothing that can be used."""
    members = allowed_values(text)
    if members:
        return {"enum": members}
    pattern = _PATTERN.search(text)
    if pattern is not None:
        return {"pattern": pattern[1]}
    return {**_shape(text), **_bound(text)}


def allowed_values(text: str) -> list[str]:
    """The values that a sentence lists as allowed: ``must be one of low, high``; empty where it lists none."""
    for pattern in _ENUMS:
        match = re.search(pattern, text, re.IGNORECASE)
        members = _members(match["members"]) if match else []
        if members:
            return members
    return []


def _members(text: str) -> list[str]:
    text = re.split(r"[\])};]|\.(?:\s|$)|\n", text.lstrip("[({ "))[0]
    quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(text)]
    if quoted:
        return quoted[:MOST_ALLOWED]
    parts = [part.strip() for part in re.split(r",|\||\bor\b|\band\b", text)]
    parts = [part for part in parts if part]
    # Words that follow each other are a sentence that goes on and no list.
    good = all(len(part) <= LONGEST_MEMBER and len(part.split()) <= 2 for part in parts)
    return parts[:MOST_ALLOWED] if good and len(parts) > 1 else []


def _shape(text: str) -> Mapping[str, Any]:
    if not _WANTS.search(text):
        return {}
    return next((shape for pattern, shape in _SHAPES if re.search(pattern, text, re.IGNORECASE)), {})


def _bound(text: str) -> dict[str, Any]:
    """Bounds in the words for numbers, texts and lists at once: whichever the value is, the others say nothing of it."""
    found: dict[str, Any] = {}
    for pattern, side in _BOUNDS:
        match = re.search(pattern, text, re.IGNORECASE)
        for word in _BOUND_WORDS[side] if match else ():
            number = float(match["number"]) if match else 0.0
            whole = (
                int(number)
                + (side == "above" and word.startswith("min"))
                - (side == "below" and word.startswith("max"))
            )
            found.setdefault(word, whole if word.startswith(("minL", "minI", "maxL", "maxI")) else number)
    return found
