"""
What one agency says in the words of another: each kind of message as the requests that its recipient understands.

::

    school      concern ─────────────► contact                   social-care
    police      notice about children ► a contact for each
                notice for a school ──► Encompass notification    school
    cp-is       access ──────────────► notice                     social-care of the responsible council
    mash        enquiry ─────────────► information request        police, health …
    health      answer or refusal ────► response to the enquiry   mash

A recipient gets what its own contract asks for and no more: what a message holds besides is left behind here.
"""

from __future__ import annotations

from collections.abc import Iterable

from joinedup.mocks.casework import part
from joinedup.mocks.organisations import is_known
from joinedup.mocks.sharing import Message
from joinedup.mocks.store import Record
from joinedup.mocks.telling import ENQUIRED, WHO, Request, Translation, contact_request, notice
from joinedup.mocks.translations_services import TRANSLATIONS as OF_SERVICES

PUPIL = ("givenName", "familyName", "dateOfBirth", "upn")
URGENCY = {"high": "immediate", "medium": "same-day", "standard": "routine"}
RELATION = {"child-of-victim": "child", "sibling-of-victim": "sibling"}
NEED_OF_ABUSE = "N1"
# How the police and a hub name what health calls otherwise.
REFUSALS = {"more-detrimental": "more-detrimental-to-child", "not-facilitating": "not-facilitating"}
DUTY_TELEPHONES = {"officeHoursTelephone": "01632960200", "emergencyDutyTelephone": "01632960201"}
# Who hears what became of a contact, by its source in the code list of the children in need census.
REFERRERS = {
    **dict.fromkeys(("2A", "2B"), "school"),
    **dict.fromkeys(("3A", "3B", "3C", "3D", "3E", "3F"), "health"),
    "5D": "early-help",
}


# To social care


def concern(message: Message) -> Iterable[Request]:
    """A school's concern is a contact of a school."""
    said = message.body
    need = {} if said["category"] == "OTHER" else {"primaryNeed": NEED_OF_ABUSE}
    yield contact_request("2A", said["urgency"], said["account"], said, **need)


def contact(message: Message) -> Iterable[Request]:
    """What is a contact already."""
    said = message.body
    yield contact_request(said["source"], said["urgency"], said["reason"], said["child"])


def contacts_of_notice(message: Message) -> Iterable[Request]:
    """A contact for each child whom a public protection notice names; nothing joins them but the reference."""
    said = message.body
    reference = part(said, ("incidentReference",))
    for child in said["childrenInvolved"]:
        yield contact_request("6", URGENCY[said["gradedRisk"]], said["circumstances"], child, **reference)


def access(message: Message) -> Iterable[Request]:
    """Of an unscheduled query the responsible council learns which child, and where to read the rest."""
    said = message.body
    child, reference = part(said, ("nhsNumber",)), said["accessNotificationId"]
    yield notice(
        "social-care",
        "child-protection-access",
        "cp-is",
        message,
        child=child,
        reference=reference,
        note=said.get("accessReason"),
    )


def responsibility(message: Message) -> Iterable[Request]:
    """The council that was responsible learns which one is now."""
    child = part(message.body, ("nhsNumber",))
    outcome = message.body["to"]
    yield notice("social-care", "responsibility-transferred", "cp-is", message, child=child, outcome=outcome)


def not_brought(message: Message) -> Iterable[Request]:
    """A child who is not brought again and again."""
    note = f"Not brought {message.body['inARow']} times in a row."
    child = part(message.body, ("nhsNumber",))
    yield notice("social-care", "was-not-brought", "health", message, child=child, note=note)


def attendance(message: Message) -> Iterable[Request]:
    """An attendance that social care is told of; those of the provider's own staff are told within it."""
    if message.to == "social-care":
        said = message.body
        child, note = part(said["child"], WHO), said.get("reason")
        yield notice("social-care", "attendance", "health", message, child=child, note=note)


def absence(message: Message) -> Iterable[Request]:
    """An absence that nobody explained."""
    child, reference = part(message.body, ("upn",)), message.body["reference"]
    yield notice("social-care", "absence", "school", message, child=child, reference=reference)


def suspension(message: Message) -> Iterable[Request]:
    """The council and the social worker are told in one form, the virtual school head in its own."""
    said = message.body
    if said["recipient"] == "virtual-school":
        body = part(said, ("upn", "kind", "startDate", "sessions", "reasons"))
        yield Request("virtual-school", "receiveSuspensionNotice", body)
        return
    period = f"from {said['startDate']}" + (f" for {said['sessions']} sessions" if "sessions" in said else "")
    note = f"{said['kind'].capitalize()} {period}; reasons: {', '.join(said['reasons'])}."
    yield notice(
        "social-care",
        "suspension",
        "school",
        message,
        child=part(said, ("upn",)),
        outcome=f"for the {said['recipient']}",
        note=note,
    )


def enquiry_decided(message: Message) -> Iterable[Request]:
    """The council whose hub decided."""
    said = message.body
    reference, outcome = said["enquiryId"], said["threshold"]
    yield notice("social-care", "enquiry-decided", "mash", message, reference=reference, outcome=outcome)


