"""
A service that finds who holds records about a child, and fetches what they share.

Whether a record's existence or its content may be told is asked of the custodian's rules at the moment of telling.
Custodians whose holdings are not known are asked: they claim a question under a lease that ends, and answer it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from joinedup.mocks.casework import filed, found, part
from joinedup.mocks.clock import stamp
from joinedup.mocks.engine import Agency, Call
from joinedup.mocks.locator_holdings import ASKED, Locator, Work, fresh
from joinedup.mocks.locator_policies import (
    CONTENT,
    EXISTENCE,
    MOST_RULES,
    Question,
    allows,
    refuse_unordered,
)
from joinedup.mocks.messages import Answer, Refusal
from joinedup.mocks.sharing import PURPOSE
from joinedup.mocks.store import Record, Records, page

LEASE = timedelta(minutes=5)
WAIT_S = 1800
NOTHING_TO_DO_S = 30
DEFAULT_LIMIT = 20
# By how much a rule outlives its end with the fault that says so.
LATE = timedelta(hours=1)
NO_SUCH_OBJECT = "There is no such object for this caller."
LEASED = ("leaseId", "nhsNumber", "purpose", "askedBy", "claimedAt", "leaseExpiresAt", "policyVersion")

LocatorCall = Call[Locator]


def get_status(call: LocatorCall) -> Answer:
    """The service is there."""
    return Answer(200, {"status": "available"})


# What may be told


def _may(call: LocatorCall, mode: str, record: Record, purpose: str) -> bool:
    """Whether the custodian lets the caller be told that now, for that purpose."""
    custodian, caller = record["custodian"], call.caller.organisation
    if custodian == caller:
        return True
    policy = call.state.policy(custodian)
    rules = list(policy["rules"])
    if "revoked-rule-goes-on" in call.faults:
        rules += call.state.withdrawn.get(policy["policyId"], [])
    asked = EXISTENCE if "existence-opens-content" in call.faults else mode
    grace = LATE if "rule-outlives-its-end" in call.faults else timedelta()
    return allows(rules, Question(asked, record["recordType"], caller, purpose), call.now, grace=grace)


def _pointer(call: LocatorCall, key: str) -> Record:
    record = call.state.records[key]
    return {
        "recordId": call.state.pointer_for(call.caller.organisation, key),
        **part(record, ("recordType", "custodian", "lastUpdated")),
        "policyVersion": call.state.policy(record["custodian"])["policyVersion"],
    }


# Searches


def start_search(call: LocatorCall) -> Answer:
    """Find what is known to be held, and ask the others."""
    identifier, kinds = call.state.new_id(), call.body.get("recordTypes")
    known = [
        (key, record)
        for key, record in call.state.held(call.body["nhsNumber"])
        if (kinds is None or record["recordType"] in kinds) and "leaseId" not in record
    ]
    search = {
        "searchId": identifier,
        "purpose": call.parameters[PURPOSE],
        "startedAt": stamp(call.now),
        "answerBy": stamp(call.now + timedelta(seconds=int(call.body.get("waitSeconds", WAIT_S)))),
        "nhsNumber": call.body["nhsNumber"],
        "indexed": len(known),
    }
    call.state.searches.add(identifier, call.caller.organisation, search)
    for key, _ in known:
        call.state.find_result(identifier, key)
    for custodian in ASKED:
        call.state.ask(Work(identifier, call.caller.organisation, custodian))
        call.state.ledger.send(call, custodian, "work-available", {})
    call.state.ledger.note(call, identifier)
    return Answer(202, _search(call, search), (("Location", f"/v1/searches/{identifier}"),))


def _search(call: LocatorCall, search: Record) -> Record:
    """A search as it is now; of whom it is, is not said again."""
    work = call.state.work[search["searchId"]]
    answered = sum(each.is_answered for each in work)
    over = answered == len(work) or ("answerBy" in search and stamp(call.now) >= search["answerBy"])
    return {
        **part(search, ("searchId", "purpose", "startedAt", "answerBy")),
        "status": "completed" if over else "searching",
        "custodiansAsked": search["indexed"] + len(work),
        "custodiansAnswered": search["indexed"] + answered,
    }


def _paged(call: LocatorCall, records: Records, whose: str) -> tuple[tuple[Record, ...], str | None]:
    step = int("rule-between-pages-lost" in call.faults and call.operation.id == "listSharingRules")
    one = page(records, whose, call.parameter("limit", DEFAULT_LIMIT), call.parameter("cursor"), step=step)
    return one.records, one.next


def list_searches(call: LocatorCall) -> Answer:
    """One page of the organisation's searches."""
    searches, following = _paged(call, call.state.searches, call.caller.organisation)
    return Answer(200, {"items": [_search(call, search) for search in searches], "next": following})


