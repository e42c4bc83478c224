"""
What the test environment of a live system can do for whoever tests it, by workflows of its binding.

::

    set-clock         inputs: now          the system takes a moment for the present, and the clock stands there
    reset-data        —                    data and clock are as they were before the first journey
    take-snapshot     outputs: snapshot-id what is kept now can be put back
    restore-snapshot  inputs: snapshot-id  what was kept is put back
    set-read-only     inputs: read-only    from now on nothing can be changed, or everything again

No partner asks for any of them. Where one is missing, a journey that needs it is not applicable to the system.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joinedup.conformance.check import not_applicable
from joinedup.conformance.errors import SetupError
from joinedup.conformance.outcomes import Outcome
from joinedup.scenarios.checking import prepared
from joinedup.scenarios.library import Linked
from joinedup.scenarios.model import INPUT_OF_CREDENTIAL
from joinedup.scenarios.played import Played
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import Stage

SET_CLOCK, RESET_DATA = "set-clock", "reset-data"
TAKE_SNAPSHOT, RESTORE_SNAPSHOT = "take-snapshot", "restore-snapshot"
SET_READ_ONLY = "set-read-only"
ENVIRONMENT = frozenset({SET_CLOCK, RESET_DATA, TAKE_SNAPSHOT, RESTORE_SNAPSHOT, SET_READ_ONLY})
"""Workflows of a binding that no reference document has."""
ACTOR = "own"
START_IT = "Start the system, or correct its base_url, and run again."
MEND_IT = "Mend that workflow of the binding, or take it out: journeys that need it do not apply then."


@dataclass
class Environment:
    """
    The test environment of one live system.

    Args:
        binding: the system's capabilities on its own contract; None where it has none of its own.
        stage: on which they are played.
    """

    system: str
    binding: Linked | None
    stage: Stage
    _snapshots: dict[str, str] = field(default_factory=dict)

    def can(self, workflow: str) -> bool:
        """Whether the binding says how."""
        return self.binding is not None and workflow in self.binding.document.workflows

    def reset(self) -> None:
        """
        Put data and clock back, where that can be done.

        Raises:
            SetupError: it did not work.
        """
        if self.can(RESET_DATA):
            self._do(RESET_DATA)

    def set_clock(self, now: datetime) -> None:
        """
        Make a moment the present.

        Raises:
            Ended: not applicable, where the system has no clock that can be moved.
            SetupError: it did not work.
        """
        if not self.can(SET_CLOCK):
            raise not_applicable(f"{self.system} has no clock that can be moved.")
        self._do(SET_CLOCK, now=now.isoformat().replace("+00:00", "Z"))

    def set_read_only(self, read_only: bool) -> None:
        """Let it be read only, or changed again; raises what ``set_clock`` raises."""
        if self.can(SET_READ_ONLY):
            self._do(SET_READ_ONLY, **{"read-only": read_only})
        elif read_only:
            raise not_applicable(f"{self.system} has no way to be read only for a while.")

    def keep(self, name: str) -> None:
        """Keep what there is now under a name; raises what ``set_clock`` raises."""
        if not self.can(TAKE_SNAPSHOT):
            raise not_applicable(f"{self.system} has no way to keep its data as they are and put them back.")
        self._snapshots[name] = str(self._do(TAKE_SNAPSHOT).outputs.get("snapshot-id", ""))

    def put_back(self, name: str) -> None:
        """Put back what was kept under a name; raises what ``set_clock`` raises."""
        if name not in self._snapshots:
            raise not_applicable(f"{self.system} has kept nothing that could be put back.")
        self._do(RESTORE_SNAPSHOT, **{"snapshot-id": self._snapshots[name]})

    def _do(self, workflow: str, **inputs: Any) -> Played:
        assert self.binding is not None, "whoever asks has seen that it can"
        callee = prepared(self.binding, workflow)
        credential = self.stage.credential(next(iter(self.binding.sources.values())), ACTOR)
        if credential and INPUT_OF_CREDENTIAL in callee.workflow.input_properties:
            inputs[INPUT_OF_CREDENTIAL] = credential
        played = play(callee, inputs, self.stage, actor=ACTOR, credential=credential)
        if played.outcome is not Outcome.PASS:
            raise SetupError(
                f"The test environment of {self.system} did not do {workflow}. {played.reason}",
                hint=START_IT if played.outcome is Outcome.SETUP_ERROR else MEND_IT,
            )
        return played
