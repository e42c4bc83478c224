"""
The catalogue: what a system has to do, where that comes from, and which of it a profile asks for.

::

    Catalogue            every requirement that the harness knows
    ├── Requirement      one numbered, testable sentence, with its plain words, source and question
    └── Profile          a frozen choice of requirements for one kind of system

Requirements are data (``requirements/*.yaml``), so that they can be read and reviewed without Python. Ids are
never reused: what a requirement proves may be read from an old pack years later.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import yaml

from joinedup.conformance.conditions import CAPABILITY, is_true
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError, near
from joinedup.conformance.outcomes import Level

REQUIREMENTS = Path(__file__).parent / "requirements"
PROFILES = Path(__file__).parent / "profiles"
LISTER = "joinedup requirements"

QUESTIONS: Mapping[str, str] = {
    "GP1": "Can it link with early help, virtual school, education, health and other existing systems, "
    "including multi-agency partnerships?",
    "GP2": "Can it link with systems that a council may adopt later?",
    "GP3": "Does it meet open API standards?",
    "GP4": "Are there examples of it working with others?",
    "GP5": "Does it transfer information appropriately and securely?",
    "GP6": "Does it help the council meet data protection law?",
}
"""The six good-practice questions that a council asks, by id."""


class Reason(enum.StrEnum):
    """Why no check proves a requirement."""

    NOT_OBSERVABLE = "not_observable"
    UNSAFE = "unsafe"
    ATTESTED = "attested"
    PLANNED = "planned"
    JOURNEYS = "journeys"
    """No check of one system alone proves it; journeys do, in a run that plays one that speaks of the system."""


@dataclass(frozen=True)
class Source:
    """
    Where a requirement comes from.

    Args:
        document: title of the law, standard or guidance.
        clause: article, section or heading in it.
        url: where it can be read.
        verified: whether the clause was read in the document itself.
    """

    document: str
    clause: str
    url: str
    verified: bool


@dataclass(frozen=True)
class Exclusion:
    """Why a requirement is published untested, and what a council can do instead."""

    reason: Reason
    note: str


@dataclass(frozen=True)
class Requirement:
    """
    One numbered, testable sentence.

    Args:
        id: family and number, ``AUT-01``; never reused.
        level: how binding it is.
        text: what is tested, for an engineer.
        plain: the same for a buyer, free of technical words.
        source: where it comes from.
        question: the good-practice question that it helps to answer, a key of ``QUESTIONS``.
        when: expression over features and capabilities (``security.bearer or capability:read-child``); empty
            means always.
        excluded: why no check proves it, or None.
    """

    id: str
    level: Level
    text: str
    plain: str
    source: Source
    question: str
    when: str = ""
    excluded: Exclusion | None = None

    def applies(self, features: Collection[str]) -> bool:
        """Whether the requirement applies to a system that shows these features and has these capabilities."""
        return is_true(self.when, features, self.features)

    @property
    def features(self) -> frozenset[str]:
        """The features that its condition speaks of, and the capabilities with the prefix that they have there."""
        return _features_in(self.when)

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that its condition speaks of, by their plain names."""
        return frozenset(n.removeprefix(CAPABILITY) for n in self.features if n.startswith(CAPABILITY))


@dataclass(frozen=True)
class Profile:
    """
    A frozen choice of requirements for one kind of system.

    Args:
        id: name and generation, ``open-api-1``.
        title: what it is called for people.
        audience: one sentence that says which systems it is for.
        requirements: in the order of the profile, with the levels that the profile raises.
    """

    id: str
    title: str
    audience: str
    requirements: tuple[Requirement, ...]

    @property
    def hash(self) -> str:
        """
        SHA-256 of what decides a verdict: ids, levels, sentences, conditions and exclusions.

        A corrected address of a source or a clearer plain sentence leaves it as it is.
        """
        return _digest([self.id, [_binding(requirement) for requirement in self.requirements]])

    def select(self, wanted: Iterable[str]) -> tuple[Requirement, ...]:
        """The requirements of the profile that ``wanted`` names; see ``select``."""
        return select(self.requirements, wanted, where=f"profile {self.id}")