def _own_search(call: LocatorCall) -> Record:
    anyone = "search-of-other-organisation-readable" in call.faults and call.operation.method == "GET"
    return found(call, call.state.searches, "searchId", anyone=anyone)


def get_search(call: LocatorCall) -> Answer:
    """How far a search is."""
    return Answer(200, _search(call, _own_search(call)))


def cancel_search(call: LocatorCall) -> Answer:
    """End a search; nobody is asked for it any more."""
    search_id = _own_search(call)["searchId"]
    if "cancelled-search-stays" not in call.faults:
        call.state.searches.remove(search_id)
        del call.state.work[search_id]
    return Answer(204)


def list_found_records(call: LocatorCall) -> Answer:
    """One page of what may be told now of what was found."""
    search = _own_search(call)

    def told(result: Record) -> bool:
        record = call.state.records[result["key"]]
        return "results-ignore-rules" in call.faults or _may(call, EXISTENCE, record, search["purpose"])

    results, following = _paged(call, call.state.results.where(told), search["searchId"])
    pointers = [_pointer(call, result["key"]) for result in results]
    items = [{**pointer, "recordUrl": f"/v1/records/{pointer['recordId']}"} for pointer in pointers]
    return Answer(200, {"items": items, "next": following})


def fetch_record(call: LocatorCall) -> Answer:
    """What the custodian shares of a record, if it shares any of it with the caller, by rules that the caller knows."""
    identifier = call.parameters["recordId"].lower()
    try:
        record = _shareable(call, call.state.records[_told(call, identifier)])
    except Refusal as refusal:
        raise _noted(call, refusal, identifier) from None
    call.state.ledger.note(call, identifier)
    pointer = _pointer(call, _told(call, identifier))
    return Answer(200, {**pointer, "details": _details(call, record)})


def _told(call: LocatorCall, identifier: str) -> str:
    return str(call.state.pointers.find(identifier, call.caller.organisation)["key"])


def _noted(call: LocatorCall, refusal: Refusal, identifier: str) -> Refusal:
    if "refused-fetch-not-noted" in call.faults:
        return refusal
    return call.state.ledger.refuse(call, refusal, identifier)


def _shareable(call: LocatorCall, record: Record) -> Record:
    """
    The record, if its content may be told.

    Raises:
        Refusal: 404 where not even its existence may be, 403 where that may, 409 where the rules have changed since.
    """
    if not _may(call, EXISTENCE, record, call.parameters[PURPOSE]):
        raise Refusal(404, NO_SUCH_OBJECT)
    if not _may(call, CONTENT, record, call.parameters[PURPOSE]):
        detail = "The custodian shares with this organisation for this purpose only that the record exists."
        raise Refusal(403, detail)
    version = call.state.policy(record["custodian"])["policyVersion"]
    named = call.parameter("Policy-Version", version)
    if named != version and "stale-policy-version-accepted" not in call.faults:
        raise Refusal(409, "The custodian's sharing policy has changed; read the search results again.")
    return record


