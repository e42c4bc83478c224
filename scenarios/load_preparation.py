"""
Make a plan: see that everything in the mix works on its own before any load, and count what it sends.

Nothing here has Locust's sockets: it runs in the process of the command.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from joinedup.conformance.catalogue import load_catalogue
from joinedup.conformance.configuration import Configuration
from joinedup.conformance.errors import (
    ConfigurationError,
    JoinedUpError,
    NothingSelectedError,
    SetupError,
    near,
)
from joinedup.conformance.exchanges import Exchange, Step, Text
from joinedup.conformance.harvest import harvest
from joinedup.conformance.inside import value_at, with_value
from joinedup.conformance.knowledge import normalise
from joinedup.conformance.objects import free_texts, renewed, schema_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import OWN, Target, build_target
from joinedup.conformance.vocabulary import REQUEST_IDENTIFIERS
from joinedup.mocks.newcomers import MOST
from joinedup.mocks.serve import Served
from joinedup.scenarios.journey import agencies_of, bundled_journeys
from joinedup.scenarios.library import Library
from joinedup.scenarios.load_children import OwnChildren
from joinedup.scenarios.load_ground import Ground
from joinedup.scenarios.load_inputs import inputs_under_load, needs_child
from joinedup.scenarios.load_journeys import calls_of, part_of, refused
from joinedup.scenarios.load_markers import LENGTH, Markers
from joinedup.scenarios.load_plan import (
    MARK,
    NEW_ID,
    LoadPlan,
    PlannedJourney,
    PlannedOperation,
    PlannedSystem,
    filled,
)
from joinedup.scenarios.load_players import Player
from joinedup.scenarios.load_tally import Tally
from joinedup.scenarios.stages import CONTROL

# With no mix of one's own: stories across agencies, and what is asked most in a day.
DEFAULT_MIX: Mapping[str, float] = {
    "police-notice": 4,
    "missing-episode": 1,
    "referral-to-plan": 1,
    "step-up-and-down": 1,
    "social-care:raiseContact": 2,
    "social-care:listContacts": 1,
    "social-care:getChild": 2,
    "social-care:searchChildren": 2,
    "police:raiseNotice": 1,
    "police:getNotice": 1,
}
TRIALS = 2
# The run in the markers of trials of operations, so that none of them is taken for one of a load's.
NO_RUN = "000000"
_MOST_MARKED = 3


@dataclass(frozen=True)
class Wanted:
    """
    One entry of the mix: a journey, or ``system:operationId``.

    Args:
        path: of the journey's document; empty for an operation.
    """

    name: str
    weight: float
    path: str = ""

    @property
    def system(self) -> str:
        """The system of an operation."""
        return self.name.partition(":")[0]

    @property
    def operation(self) -> str:
        """The operationId, or the label, of an operation."""
        return self.name.partition(":")[2]


def wanted(mix: Mapping[str, float], folder: Path) -> list[Wanted]:
    """
    The entries of a mix.

    Raises:
        NothingSelectedError: there is no journey of that name.
        ConfigurationError: a weight is not above 0.
    """
    found = []
    for name, weight in mix.items():
        if weight <= 0:
            raise ConfigurationError(
                f"load.mix gives {name} the weight {weight:g}.",
                hint="Write a weight above 0, or leave it out.",
            )
        is_document = name.endswith((".yaml", ".yml", ".json"))
        if ":" in name and not is_document:
            found.append(Wanted(name, weight))
            continue
        path = folder / name if is_document else bundled_journeys().get(name)
        if path is None or not path.exists():
            hint = near(name, bundled_journeys(), "joinedup journeys")
            raise NothingSelectedError(
                f"There is no journey {name!r}.", hint=f"{hint} An operation is written system:operationId."
            )
        found.append(Wanted(path.name.removesuffix(".arazzo.yaml"), weight, str(path.resolve())))
    return found


def systems_needed(entries: Sequence[Wanted]) -> tuple[str, ...]:
    """
    The systems that take part in a mix, and the control plane where a journey asks it for something.

    Raises:
        ConfigurationError: too little of a journey can be played by many at once.
    """
    found: dict[str, None] = {}
    for entry in entries:
        if not entry.path:
            found[entry.system] = None
            continue
        library = Library()
        part = part_of(library, entry.path)
        if not part.is_worth_playing:
            raise refused(entry.name, part)
        found.update(dict.fromkeys(agencies_of(library.open(entry.path))))
        if part.asks:
            found[CONTROL] = None
    return tuple(found)


@dataclass
class Preparation:
    """
    Turns a mix into a plan.

    Args:
        configuration: with every system of the mix at an address.
        ours: names of systems that are bundled agencies.
        agencies: that are served; None where there are none.
        choices: fields of the plan: rate, duration_s, users, shape and so on.
        said: told, in a sentence, what is left out.
        own: the children of the tester's file; None where journeys have newcomers.
    """

    configuration: Configuration
    ours: frozenset[str]
    agencies: Served | None
    choices: Mapping[str, Any]
    said: Callable[[str], None] = print
    own: OwnChildren | None = None
    _targets: dict[str, Target] = field(default_factory=dict)
    _children: int = 0
    _trials: int = 0
    _library: Library = field(default_factory=Library)

    def plan(self, entries: Sequence[Wanted]) -> LoadPlan:
        """
        The plan.

        Raises:
            SetupError: something of the mix does not work even on its own.
            ConfigurationError: something of the mix does not exist.
        """
        systems = {
            name: PlannedSystem(
                system.base_url,
                system.contract,
                {n: dict(keys) for n, keys in system.identities.items()},
                system.ca_bundle,
                system.binding,
                name in self.ours,
            )
            for name, system in self.configuration.systems.items()
        }
        bare = LoadPlan(
            run=secrets.token_hex(3),
            systems=systems,
            operations=[],
            journeys=[],
            control=self.agencies.control if self.agencies else "",
            clients=self._clients(),
            folder=self.configuration.folder,
            timeout_s=self.configuration.limits.timeout_s,
            largest_answer=self.configuration.limits.max_response_bytes,
            children_file=self.own.name if self.own else "",
            children_digest=self.own.digest if self.own else "",
            **self.choices,
        )
        _ = bare.profile
        try:
            items = [self._with_children(self._journey(entry)) for entry in entries if entry.path]
            if self.own:
                enrolled(_sketch(bare, items, entries), None, self.own)
            operations = [self._operation(entry) for entry in entries if not entry.path]
            journeys = self._journeys(bare, items)
        finally:
            self._close()
        plan = msgspec.structs.replace(bare, operations=operations, journeys=journeys)
        return enrolled(plan, self.agencies, self.own)

    def _clients(self) -> dict[str, dict[str, dict[str, Any]]]:
        found = self.agencies.callers if self.agencies else {}
        return {owner: {name: dict(keys) for name, keys in each.items()} for owner, each in found.items()}

    # Journeys

    def _journeys(self, bare: LoadPlan, items: list[PlannedJourney]) -> list[PlannedJourney]:
        """The journeys, each of which passed and passed again after itself, with the number of its requests."""
        if self.agencies and self._children and not self.own:
            self.agencies.enrol(self._children)
        ground = Ground(msgspec.structs.replace(bare, run=secrets.token_hex(3), journeys=items, validate=1.0))
        requests = [self._tried(ground, item) for item in items]
        return [
            msgspec.structs.replace(item, requests=max(count, 1), callers=ground.callers)
            for item, count in zip(items, requests, strict=True)
        ]

    def _journey(self, entry: Wanted) -> PlannedJourney:
        given = self.configuration.journeys.get(entry.name)
        part = part_of(self._library, entry.path, inputs=given.inputs if given else {})
        if part.ends_at:
            self.said(f"{entry.name} is played as far as many users can at once: {part.sentence}.")
        return PlannedJourney(
            entry.name,
            _portable(entry.path, self.configuration.folder),
            part.callee.workflow.id,
            entry.weight,
            1,
            inputs_under_load(part.callee, given.inputs if given else {}),
            begins_at=part.begins_at,
            steps=part.steps,
            of=part.of,
            ends_at=part.ends_at,
            why=part.why,
        )

    def _with_children(self, item: PlannedJourney) -> PlannedJourney:
        """The journey with children for its trials, where it needs any."""
        if not needs_child(item.inputs):
            return item
        if self.own:
            self.own.refuse_what_lacks(item.name, item.inputs)
        self._children += TRIALS
        return msgspec.structs.replace(item, first_child=self._children - TRIALS, children=TRIALS)

    def _tried(self, ground: Ground, item: PlannedJourney) -> int:
        """
        How many requests a journey sends.

        Raises:
            SetupError: it does not pass, or not again after itself.
        """
        requests = 0
        for trial in range(TRIALS):
            tally = Tally()
            # Each trial is another piece of work, for which agencies can be asked.
            self._trials += 1
            player = Player(ground, tally, self._trials, begin=0.0, told=lambda *_: None)
            with contextlib.closing(player):
                player.play(item, self._trials, 0.0, trial)
            requests = tally.whole().count
            if tally.rows[item.name].failures:
                why = next(
                    (w for w in tally.why if w.startswith(f"{item.name}: ")), next(iter(tally.why), "")
                )
                raise SetupError(
                    f"The journey {item.name} does not pass {'again after itself' if trial else 'on its own'}, so its load would prove nothing ({why}).",
                    hint=self._mend(item, is_second=trial > 0),
                )
        return requests

    def _mend(self, item: PlannedJourney, *, is_second: bool) -> str:
        """What to do where a journey does not pass, or not a second time."""
        hint = "Run `joinedup check --journey` on it, or pass inputs that differ for each user ({marker}, {number}, {nhs-number}) in [journeys.NAME.inputs]."
        if is_second:
            hint += " A step that counts in a list needs a list with the query parameter correlationId; else leave it out in a copy of the document, and name that in [load.mix]."
        if item.children and self.own:
            lines = self.own.lines[item.first_child : item.first_child + TRIALS]
            return f"It was played with the children of lines {' and '.join(map(str, lines))} of {self.own.name}: every system of the journey has to know them as they stand there, and nothing of the journey may have happened to them before. {hint}"
        if item.children and len(self.ours) < len(self.configuration.systems):
            return f"Each play changes a child: name those whom your systems know in [load] children. {hint}"
        return hint

    # Operations

    def _operation(self, entry: Wanted) -> PlannedOperation:
        target = self._target(entry.system)
        operation = _named(target, entry.operation)
        steps = {}
        reason = ""
        for identity in target.identities:
            good = target.good.get((operation.label, identity))
            if good is None:
                continue
            step, said = _repeatable(target, operation, good)
            reason = said or reason
            if step is not None:
                steps[identity] = _record(step)
        if not steps:
            last = target.last_refused.get(operation.label)
            why = reason or (
                f"it was last refused with {last.status}" if last else "nothing that it takes was found"
            )
            raise SetupError(
                f"{operation.label} of {entry.system} does not succeed again and again on its own, so its load would prove nothing: {why}.",
                hint=f"Name a body that it accepts in [systems.{entry.system}.requests], or another operation.",
            )
        return PlannedOperation(entry.name, entry.system, operation.label, entry.weight, steps)

    def _target(self, name: str) -> Target:
        if name not in self._targets:
            if name not in self.configuration.systems:
                raise NothingSelectedError(
                    f"load.mix names the system {name!r}, which is not there.",
                    hint=f"There are: {', '.join(self.configuration.systems)}.",
                )
            target = build_target(
                name,
                self.configuration,
                load_catalogue(),
                seed=1,
                write=lambda *_, **__: None,
                ours=name in self.ours,
            )
            self._targets[name] = target
            for identity in target.identities:
                _harvested(target, identity)
        return self._targets[name]

    def _close(self) -> None:
        for target in self._targets.values():
            if "client" in target.__dict__:
                target.client.close()


def _portable(path: str, folder: str) -> str:
    """A document as each machine finds it: a bundled journey by name, one's own by its path from the folder."""
    found = Path(path)
    name = found.name.removesuffix(".arazzo.yaml")
    if name in bundled_journeys() and bundled_journeys()[name].resolve() == found:
        return name
    return os.path.relpath(found, Path(folder).resolve())