@dataclass(frozen=True)
class Catalogue:
    """Every requirement that the harness knows, in the order of the files and in them."""

    requirements: tuple[Requirement, ...]

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.requirements)

    def __len__(self) -> int:
        return len(self.requirements)

    def __contains__(self, id: object) -> bool:
        return any(requirement.id == id for requirement in self.requirements)

    def __getitem__(self, id: str) -> Requirement:
        for requirement in self.requirements:
            if requirement.id == id:
                return requirement
        raise ConfigurationError(f"There is no requirement {id!r}.", hint=near(id, self.ids, LISTER))

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id, in order."""
        return tuple(requirement.id for requirement in self.requirements)

    @property
    def hash(self) -> str:
        """SHA-256 of the whole catalogue, sources and plain sentences included."""
        return _digest([asdict(requirement) for requirement in self.requirements])

    def select(self, wanted: Iterable[str]) -> tuple[Requirement, ...]:
        """The requirements of the catalogue that ``wanted`` names; see ``select``."""
        return select(self.requirements, wanted, where="the catalogue")


def select(
    requirements: Sequence[Requirement], wanted: Iterable[str], *, where: str = "the catalogue"
) -> tuple[Requirement, ...]:
    """
    The requirements that ``wanted`` names, in the order of ``requirements``.

    Args:
        requirements: what to choose from.
        wanted: ids (``AUT-01``) and families (``AUT``, ``CON-API``), in capitals or not.
        where: what they are chosen from, for the message.

    Raises:
        NothingSelectedError: one of ``wanted`` matches nothing; the hint names what comes near.
    """
    chosen: set[str] = set()
    ids = [requirement.id for requirement in requirements]
    for name in wanted:
        matches = [id for id in ids if id == name.upper() or id.startswith(f"{name.upper()}-")]
        if not matches:
            families = dict.fromkeys(id.rpartition("-")[0] for id in ids)
            raise NothingSelectedError(
                f"No requirement in {where} is called {name!r} or begins with it.",
                hint=near(name.upper(), [*ids, *families], LISTER),
            )
        chosen.update(matches)
    return tuple(requirement for requirement in requirements if requirement.id in chosen)


def load_catalogue(folder: Path = REQUIREMENTS) -> Catalogue:
    """
    Every requirement of every YAML file in ``folder``.

    Raises:
        ConfigurationError: a file cannot be read or breaks the form; names file, id and key.
    """
    found: dict[str, str] = {}
    requirements = []
    for path in sorted(folder.glob("*.yaml")):
        for number, entry in enumerate(_entries(path), start=1):
            requirement = _requirement(entry, path.name, number)
            if requirement.id in found:
                raise ConfigurationError(
                    f"{path.name}: requirement {requirement.id} is already defined in {found[requirement.id]}.",
                    hint="Give it an id that was never used.",
                )
            found[requirement.id] = path.name
            requirements.append(requirement)
    return Catalogue(tuple(requirements))


def profile_names(folder: Path = PROFILES) -> tuple[str, ...]:
    """The names of the profiles that exist, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load_profile(name: str, catalogue: Catalogue, folder: Path = PROFILES) -> Profile:
    """
    The profile called ``name``, its requirements taken from ``catalogue``.

    Raises:
        ConfigurationError: there is no such profile, it names an unknown requirement, or lowers a level.
    """
    if name not in profile_names(folder):
        raise ConfigurationError(
            f"There is no profile {name!r}.",
            hint=near(name, profile_names(folder)),
        )
    path = folder / f"{name}.yaml"
    entry = _checked(_read(path), _PROFILE, f"{path.name}: the profile")
    if entry["id"] != name:
        raise ConfigurationError(f"{path.name}: key id: {name!r} was expected, {entry['id']!r} was found.")
    raised = entry.get("raise", {})
    _refuse_strangers(raised, entry["requirements"], path.name)
    requirements = tuple(_member(id, raised.get(id), catalogue, path.name) for id in entry["requirements"])
    return Profile(name, entry["title"], entry["audience"], requirements)


def _refuse_strangers(raised: Collection[str], members: Collection[str], file: str) -> None:
    for id in raised:
        if id not in members:
            raise ConfigurationError(f"{file}: key raise: {id} is not a requirement of the profile.")


