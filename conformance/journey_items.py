"""
Journeys as pytest items: ``*.arazzo.yaml`` is collected from any folder, one item for each workflow that is a journey.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.errors import JoinedUpError, RealDataError
from joinedup.conformance.journeys import Ending, Journeys, chosen
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.settling import SESSION, Session, harness_fault
from joinedup.scenarios.library import JOURNEYS, Library, Linked
from joinedup.scenarios.played import Played
from joinedup.scenarios.stories import Story, bundled_stories, story_of

SUFFIX = ".arazzo.yaml"
_LIBRARY = pytest.StashKey[Library]()
_PLAYER = pytest.StashKey[Journeys]()
SHOWN_AS_SKIPPED = (Outcome.NOT_APPLICABLE, Outcome.REVIEW)


class JourneyFile(pytest.File):
    """An Arazzo document."""

    def collect(self) -> Iterator[JourneyItem]:
        """The journeys of the document that this run plays."""
        session = self.config.stash[SESSION]
        for story in chosen(self._stories(), session.run.plan, session.run.tested, session.run.only):
            yield JourneyItem.from_parent(self, name=story.name, story=story)

    def _stories(self) -> Iterator[Story]:
        if _is_bundled(self.path):
            yield from (story for story in bundled_stories() if story.path.name == self.path.name)
            return
        linked = self.config.stash.setdefault(_LIBRARY, Library()).open(self.path)
        yield from (story_of(linked, self.path, name) for name in _played_for_themselves(linked))


def _is_bundled(path: Path) -> bool:
    """Whether a document is one of the package, by whatever links it was found."""
    return path.parent.resolve() == JOURNEYS


def _played_for_themselves(linked: Linked) -> list[str]:
    """The workflows of a document that no other one of it calls."""
    workflows = list(linked.document.workflows.values())
    called = {name for w in workflows for name in (*w.depends_on, *(step.workflow for step in w.steps))}
    return [workflow.id for workflow in workflows if workflow.id not in called]


class JourneyItem(pytest.Item):
    """One journey, which judges every system under test that takes part in it."""

    def __init__(self, *, story: Story, **rest: Any) -> None:
        super().__init__(**rest)
        self.story = story

    def runtest(self) -> None:
        """Play it, leave its results in the record, and raise what pytest is to show."""
        session = self.config.stash[SESSION]
        ending = self._ending(session)
        self.user_properties.append(("outcome", str(ending.outcome)))
        _tell_allure(self.story, ending.played)
        said = f"{ending.outcome}: " + "\n".join(ending.sentences)
        if ending.outcome in SHOWN_AS_SKIPPED:
            pytest.skip(said)
        if ending.outcome is not Outcome.PASS:
            pytest.fail(said, pytrace=False)

    def _ending(self, session: Session) -> Ending:
        try:
            return _player(self.config, session).play(self.story.path, self.story.name, self.nodeid)
        except RealDataError as error:
            self.session.shouldstop = "an answer looks like real people"
            return self._in_the_way(session, Outcome.SETUP_ERROR, str(error), ends_verdict=True)
        except JoinedUpError as error:
            return self._in_the_way(session, Outcome.SETUP_ERROR, str(error))
        except Exception as error:
            ended = harness_fault(error)
            return self._in_the_way(session, ended.outcome, ended.reason)

    def _in_the_way(
        self, session: Session, outcome: Outcome, reason: str, *, ends_verdict: bool = False
    ) -> Ending:
        from joinedup.scenarios.telling import untold

        record = session.run.record
        record.write("journey", **untold(self.story, outcome, reason))
        taking_part = [name for name in session.run.tested if name in self.story.systems]
        for system in taking_part if ends_verdict else [None]:
            record.write(
                "error",
                outcome=str(outcome),
                reason=reason,
                system=system,
                check=self.nodeid,
                ends_verdict=ends_verdict,
            )
        return Ending(outcome, (reason,))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest calls it."""
        return self.path, None, self.story.title


def _player(config: pytest.Config, session: Session) -> Journeys:
    if _PLAYER not in config.stash:
        config.stash[_PLAYER] = Journeys(session.run, session.closing)
    return config.stash[_PLAYER]


def _tell_allure(story: Story, played: Played | None) -> None:
    """Each step of the journey as a step of the report."""
    with contextlib.suppress(ImportError):
        import allure

        label: Any = allure.dynamic  # allure-pytest has no annotations
        label.parent_suite("journeys")
        label.suite(story.name)
        label.title(story.title)
        for id in story.requirements:
            label.label("requirement", id)
            label.tag(id)
        for step in played.steps if played else ():
            who = f" ({step.actor} to {step.system})" if step.actor and step.system else ""
            with contextlib.suppress(AssertionError), allure.step(f"{step.description or step.id}{who}"):
                assert step.outcome is Outcome.PASS, str(step.outcome)


def collected(file_path: Path, parent: pytest.Collector) -> JourneyFile | None:
    """The collector of a file, where it is a journey and not a binding of the configuration."""
    session = parent.config.stash.get(SESSION, None)
    if session is None or not file_path.name.endswith(SUFFIX) or file_path in _bindings(session):
        return None
    if _is_bundled(file_path):
        return JourneyFile.from_parent(parent, path=file_path, nodeid=f"journeys/{file_path.name}")
    return JourneyFile.from_parent(parent, path=file_path)


def _bindings(session: Session) -> set[Path]:
    configuration = session.run.configuration
    named: Iterable[str] = (system.binding for system in configuration.systems.values() if system.binding)
    return {(Path(configuration.folder) / name).resolve() for name in named}
