"""
The journeys of a run: which are played, with whom, and what they say of the systems under test.

The agencies of all journeys are one connected cast, put back before each; a system of the configuration that has the
name of one of them takes its place.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import httpx

from joinedup.conformance.check import Check, Ended, not_applicable, setup_fault, why_not_judged
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError, near
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.redaction import Redactor
from joinedup.conformance.run import BUNDLED, Plan, Run
from joinedup.conformance.target import OWN, Target
from joinedup.conformance.way_back import trust_in_mocks, way_back_fault
from joinedup.mocks.catalogue import AGENCIES
from joinedup.mocks.organisations import area_of
from joinedup.mocks.serve import Served, served
from joinedup.reports.events import as_record
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.gateway import Gateway, listening
from joinedup.scenarios.journey import bundled_capabilities
from joinedup.scenarios.judgement import Judgement, judge, outcome_of
from joinedup.scenarios.library import JOURNEYS, Library, Linked
from joinedup.scenarios.mixture import Mixture, library_of
from joinedup.scenarios.model import ScenarioError
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stories import Story, bundled_stories, story_of
from joinedup.scenarios.telling import told, untold


def chosen(stories: Iterable[Story], plan: Plan, tested: Iterable[str], only: frozenset[str]) -> list[Story]:
    """The journeys that a run plays: those with a system under test, and with what was asked for."""
    wanted = set(tested)
    found = [story for story in stories if wanted & set(story.systems)]
    found = [story for story in found if not plan.journeys or story.name in plan.journeys]
    return [story for story in found if not plan.only or only & set(story.requirements)]


def check_journeys(plan: Plan, tested: Iterable[str]) -> None:
    """
    Refuse journeys that do not exist, or in which nothing under test takes part, before anything is sent.

    Raises:
        NothingSelectedError: naming what comes near.
    """
    stories = {story.name: story for story in bundled_stories()} if plan.journeys else {}
    under_test = set(tested)
    for name in plan.journeys:
        if name not in stories:
            raise NothingSelectedError(
                f"There is no journey called {name!r}.", hint=near(name, sorted(stories), "joinedup journeys")
            )
        if not under_test & set(stories[name].systems):
            raise NothingSelectedError(
                f"No system under test takes part in the journey {name}.",
                hint=f"In it take part: {', '.join(stories[name].systems)}.",
            )


@dataclass(frozen=True)
class Ending:
    """What became of one journey, for whoever shows it: pytest, Allure."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()
    played: Played | None = None