def _member(id: str, level: str | None, catalogue: Catalogue, file: str) -> Requirement:
    if id not in catalogue:
        raise ConfigurationError(
            f"{file}: key requirements: there is no requirement {id!r}.", hint=near(id, catalogue.ids, LISTER)
        )
    requirement = catalogue[id]
    if level is None:
        return requirement
    if requirement.level is Level.MUST and level != Level.MUST:
        raise ConfigurationError(
            f"{file}: key raise: {id} is {requirement.level} in the catalogue, and {level} would lower it.",
            hint="A profile may raise a level, never lower it.",
        )
    return replace(requirement, level=Level(level))


_NAME = re.compile(r"[^\s()]+")
_SENTENCE = {"type": "string", "minLength": 10, "pattern": r"^\S.*\.$"}
_ID = {"type": "string", "pattern": "^[A-Z]{3}(-[A-Z]{3})?-[0-9]{2}$"}
_LEVEL = {"enum": [level.value for level in Level]}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_SOURCE = _object(
    {
        "document": {"type": "string", "minLength": 3},
        "clause": {"type": "string", "minLength": 1},
        "url": {"type": "string", "pattern": "^https://[^ ]+$"},
        "verified": {"type": "boolean"},
    }
)
_EXCLUDED = _object({"reason": {"enum": [reason.value for reason in Reason]}, "note": _SENTENCE})
_REQUIREMENT = jsonschema_rs.validator_for(
    _object(
        {
            "id": _ID,
            "level": _LEVEL,
            "text": _SENTENCE,
            "plain": _SENTENCE,
            "source": _SOURCE,
            "question": {"enum": list(QUESTIONS)},
            "when": {"type": "string"},
            "excluded": {**_EXCLUDED, "type": ["object", "null"]},
        }
    )
)
_PROFILE = jsonschema_rs.validator_for(
    _object(
        {
            "id": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*-[0-9]+$"},
            "title": {"type": "string", "minLength": 3},
            "audience": _SENTENCE,
            "requirements": {"type": "array", "items": _ID, "minItems": 1, "uniqueItems": True},
        },
        {"raise": {"type": "object", "additionalProperties": _LEVEL}},
    )
)


def _read(path: Path) -> object:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_bytes(), loader)  # noqa: S506 - a safe loader, written in C where there is one
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path.name} is not YAML: {' '.join(str(error).split())}.") from error


def _entries(path: Path) -> list[object]:
    entries = _read(path)
    if not isinstance(entries, list):
        raise ConfigurationError(
            f"{path.name}: a list of requirements was expected, {type(entries).__name__} was found.",
            hint="Begin each requirement with '- id: '.",
        )
    return entries


def _requirement(entry: object, file: str, number: int) -> Requirement:
    id = entry.get("id") if isinstance(entry, dict) else None
    where = f"{file}: requirement {id or f'number {number}'}"
    fields = _checked(entry, _REQUIREMENT, where)
    _check_condition(fields["when"], where)
    excluded = fields["excluded"]
    return Requirement(
        **{
            **fields,
            "level": Level(fields["level"]),
            "source": Source(**fields["source"]),
            "excluded": excluded and Exclusion(Reason(excluded["reason"]), excluded["note"]),
        }
    )


def _check_condition(text: str, where: str) -> None:
    try:
        is_true(text, (), _features_in(text))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{where}, key when: {error.message}", hint="Join features with and, or, not and brackets."
        ) from error


def _features_in(condition: str) -> frozenset[str]:
    return frozenset(_NAME.findall(condition)) - {"and", "or", "not"}


def _checked(entry: object, validator: jsonschema_rs.Validator, where: str) -> dict[str, Any]:
    error = next(validator.iter_errors(entry), None)
    if error is not None:
        key = ".".join(str(part) for part in error.instance_path)
        raise ConfigurationError(f"{where}{f', key {key}' if key else ''}: {error.message}.")
    return cast("dict[str, Any]", entry)


def _binding(requirement: Requirement) -> list[str]:
    excluded = requirement.excluded.reason if requirement.excluded else ""
    return [requirement.id, requirement.level, requirement.text, requirement.when, excluded]


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