def _details(call: LocatorCall, record: Record) -> Record:
    """What is told; of a restricted child not where it lives."""
    details: Record = record["details"]
    hidden = {"restricted"}
    if details.get("restricted") and "restricted-postcode-in-record" not in call.faults:
        hidden.add("postcode")
    return {name: value for name, value in details.items() if name not in hidden}


# Work


def claim_work(call: LocatorCall) -> Answer:
    """Give out the oldest question to the caller that nobody has and nobody answered."""
    work = next((each for each in _questions(call) if _is_open(call, each)), None)
    if work is None:
        return Answer(204, None, (("Retry-After", str(NOTHING_TO_DO_S)),))
    search = _search_of(call, work)
    work.lease_id = call.state.new_id()
    lease = {
        "leaseId": work.lease_id,
        **part(search, ("nhsNumber", "purpose")),
        "askedBy": work.asked_by,
        "claimedAt": stamp(call.now),
        "leaseExpiresAt": stamp(call.now + LEASE),
        "policyVersion": call.state.policy(call.caller.organisation)["policyVersion"],
    }
    call.state.ledger.note(call, work.lease_id)
    answer = filed(call, call.state.leases, "/v1/leases", work.lease_id, lease)
    return Answer(201, _lease(call, lease), answer.headers)


def _is_open(call: LocatorCall, work: Work) -> bool:
    """Whether a question is still asked and is in nobody's hands."""
    if work.is_answered:
        return False
    search = _search_of(call, work)
    if "answerBy" in search and stamp(call.now) >= search["answerBy"]:
        return False
    if not work.lease_id or "question-given-out-twice" in call.faults:
        return True
    lease = call.state.leases.find(work.lease_id, call.caller.organisation)
    return bool(_lease(call, lease)["status"] == "expired")


def _search_of(call: LocatorCall, work: Work) -> Record:
    return call.state.searches.find(work.search_id, work.asked_by)


def _questions(call: LocatorCall) -> Iterator[Work]:
    """What the caller is or was asked, oldest first."""
    asked = (work for of_search in call.state.work.values() for work in of_search)
    return (work for work in asked if work.custodian == call.caller.organisation)


def _lease(call: LocatorCall, lease: Record) -> Record:
    """A lease as it is now."""
    ended = stamp(call.now) >= lease["leaseExpiresAt"]
    status = "expired" if ended else "answered" if "resultId" in lease else "held"
    return {**part(lease, LEASED), "status": status}


def get_lease(call: LocatorCall) -> Answer:
    """One lease of the custodian."""
    return Answer(200, _lease(call, found(call, call.state.leases, "leaseId")))


def _held_lease(call: LocatorCall) -> Record:
    """
    A lease that is still good.

    Raises:
        Refusal: with status 409, it has expired.
    """
    lease = found(call, call.state.leases, "leaseId")
    status = _lease(call, lease)["status"]
    if status == "expired" and "expired-lease-accepted" not in call.faults:
        raise Refusal(409, "The lease has expired; claim the question again.")
    return lease


def renew_lease(call: LocatorCall) -> Answer:
    """Let a lease last as long again."""
    lease = {**_held_lease(call), "leaseExpiresAt": stamp(call.now + LEASE)}
    call.state.leases.replace(lease["leaseId"], lease)
    return Answer(200, _lease(call, lease))


def answer_work(call: LocatorCall) -> Answer:
    """Take in what a custodian holds, by the rules that it has now."""
    lease, custodian = _held_lease(call), call.caller.organisation
    version = call.state.policy(custodian)["policyVersion"]
    stale = call.body.get("policyVersion", version) != version
    if stale and "stale-policy-version-accepted" not in call.faults:
        raise Refusal(409, "The organisation's sharing policy has changed since; answer by the latest.")
    work = next((each for each in _questions(call) if each.lease_id == lease["leaseId"]), None)
    identifier = call.state.new_id()
    answer = {
        **call.body,
        "resultId": identifier,
        "leaseId": lease["leaseId"],
        "answeredAt": stamp(call.now),
    }
    call.state.leases.replace(lease["leaseId"], {**lease, "resultId": identifier})
    if work is not None:  # the search may have been cancelled meanwhile
        work.is_answered = True
        _take_in(call, work.search_id, lease)
    return filed(call, call.state.answers, f"/v1/leases/{lease['leaseId']}/results", identifier, answer)


