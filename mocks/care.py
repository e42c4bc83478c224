"""
Children whom a council looks after: episodes of care, where they are placed, and who is told.

Virtual school, school and health learn that a child came into care, and nothing of why.
"""

from __future__ import annotations

from joinedup.mocks.casework import changed, tagged
from joinedup.mocks.clock import stamp
from joinedup.mocks.council import CouncilCall, find, made, named, refused, set_status, tag
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.store import Record

# Those who are told of a new episode; what each needs of it is said where the message is connected to them.
TOLD = ("virtual-school", "school", "health")


def start_episode(call: CouncilCall) -> Answer:
    """Begin to look after a child; a child has at most one episode that is open."""
    child = named(call, "childId", call.state.children)
    if _is_looked_after(call, child["childId"]):
        raise Refusal(409, "The child is looked after already.")
    identifier = call.state.new_id()
    episode = {**call.body, "episodeId": identifier, "status": "open", "placements": [], "version": 1}
    set_status(call, child, "looked-after")
    told = {**episode, "child": child}
    if "legal-status-told-to-school" in call.faults:
        told["noteForSchool"] = f"Legal status {episode['legalStatus']}."
    for agency in TOLD:
        call.state.ledger.send(call, agency, "care-started", told)
    return made(call, "episodes", identifier, episode, "looked-after-episodes")


def _is_looked_after(call: CouncilCall, child_id: str) -> bool:
    episodes = (kept.record for kept in call.state.episodes.of(call.caller.area))
    return any(episode["childId"] == child_id and episode["status"] == "open" for episode in episodes)


def get_episode(call: CouncilCall) -> Answer:
    """One episode of care with its placements, the latest last."""
    return tagged(find(call, call.state.episodes, "episodeId"))


def place_child(call: CouncilCall) -> Answer:
    """Place a child who is looked after; a placement cannot begin before the episode."""
    episode = find(call, call.state.episodes, "episodeId")
    if call.body["startedOn"] < episode["startedOn"] and "end-before-start-accepted" not in call.faults:
        raise refused("/startedOn", "order", "A placement begins on or after the day on which care does.")
    placement: Record = {**call.body, "placementId": call.state.new_id(), "recordedAt": stamp(call.now)}
    latest = changed(episode, placements=[*episode["placements"], placement][-10:])
    call.state.episodes.replace(episode["episodeId"], latest)
    return Answer(
        201, latest, (("Location", f"/v1/looked-after-episodes/{episode['episodeId']}"), tag(latest))
    )


BEHAVIOURS = {"startEpisode": start_episode, "getEpisode": get_episode, "placeChild": place_child}