def _sketch(bare: LoadPlan, items: list[PlannedJourney], entries: Sequence[Wanted]) -> LoadPlan:
    """
    The plan as it is known before anything is sent, with as many plays as it may have at most.

    A play that repeats a step sends more than it has calls, and then there are fewer plays.
    """
    callees = Ground(msgspec.structs.replace(bare, journeys=items)).callees
    journeys = [
        msgspec.structs.replace(item, requests=max(calls_of(callees[item.name]), 1)) for item in items
    ]
    operations = [PlannedOperation(e.name, e.system, "", e.weight, {}) for e in entries if not e.path]
    return msgspec.structs.replace(bare, journeys=journeys, operations=operations)


def enrolled(
    plan: LoadPlan, agencies: Served | None, own: OwnChildren | None = None, taken: int = 0
) -> LoadPlan:
    """
    The plan with a child of its own for each play of the journeys that need one.

    Args:
        agencies: that learn to know them, where they are newcomers.
        own: the children of the tester's file.
        taken: how many of those had their plays in loads before this one.

    Raises:
        ConfigurationError: there are not so many children.
    """
    first = max(TRIALS * sum(bool(journey.children) for journey in plan.journeys), taken)
    journeys = []
    for journey, turns in zip(plan.journeys, plan.turns, strict=False):
        if journey.children:
            journey = msgspec.structs.replace(journey, first_child=first, children=turns)
            first += turns
        journeys.append(journey)
    if own:
        _refuse_too_few(first if plan.children else 0, own, taken)
        return msgspec.structs.replace(plan, journeys=journeys)
    if first > MOST:
        raise ConfigurationError(
            f"The journeys of this load need {first} children, one for each play, and there are {MOST}.",
            hint="Lower the rate or the duration, or give these journeys less weight.",
        )
    if agencies and first:
        agencies.enrol(first)
    return msgspec.structs.replace(plan, journeys=journeys)