def missing(message: Message) -> Iterable[Request]:
    """A child is missing."""
    said = message.body
    child, reference = part(said["child"], WHO), said["episodeId"]
    yield notice(
        "social-care",
        "missing-child",
        "police",
        message,
        child=child,
        reference=reference,
        outcome=f"risk {said['riskGrade']}",
    )


def child_found(message: Message) -> Iterable[Request]:
    """A child was found; somebody has to listen to it by the day that is given."""
    said = message.body
    yield notice(
        "social-care",
        "child-found",
        "police",
        message,
        child=part(said["child"], WHO),
        reference=said["episodeId"],
        dueBy=said.get("returnInterviewDueBy", "")[:10],
    )


def protection(message: Message) -> Iterable[Request]:
    """A child was taken into police protection."""
    said = message.body
    child, reference = part(said["child"], WHO), said["eventId"]
    yield notice(
        "social-care",
        "police-protection",
        "police",
        message,
        child=child,
        reference=reference,
        note=said["reason"],
    )


# To schools and the virtual school


def encompass(message: Message) -> Iterable[Request]:
    """To the school what supports the child; where a child is educated at home, to the council."""
    said = message.body
    if said["goesTo"] == "council":
        child, reference = part(said["child"], WHO), said["notificationId"]
        yield notice("social-care", "domestic-abuse", "police", message, child=child, reference=reference)
    elif said["goesTo"] == "school" and "dateOfBirth" in said["child"]:
        body = {
            "policeReference": said.get("incidentReference", said["notificationId"]),
            "incidentAt": said["occurredAt"],
            "child": part(said["child"], PUPIL),
            "relationshipToVictim": RELATION.get(said["relationship"], "other"),
            "childPresent": said["present"],
            **part(said, ("voiceOfChild", "circumstances")),
        }
        yield Request("school", "receiveEncompassNotification", body, said["council"])


def care_started(message: Message) -> Iterable[Request]:
    """The virtual school learns the legal status; school and health that a child came into care, and not why."""
    said = message.body
    child, started = said["child"], said["startedOn"]
    if message.to == "virtual-school" and {"upn", "dateOfBirth"} <= child.keys():
        body = {"child": part(child, PUPIL), "startOfCare": started, "legalStatus": said["legalStatus"]}
        yield Request("virtual-school", "notifyLookedAfter", body)
    elif message.to == "school" and "upn" in child:
        yield notice(
            "school",
            "care-started",
            "social-care",
            message,
            child=part(child, PUPIL),
            reference=said["episodeId"],
            note=said.get("noteForSchool"),
        )
    elif message.to == "health":
        yield notice(
            "health",
            "care-started",
            "social-care",
            message,
            child=part(child, ("givenName", "familyName", "dateOfBirth", "nhsNumber")),
            reference=said["episodeId"],
            note=f"An initial health assessment is due; care started on {started}.",
        )


def plan_due(message: Message) -> Iterable[Request]:
    """The school learns by when a looked-after pupil's education plan is due."""
    child = part(message.body, ("upn",))
    yield notice(
        "school", "care-started", "virtual-school", message, child=child, dueBy=message.body["pepDueBy"]
    )


def leaving(message: Message) -> Iterable[Request]:
    """The next school learns that a pupil's file will come."""
    child, outcome = part(message.body, ("upn",)), message.body["destinationLaestab"]
    yield notice("school", "pupil-leaving", "school", message, child=child, outcome=outcome)


def still_missing(message: Message) -> Iterable[Request]:
    """The virtual school learns that a looked-after child is missing, or was found."""
    said = message.body
    yield notice(
        "virtual-school",
        said["kind"],
        "social-care",
        message,
        child=part(said["child"], PUPIL),
        reference=said.get("reference"),
    )


# What became of it


def referral_decided(message: Message) -> Iterable[Request]:
    """Whoever raised a contact learns what was decided, and not why."""
    said = message.body
    system = REFERRERS.get(said["source"])
    if system:
        yield notice(
            system,
            "referral-decided",
            "social-care",
            message,
            reference=said["contactId"],
            outcome=said["outcome"],
        )


def child_corrected(message: Message) -> Iterable[Request]:
    """Whoever was told of a child before learns what is right; found by the number that they know."""
    said = message.body
    if message.to in ("school", "virtual-school", "health"):
        former = said["formerly"].get("nhsNumber")
        changed = former if former != said["child"].get("nhsNumber") else None
        yield notice(
            message.to,
            "person-corrected",
            "social-care",
            message,
            child=part(said["child"], WHO),
            formerNhsNumber=changed,
        )


# Enquiries and their answers