def _take_in(call: LocatorCall, search_id: str, lease: Record) -> None:
    """Add what a custodian holds to what a search found, in place of what it said before."""
    records = call.state.records
    for kept in list(call.state.results.of(search_id)):
        if records[kept.record["key"]].get("leaseId") == lease["leaseId"]:
            call.state.results.remove(kept.record["foundId"])
    for record in call.body["records"]:
        contact = part(record, ("team", "telephone"))
        key = call.state.hold(
            call.caller.organisation,
            lease["nhsNumber"],
            record["recordType"],
            contact,
            record["lastUpdated"],
        )
        # Told of by this search alone: the custodian is asked again next time.
        records[key]["leaseId"] = lease["leaseId"]
        call.state.find_result(search_id, key)


def get_work_result(call: LocatorCall) -> Answer:
    """What the custodian answered under that lease."""
    lease = found(call, call.state.leases, "leaseId")
    answer = found(call, call.state.answers, "resultId")
    if answer["leaseId"] != lease["leaseId"]:
        raise Refusal(404, NO_SUCH_OBJECT)
    return Answer(200, answer)


# Policies


def list_sharing_policies(call: LocatorCall) -> Answer:
    """The organisation's policy."""
    call.state.policy(call.caller.organisation)
    policies, following = _paged(call, call.state.policies, call.caller.organisation)
    items = [part(policy, ("policyId", "policyVersion")) for policy in policies]
    return Answer(200, {"items": items, "next": following})


def _tagged(policy: Record) -> Answer:
    return Answer(200, policy, (("ETag", f'"{policy["policyVersion"]}"'),))


def get_sharing_policy(call: LocatorCall) -> Answer:
    """What the organisation shares."""
    return _tagged(found(call, call.state.policies, "policyId"))


def replace_sharing_policy(call: LocatorCall) -> Answer:
    """Share by other rules, if the caller saw the latest."""
    policy = found(call, call.state.policies, "policyId")
    stale = call.parameters["If-Match"] != f'"{policy["policyVersion"]}"'
    if stale and "stale-policy-wins" not in call.faults:
        raise Refusal(412, "The object has changed since; read it again.")
    refuse_unordered((f"/rules/{index}", rule) for index, rule in enumerate(call.body["rules"]))
    named = _with_ids(call, policy)
    kept = {name: value for name, value in policy.items() if name != "agreement"}
    return _tagged(_changed(call, {**kept, **call.body, "rules": policy["rules"]}, named))


def _with_ids(call: LocatorCall, policy: Record) -> list[Record]:
    """The rules that were sent, each with an id: its own, if it is one of the policy, else a new one."""
    free = {rule["ruleId"] for rule in policy["rules"]}
    rules = []
    for rule in call.body["rules"]:
        identifier = str(rule.get("ruleId", "")).lower()
        rules.append({**rule, "ruleId": identifier if identifier in free else call.state.new_id()})
        free.discard(identifier)
    return rules


def _changed(call: LocatorCall, policy: Record, rules: list[Record]) -> Record:
    """The next version of a policy, in effect from now on."""
    version = policy["policyVersion"] + 1
    after = {**policy, "rules": rules, "policyVersion": version, "changedAt": stamp(call.now)}
    call.state.policies.replace(policy["policyId"], after)
    _file_rules(call, policy, rules)
    return after