def _refuse_too_few(needed: int, own: OwnChildren, taken: int) -> None:
    if needed <= len(own.rows):
        return
    before = f", beside the {taken} that had their plays at other rates" if taken else ""
    raise ConfigurationError(
        f"The journeys of this load need {needed - taken} children of their own{before}, one for each play, "
        f"and {own.name} has {len(own.rows)} rows.",
        hint="Shorten the duration, lower the rate, give these journeys less weight, or add rows.",
    )


def _harvested(target: Target, identity: str) -> None:
    """Find what works as a caller; one beside ``own`` that does not get in is left aside."""
    try:
        harvest(target, identity)
    except JoinedUpError:
        if identity == OWN:
            raise


def _named(target: Target, name: str) -> Operation:
    for operation in target.operations:
        if name in (operation.operation_id, operation.label):
            return operation
    names = [operation.operation_id or operation.label for operation in target.contract.operations]
    raise NothingSelectedError(
        f"{target.name} has no operation {name!r} that may be called.", hint=near(name, names)
    )


def _repeatable(target: Target, operation: Operation, good: Exchange) -> tuple[Step | None, str]:
    """The request with places for a marker and a request id, proved by sending it twice; else why there is none."""
    reason = ""
    for step in _marked_forms(target, operation, good.step):
        for trial in range(TRIALS):
            exchange = target.client.send(_trial(target, step, trial))
            if not exchange.ok:
                reason = f"sent again it was answered with {exchange.status or exchange.error}"
                break
        else:
            return step, ""
    return None, reason