@dataclass
class Journeys:
    """
    The journeys as one process plays them.

    Args:
        closing: what ends with the run; the cast does.
        handed_in: what was played at live systems for deliveries of agencies, in the journey that was played last.
    """

    run: Run
    closing: contextlib.ExitStack
    shown: Redactor = field(default_factory=Redactor)
    _declared: set[int] = field(default_factory=set)
    handed_in: list[Played] = field(default_factory=list)

    @cached_property
    def live(self) -> Mapping[str, Target]:
        """
        Systems of the configuration that take the place of an agency.

        Raises:
            JoinedUpError: one of them cannot be used.
        """
        if self.run.plan.source == BUNDLED:
            return {}
        return {name: self.run.target(name) for name in self.run.configuration.systems if name in AGENCIES}

    @cached_property
    def agencies(self) -> Served:
        """The connected cast; it is served from the first journey to the end of the run."""
        plan, mocks = self.run.plan, self.run.configuration.public_mocks
        addresses = {name: target.system.base_url for name, target in self.live.items()}
        return self.closing.enter_context(
            served(
                [name for name in AGENCIES if name not in self.live],
                faults=plan.faults,
                seed=plan.seed,
                public=mocks if self._is_public else None,
                folder=self.run.configuration.mocks_folder if self._is_public else None,
                elsewhere=addresses | {name: address for name, (address, _) in self._doors.items()},
                passes={
                    name: found
                    for name, target in self.live.items()
                    if name not in self._doors and (found := _pass(target))
                },
            )
        )

    @property
    def _is_public(self) -> bool:
        """Whether live systems reach the cast of the journeys at a public address."""
        return bool(self.live and self.run.configuration.mocks.listen)

    @cached_property
    def _trust(self) -> ssl.SSLContext | None:
        configuration = self.run.configuration
        return (
            trust_in_mocks(configuration.mocks_folder, configuration.public_mocks.certificate)
            if self._is_public
            else None
        )

    @cached_property
    def library(self) -> Library:
        """Documents with every system where it answers."""
        return library_of(self.agencies, self.live)

    @cached_property
    def bindings(self) -> Mapping[str, Linked]:
        """The capabilities of live systems on contracts of their own, by system."""
        places = {name: self.library.bindings[name] for name in self.live if name in self.library.bindings}
        return {name: self.library.open(place) for name, place in places.items()}

    @cached_property
    def _doors(self) -> Mapping[str, tuple[str, Callable[[Gateway], None]]]:
        """Where the agencies bring what they have for a system that takes it by its binding."""
        bound = [name for name, target in self.live.items() if target.system.binding]
        return {name: self.closing.enter_context(listening()) for name in bound}

    @cached_property
    def gateways(self) -> Mapping[str, Gateway]:
        """What hands those deliveries in, by system."""
        found = {}
        for name, binding in self.bindings.items():
            reference = Library().open(bundled_capabilities()[name])
            actor = partial(_identity_of, self.live[name])
            found[name] = Gateway(reference, binding, None, actor, self.handed_in.append)
            self._doors[name][1](found[name])
        return found

    def play(self, path: Path, workflow: str, check: str) -> Ending:
        """
        Play one journey, judge it, and leave it in the record.

        Args:
            check: what the check is called in the record.

        Raises:
            RealDataError: an answer looks like real people.
            SetupError: a system of the configuration or the cast cannot be used.
        """
        started = time.monotonic()
        linked = self.library.open(path)
        story = story_of(linked, path, workflow)
        try:
            hindrance = self._hindrance(story)
            if hindrance is None:
                return self._played(story, linked, check, started)
        except ScenarioError as error:
            hindrance = self._unplayable(story, error)
        except ConfigurationError as error:
            hindrance = Ended(Outcome.SETUP_ERROR, str(error))
        self.run.record.write("journey", **untold(story, hindrance.outcome, hindrance.reason))
        if hindrance.outcome is not Outcome.NOT_APPLICABLE:
            self.run.record.write("error", outcome=str(hindrance.outcome), reason=hindrance.reason)
        checks = {name: Check(name, ids) for name, ids in self._held(story).items()}
        for each in checks.values():
            each.requirements = tuple(id for id in each.requirements if id in story.requirements)
            each.ends(hindrance)
        self._write(check, checks.values(), started)
        return Ending(hindrance.outcome, (hindrance.reason,))

    # Before it is played

    def _held(self, story: Story) -> dict[str, tuple[str, ...]]:
        """The requirements that each system under test that takes part is held to, by system."""
        return {name: tuple(self.run.requirements(name)) for name in self.run.tested if name in story.systems}

    def _taking_part(self, story: Story) -> dict[str, Target]:
        """Live systems that a story calls."""
        return {name: target for name, target in self.live.items() if name in story.capabilities}

    def _hindrance(self, story: Story) -> Ended | None:
        """Why a journey is not played at all, where that is known beforehand."""
        for name, target in self._taking_part(story).items():
            lacking = [
                c for c in story.capabilities.get(name, ()) if target.system.capabilities.get(c) is False
            ]
            if lacking:
                return not_applicable(f"the configuration says that {name} cannot {', '.join(lacking)}")
            unknown = self._undecided(name, target, story)
            if unknown:
                listed = ", ".join(unknown)
                return setup_fault(
                    f"{Path(target.system.binding).name} does not say how {name} does {listed}, and the configuration "
                    f"does not say that it cannot. Write each into the binding, or as false into "
                    f"systems.{name}.capabilities."
                )
        return self._no_way_back(story)

    def _undecided(self, name: str, target: Target, story: Story) -> list[str]:
        """What a story asks of a bound system that neither its binding nor its table speaks of."""
        binding = self.bindings.get(name)
        if binding is None:
            return []
        bound = binding.document.workflows
        return [c for c in story.capabilities.get(name, ()) if c not in bound]

    def _no_way_back(self, story: Story) -> Ended | None:
        """A live system that calls its partners has to reach them."""
        mocks = self.run.configuration.mocks
        if not mocks.public_url or not self._taking_part(story) or not set(mocks.serve) & set(story.systems):
            return None
        fault = self._way_back
        return Ended(Outcome.SETUP_ERROR, f"{fault.message} {fault.hint}") if fault else None

    @cached_property
    def _way_back(self) -> Any:
        return way_back_fault(self.run.configuration)

    def _unplayable(self, story: Story, error: ScenarioError) -> Ended:
        """A live system whose contract lacks what a capability calls does not have it, unless a binding says so."""
        reference = {f"{name}.arazzo.yaml": name for name in self._taking_part(story)}
        own = [reference.get(Path(problem.place.document).name, "") for problem in error.problems]
        unbound = [name for name in own if name and not self.live[name].system.binding]
        if unbound and all(own):
            return not_applicable(
                f"the contract of {unbound[0]} has another API than the capabilities are written for, and "
                f"systems.{unbound[0]}.binding names no document that says how it does them"
            )
        ours = story.path.parent == JOURNEYS and not reference
        return Ended(Outcome.HARNESS_ERROR if ours else Outcome.SETUP_ERROR, str(error))

    # Playing

    def _played(self, story: Story, linked: Linked, check: str, started: float) -> Ending:
        played, judgement, deliveries, stage = self._once(story, linked)
        if any(each.findings for each in judgement.checks.values()):
            _, again, _, _ = self._once(story, linked)
            _confirm(judgement, again)
        for reason in judgement.faults:
            self.run.record.write("error", outcome=str(Outcome.HARNESS_ERROR), reason=reason, check=check)
        contracts = {source.system: source.contract for source in _sources(linked)}
        # Agencies deliver in the words of the reference, whatever the recipient makes of it.
        contracts |= {
            name: source.contract
            for name, gateway in self.gateways.items()
            for source in gateway.reference.sources.values()
        }
        fields = told(story, played, stage.redactor, deliveries, contracts)
        charged = sorted(name for name, each in judgement.checks.items() if each.findings)
        self.run.record.write("journey", **fields, charged=charged)
        self._leave_out(judgement)
        self._write(check, judgement.checks.values(), started)
        outcome = Outcome.HARNESS_ERROR if judgement.faults else outcome_of(played)
        found = [f for each in judgement.checks.values() for f in each.findings]
        said = [
            *judgement.faults,
            *(f"{f.title} Expected: {f.expected} Came: {f.actual} ({f.where})" for f in found),
        ]
        return Ending(outcome, tuple(said or ([str(fields["reason"])] if fields["reason"] else [])), played)

    def _once(self, story: Story, linked: Linked) -> tuple[Played, Judgement, list[dict[str, Any]], Mixture]:
        callee = prepared(linked, story.name)
        given = self.run.configuration.journeys.get(story.name)
        inputs = given.inputs if given else {}
        live = self._taking_part(story)
        self._declare(linked, inputs, live)
        stage = Mixture(
            self.agencies, self.live, live, self.run.record.write, self.shown, self.bindings, self._trust
        )
        with contextlib.closing(stage), self._open(stage):
            stage.begin()
            played = play(callee, inputs, stage)
            deliveries = list(self.agencies.all_deliveries())
        judgement = judge(
            story, played, self._held(story), stage.redactor, self.live, handed_in=tuple(self.handed_in)
        )
        return played, judgement, deliveries, stage

    @contextlib.contextmanager
    def _open(self, stage: Mixture) -> Iterator[None]:
        """What the agencies have for live systems of a story is handed in as long as it is played."""
        self.handed_in.clear()
        for gateway in self.gateways.values():
            gateway.begin(stage)
        try:
            yield
        finally:
            faults = [gateway.fault for gateway in self.gateways.values() if gateway.fault]
            for gateway in self.gateways.values():
                gateway.begin(None)
        for fault in faults:
            raise fault

    def _declare(self, linked: Linked, inputs: Mapping[str, Any], live: Mapping[str, Target]) -> None:
        """What the journey and the contracts say may be shown."""
        for source in _sources(linked):
            if id(source.contract) not in self._declared:
                self._declared.add(id(source.contract))
                self.shown.declare([*source.contract.declared_values, *source.contract.property_names])
        for redactor in (self.shown, *(target.redactor for target in live.values())):
            redactor.sent(inputs)
            redactor.sent(_defaults(linked))
            redactor.declare(("true", "false", "null"))

    # What is left in the record

    def _leave_out(self, judgement: Judgement) -> None:
        """Requirements that are about what a system does not have are not judged on it."""
        for name, check in judgement.checks.items():
            target = self.run.target(name)
            for id in check.requirements:
                requirement = self.run.catalogue[id]
                ended = why_not_judged(requirement, target.features, name, target.system.capabilities)
                if ended is not None:
                    check.ends(ended, id)

    def _write(self, name: str, checks: Iterable[Check], started: float) -> None:
        seconds = round(time.monotonic() - started, 3)
        for check in checks:
            self.run.record.write(
                "check",
                system=check.system,
                check=name,
                seconds=seconds,
                results=[as_record(result) for result in check.results()],
                findings=[as_record(finding) for finding in check.findings],
            )