def _file_rules(call: LocatorCall, policy: Record, rules: list[Record]) -> None:
    """Keep each rule in its place in the order, and those that are gone apart."""
    before, ids = {rule["ruleId"] for rule in policy["rules"]}, {rule["ruleId"] for rule in rules}
    for rule in rules:
        if rule["ruleId"] in before:
            call.state.rules.replace(rule["ruleId"], rule)
        else:
            call.state.rules.add(rule["ruleId"], policy["policyId"], rule)
    for rule in (each for each in policy["rules"] if each not in rules):
        call.state.withdrawn.setdefault(policy["policyId"], []).append(rule)
        if rule["ruleId"] not in ids:
            call.state.rules.remove(rule["ruleId"])


def add_sharing_rule(call: LocatorCall) -> Answer:
    """Add a rule to those of the organisation."""
    policy = found(call, call.state.policies, "policyId")
    refuse_unordered([("", call.body)])
    if len(policy["rules"]) >= MOST_RULES:
        raise Refusal(409, "The policy has as many rules as it can have.")
    rule = {**call.body, "ruleId": call.state.new_id()}
    _changed(call, policy, [*policy["rules"], rule])
    location = f"/v1/sharing-policies/{policy['policyId']}/rules/{rule['ruleId']}"
    return Answer(201, rule, (("Location", location),))


def _rule(call: LocatorCall) -> tuple[Record, Record]:
    """A policy and the rule of it that the path names."""
    policy = found(call, call.state.policies, "policyId")
    named = call.parameters["ruleId"].lower()
    rule = next((each for each in policy["rules"] if each["ruleId"] == named), None)
    if rule is None:
        raise Refusal(404, NO_SUCH_OBJECT)
    return policy, rule


def list_sharing_rules(call: LocatorCall) -> Answer:
    """One page of the rules of a policy."""
    policy = found(call, call.state.policies, "policyId")
    rules, following = _paged(call, call.state.rules, policy["policyId"])
    return Answer(200, {"items": list(rules), "next": following})


def get_sharing_rule(call: LocatorCall) -> Answer:
    """One rule."""
    return Answer(200, _rule(call)[1])


def revoke_sharing_rule(call: LocatorCall) -> Answer:
    """Take a rule away at once, and tell those who were told of a record that they may not know of any more."""
    policy, rule = _rule(call)
    _changed(call, policy, [each for each in policy["rules"] if each != rule])
    for (organisation, key), identifier in list(call.state.ids_of.items()):
        record = call.state.records[key]
        if record["custodian"] == call.caller.organisation and _lost(call, record, organisation, rule):
            call.state.ledger.send(call, organisation, "sharing-withdrawn", {"recordId": identifier})
    return Answer(204)


def _lost(call: LocatorCall, record: Record, organisation: str, rule: Record) -> bool:
    """Whether it was by that rule that an organisation was told of a record."""
    rules = call.state.policy(call.caller.organisation)["rules"]
    purposes = rule.get("purposes", ["SAFEGUARDING", "CHILD_PROTECTION"])
    questions = [Question(EXISTENCE, record["recordType"], organisation, purpose) for purpose in purposes]
    return any(
        allows([*rules, rule], question, call.now) and not allows(rules, question, call.now)
        for question in questions
    )


AGENCY = Agency(
    name="locator",
    behaviours={
        "getStatus": get_status,
        "startSearch": start_search,
        "listSearches": list_searches,
        "getSearch": get_search,
        "cancelSearch": cancel_search,
        "listFoundRecords": list_found_records,
        "fetchRecord": fetch_record,
        "claimWork": claim_work,
        "getLease": get_lease,
        "renewLease": renew_lease,
        "answerWork": answer_work,
        "getWorkResult": get_work_result,
        "listSharingPolicies": list_sharing_policies,
        "getSharingPolicy": get_sharing_policy,
        "replaceSharingPolicy": replace_sharing_policy,
        "addSharingRule": add_sharing_rule,
        "listSharingRules": list_sharing_rules,
        "getSharingRule": get_sharing_rule,
        "revokeSharingRule": revoke_sharing_rule,
    },
    fresh=fresh,
    acts_as={
        "rule-added-twice": "replay-creates-twice",
        "search-by-wrong-number": "check-digit-ignored",
    },
)