def _marked_forms(target: Target, operation: Operation, step: Step) -> Iterator[Step]:
    """The request with the marker in a free text, in one after the other; last, as it is."""
    headers = {
        name: NEW_ID if normalise(name) in REQUEST_IDENTIFIERS else value
        for name, value in step.headers.items()
    }
    plain = replace(step, headers=headers)
    schema = schema_of(operation, step.media_type)
    if isinstance(step.body, dict) and schema is not None:
        paths = [p for p in free_texts(target, schema) if isinstance(value_at(step.body, p), str)]
        for path in paths[:_MOST_MARKED]:
            yield replace(plain, body=with_value(step.body, path, f"Load {MARK}"))
    elif isinstance(step.body, Text) and step.media_type.startswith("text/"):
        yield replace(plain, body=Text(f"{step.body.text} {MARK}"))
    yield plain


def _trial(target: Target, step: Step, trial: int) -> Step:
    """The request as it would be sent under load."""
    marker = Markers(NO_RUN, trial).made(trial).ljust(LENGTH, "z")
    made = renewed(target, step)
    if isinstance(made.body, Text):
        return replace(made, body=Text(made.body.text.replace(MARK, marker)))
    if isinstance(made.body, dict):
        return replace(made, body=filled(made.body, {MARK: marker}))
    return made


def _record(step: Step) -> dict[str, Any]:
    return dict(replace(step, name="").as_record())
