"""
What other agencies tell an agency that it need not answer: taken in, listed and read, by the organisation it is for.

A notice says what happened, to which child, and where to ask; it never holds a case. The same three operations serve
every agency that takes notices in.
"""

from __future__ import annotations

from typing import TypeVar

from joinedup.mocks.casework import Casework, filed, found, listed
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Behaviour, Call
from joinedup.mocks.messages import Answer

ITEM = ("noticeId", "kind", "sender", "receivedAt")

Work = TypeVar("Work", bound=Casework)


def receive_notice(call: Call[Work]) -> Answer:
    """Take in a notice for the caller's organisation."""
    identifier = call.state.new_id()
    notice = {**call.body, "noticeId": identifier, "receivedAt": stamp(call.now)}
    return filed(call, call.state.inbox, "/v1/notices", identifier, notice)


def get_notice(call: Call[Work]) -> Answer:
    """One notice."""
    return Answer(200, found(call, call.state.inbox, "noticeId"))


def list_notices(call: Call[Work]) -> Answer:
    """One page of the notices that were taken in, without what they say of anybody."""
    return listed(call, call.state.inbox, ITEM)


def behaviours(kind: type[Work]) -> dict[str, Behaviour[Work]]:
    """The operations on notices, for agencies whose state is of that kind."""
    return {"receiveNotice": receive_notice, "listNotices": list_notices, "getNotice": get_notice}
