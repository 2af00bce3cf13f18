"""What is the matter with a request that was refused, in a sentence for people, with the figures behind it."""

from collections.abc import Callable, Mapping

from earnest.rules.outcome import Refusal, Refused

_Figures = Mapping[str, int | str]

_JOB = {
    "closed": "The job is closed",
    "lapsed": "The job has lapsed: it takes no new proposals",
}
_NOT_LIVE = {
    "withdrawn": "The proposal was withdrawn already",
    "declined": "The proposal was declined already",
    "hired": "The proposal has led to a hire already",
}


def sentence(refusal: Refused) -> str:
    """Say what is the matter."""
    return _SAID[refusal.code](refusal.figures)


def _not_permitted(figures: _Figures) -> str:
    match figures.get("reason"):
        case "scope":
            return f"This takes a key of scope {figures['needs']}; this one's scope is {figures['scope']}"
        case "one_account":
            return "This key is for one account, and this concerns others too"
        case "fee_unpaid":
            return "The account's membership fee is unpaid, and has to be paid first"
        case "seat":
            return "This person has no such seat"
    return f"This member of the agency may not do this; their role there is {figures['role']}"


def _behind(figures: _Figures) -> str:
    if "last_effect_at" in figures:
        return f"It is {figures['now']} here, but the account was last changed at {figures['last_effect_at']}"
    return f"The clock stands at {figures['now']}, and only moves forward"


def _not_for_this_kind(figures: _Figures) -> str:
    whose = "an agency's" if figures["kind"] == "agency" else "an individual's"
    if "plan" in figures:
        return f"The account is {whose}, and the plan {figures['plan']} is for the other kind"
    if "seat" in figures:
        return f"The account is {whose}, and is entered as one of its members"
    return f"The account is {whose}, and has no members"


def _over_most_held(figures: _Figures) -> str:
    return f"The plan lets the account hold {figures['most_held']} at most: {figures['would_fit']} more would fit"


def _nothing(what: str) -> Callable[[_Figures], str]:
    return lambda _: f"There is no {what} with this id"


_SAID: dict[Refusal, Callable[[_Figures], str]] = {
    Refusal.CLOCK_BEHIND: _behind,
    Refusal.MALFORMED: lambda figures: f"{figures['field']}: expected {figures['expected']}",
    Refusal.KEY_REUSED: lambda _: (
        "This idempotency key came with another path or another body before; a new request needs a new key"
    ),
    Refusal.UNKNOWN_ACCOUNT: _nothing("account"),
    Refusal.UNKNOWN_CLIENT: _nothing("client"),
    Refusal.UNKNOWN_JOB: _nothing("job"),
    Refusal.UNKNOWN_PROPOSAL: _nothing("proposal"),
    Refusal.UNKNOWN_PURCHASE: _nothing("purchase"),
    Refusal.UNKNOWN_MEMBER: lambda _: "The account has no member with this id",
    Refusal.UNKNOWN_KEY: _nothing("API key"),
    Refusal.UNKNOWN_ENDPOINT: _nothing("webhook endpoint"),
    Refusal.UNKNOWN_DELIVERY: lambda _: "The endpoint has no delivery with this id",
    Refusal.UNKNOWN_PERSON: _nothing("person"),
    Refusal.UNKNOWN_LINK: lambda _: "This link was used, replaced by a newer one, or has ended; ask for a new one",
    Refusal.EMAIL_TAKEN: lambda figures: f"The e-mail address {figures['email']} is another person's already",
    Refusal.NOT_SIGNED_IN: lambda _: "This session has ended; sign in again",
    Refusal.TOO_MANY_TRIES: lambda figures: (
        f"There were too many tries; the next one counts in {figures['retry_after_seconds']} seconds"
    ),
    Refusal.WRONG_CREDENTIALS: lambda _: "The e-mail address or the password is wrong",
    Refusal.EXTERNAL_ID_TAKEN: lambda figures: f"The external id {figures['external_id']} is another one's already",
    Refusal.PRICE_CHANGED: lambda figures: (
        f"{figures['agreed']} was agreed to, and a proposal costs {figures['price']} now"
    ),
    Refusal.NOT_PERMITTED: _not_permitted,
    Refusal.ACCOUNT_SUSPENDED: lambda figures: f"The account is suspended from proposing since {figures['since']}",
    Refusal.JOB_NOT_OPEN: lambda figures: _JOB[str(figures["status"])],
    Refusal.ALREADY_PROPOSED: lambda _: "The account has a proposal for this job that was not withdrawn",
    Refusal.PROPOSAL_NOT_LIVE: lambda figures: _NOT_LIVE[str(figures["status"])],
    Refusal.INSUFFICIENT_CONNECTS: lambda figures: (
        f"This takes {figures['required']} connects, and {figures['available']} are available"
    ),
    Refusal.PLAN_CANNOT_BUY: lambda figures: f"Connects can't be bought on the plan {figures['plan']}",
    Refusal.OVER_MOST_HELD: _over_most_held,
    Refusal.NOT_FOR_THIS_KIND: _not_for_this_kind,
    Refusal.NOT_SUSPENDED: lambda _: "The account is not suspended",
    Refusal.ALREADY_APPEALED: lambda figures: (
        f"The suspension was appealed at {figures['appealed_at']}, and can be appealed only once"
    ),
    Refusal.NOTHING_PENDING: lambda _: "No change of plan is pending that could be taken back",
}
