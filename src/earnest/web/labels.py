"""What the codes of statuses, sizes and sources are called on a page, and how a status looks."""

from earnest.web.words import N_, Words

_STATUSES = {
    "active": (N_("Active"), "good"),
    "warned": (N_("Warned"), "warn"),
    "suspended": (N_("Suspended"), "bad"),
    "open": (N_("Open"), "good"),
    "lapsed": (N_("Lapsed"), "warn"),
    "closed": (N_("Closed"), ""),
    "live": (N_("Waiting for an answer"), "info"),
    "withdrawn": (N_("Withdrawn"), ""),
    "declined": (N_("Declined"), ""),
    "hired": (N_("Hired"), "good"),
    "pending": (N_("Waiting for payment"), "warn"),
    "confirmed": (N_("Paid"), "good"),
    "refused": (N_("Refused"), "bad"),
    "reversed": (N_("Payment taken back"), "bad"),
    "cancelled": (N_("Cancelled"), ""),
    "failing": (N_("Failing"), "warn"),
    "paused": (N_("Paused"), "bad"),
    "waiting": (N_("Waiting"), "info"),
    "delivered": (N_("Delivered"), "good"),
    "failed": (N_("Failed"), "bad"),
}
_NAMES = {
    "fixed": N_("Fixed price"),
    "hourly": N_("Hourly"),
    "under_1_month": N_("Under 1 month"),
    "1_to_3_months": N_("1 to 3 months"),
    "3_to_6_months": N_("3 to 6 months"),
    "over_6_months": N_("Over 6 months"),
    "under_30": N_("Under 30 hours a week"),
    "30_or_more": N_("30 or more hours a week"),
    "allotment": N_("Monthly allotment"),
    "carried": N_("Carried over"),
    "purchase": N_("Bought"),
    "refund": N_("Returned"),
    "bonus": N_("Bonus"),
    "filled": N_("Filled"),
    "cancelled": N_("Cancelled"),
    "removed": N_("Removed"),
    "owner": N_("Owner"),
    "admin": N_("Admin"),
    "member": N_("Member"),
    "freelancer": N_("Freelancer"),
    "agency": N_("Agency"),
    "individual": N_("Freelancer"),
    "client": N_("Client"),
    "operator": N_("Operator"),
}


class Labels:
    """The labels in one reader's words."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def status(self, code: str) -> tuple[str, str]:
        """Return what a status is called, and the class of its looks."""
        label, looks = _STATUSES[code]
        return self._words.gettext(label), looks

    def name(self, code: str) -> str:
        """Return what a code is called; raises KeyError for one that isn't known."""
        return self._words.gettext(_NAMES[code])

    def plan(self, code: str) -> str:
        """Return what a plan is called: the pack knows it by its code alone."""
        return code.replace("_", " ").capitalize()