def _identity_of(target: Target, organisation: str) -> str:
    """The caller of a live system that stands for an organisation, or for its area; its default one where none does."""
    wanted = (organisation, area_of(organisation))
    named = (name for name, identity in target.identities.items() if identity.organisation in wanted)
    return next(named, OWN)


def _pass(target: Target) -> str:
    """What a live system lets the agencies in by, when they deliver what they have for it: its default caller's."""
    request = target.identities[OWN].authorise(httpx.Request("GET", target.system.base_url))
    return str(request.headers.get("Authorization", ""))


def _confirm(judgement: Judgement, again: Judgement) -> None:
    """A finding counts where the journey, played once more, shows it again."""
    for name, check in judgement.checks.items():
        seen = {finding.key for finding in again.checks[name].findings}
        check.findings = [replace(f, confirmed=f.key in seen) for f in check.findings]


def _sources(linked: Linked) -> list[Any]:
    documents = {id(linked): linked}
    waiting = [linked]
    while waiting:
        for other in waiting.pop().documents.values():
            if id(other) not in documents:
                documents[id(other)] = other
                waiting.append(other)
    return [source for each in documents.values() for source in each.sources.values()]


def _defaults(linked: Linked) -> list[Any]:
    """What a document gives as the values of its inputs."""
    workflows = linked.document.workflows.values()
    return [
        schema["default"] for w in workflows for schema in w.input_properties.values() if "default" in schema
    ]