def enquiry(message: Message) -> Iterable[Request]:
    """What a hub asks, as the agency that is asked takes questions in; nobody speaks for organisations elsewhere."""
    said = message.body
    system = ENQUIRED.get(said["agency"])
    if system is None or not (message.to == said["agency"] or is_known(message.to)):
        return
    child, about = said["child"], {"enquiryReference": said["enquiryId"]}
    if said["agency"] == "police":
        known = part(child, ("givenName", "familyName", "dateOfBirth", "nhsNumber"))
        yield Request("police", "askForInformation", {"question": said["reason"], "child": known, **about})
    elif said["agency"] == "health" and "nhsNumber" in child:
        urgency = "urgent" if said.get("rag") == "red" else "routine"
        body = {"nhsNumber": child["nhsNumber"], "urgency": urgency, "question": said["reason"], **about}
        yield Request("health", "requestInformation", body)
    else:
        known = part(child, WHO)
        yield notice(
            system, "enquiry", "mash", message, child=known, reference=said["enquiryId"], note=said["reason"]
        )


def police_answer(message: Message) -> Iterable[Request]:
    """To the hub's enquiry where there was one, else to the council that asked."""
    said = message.body
    if "enquiryReference" in said:
        body = {"agency": "police", **part(said, ("outcome", "information", "refusalReason"))}
        yield _response(said["enquiryReference"], body, said["forceCode"])
    else:
        yield notice(
            "social-care",
            "information",
            "police",
            message,
            reference=said["responseId"],
            outcome=said["outcome"],
            note=said.get("information"),
        )


def health_answer(message: Message) -> Iterable[Request]:
    """To the enquiry that asked; a refusal says why, and never what."""
    said = message.body
    if "enquiryReference" not in said:
        return
    reason = REFUSALS.get(said.get("refusalReason", ""))
    body: Record = {"agency": "health", "outcome": "nothing-held"}
    if said["outcome"] == "shared" and "summary" in said:
        body |= {"outcome": "shared", "information": said["summary"]}
    elif said["outcome"] == "not-shared" and reason:
        body |= {"outcome": "refused", "refusalReason": reason}
    yield _response(said["enquiryReference"], body)


def _response(enquiry_id: str, body: Record, organisation: str = "") -> Request:
    return Request("mash", "respondToEnquiry", body, organisation, {"enquiryId": enquiry_id})


# The national service


def query(message: Message) -> Iterable[Request]:
    """A hospital asks about the child in front of it."""
    yield Request("cp-is", "queryPlans", part(message.body, ("nhsNumber", "careSetting", "accessReason")))


def plan(message: Message) -> Iterable[Request]:
    """A plan that began or ended, for the council's upload."""
    said = message.body
    number = part(said["child"], ("nhsNumber",))
    if number:
        record = {"planType": "CPP", **number, **part(said, ("startDate", "endDate"))}
        yield Request("cp-is", "uploadPlans", {"contacts": DUTY_TELEPHONES, "records": [record]})


def transfer(message: Message) -> Iterable[Request]:
    """Both councils learn how a transfer stands; once it is accepted, the new council says so nationally."""
    said = message.body
    kind = f"transfer-{said['status']}"
    child, reference = part(said["child"], WHO), said["transferId"]
    due = said["conferenceDueBy"][:10]
    yield notice("social-care", kind, "social-care", message, child=child, reference=reference, dueBy=due)
    if said["status"] == "accepted" and "nhsNumber" in child:
        record = {
            "planType": "CPP",
            "nhsNumber": child["nhsNumber"],
            "startDate": said["acceptedAt"][:10],
            "transferredFrom": said["fromLa"],
        }
        body = {"contacts": DUTY_TELEPHONES, "records": [record]}
        yield Request("cp-is", "uploadPlans", body, said["toLa"])


TRANSLATIONS: dict[tuple[str, str], Translation] = {
    **OF_SERVICES,
    ("school", "contact"): concern,
    ("school", "absence-alert"): absence,
    ("school", "suspension"): suspension,
    ("school", "transfer-file"): leaving,
    ("early-help", "contact"): contact,
    ("health", "contact"): contact,
    ("health", "query"): query,
    ("health", "attendance"): attendance,
    ("health", "was-not-brought"): not_brought,
    ("health", "information-response"): health_answer,
    ("police", "public-protection-notice"): contacts_of_notice,
    ("police", "encompass-notification"): encompass,
    ("police", "missing-episode-opened"): missing,
    ("police", "missing-child-found"): child_found,
    ("police", "police-protection"): protection,
    ("police", "information-response"): police_answer,
    ("mash", "enquiry"): enquiry,
    ("mash", "enquiry-decided"): enquiry_decided,
    ("cp-is", "access-notification"): access,
    ("cp-is", "responsibility-transferred"): responsibility,
    ("virtual-school", "looked-after"): plan_due,
    ("social-care", "care-started"): care_started,
    ("social-care", "plan-started"): plan,
    ("social-care", "plan-ended"): plan,
    ("social-care", "transfer-offered"): transfer,
    ("social-care", "transfer-accepted"): transfer,
    ("social-care", "referral-decided"): referral_decided,
    ("social-care", "missing"): still_missing,
    ("social-care", "child-corrected"): child_corrected,
}
"""By sender and kind; ``virtual-school`` ``pep.due`` goes to its subscribers, of whom the bundled agencies are none."""
