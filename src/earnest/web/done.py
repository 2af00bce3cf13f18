"""What is said on the page that follows a form: that it was done. A page's address names the sentence, no more."""

from earnest.web.words import N_, Words

_SAID = {
    "signed-in": N_("You are signed in."),
    "signed-out": N_("You are signed out."),
    "signed-out-everywhere": N_("You are signed out, here and wherever else you were signed in."),
    "password-set": N_("Your password is set. Sign in with it."),
    "password-changed": N_("Your password is changed, and you are signed out everywhere else."),
    "link-sent": N_(
        "If there is somebody with this address, a link to set a new password is on its way to it."
        " If one was sent within the last half an hour, that one is still good."
    ),
    "mail-on": N_("What happens to what you hold goes to you by e-mail from now on."),
    "mail-off": N_("You get no more e-mail about what you hold. It all still stands among your notices."),
    "proposed": N_("Your proposal is sent."),
    "withdrawn": N_("Your proposal is withdrawn."),
    "asked-to-buy": N_("Your purchase is noted."),
    "paid": N_("It is paid, and what you bought is there."),
    "plan-up": N_("You have moved up. What it brings is there already."),
    "plan-down": N_("You will move down when the month ends. Until then you can take it back."),
    "plan-kept": N_("You stay on your plan."),
    "appealed": N_("Your appeal is sent. An operator will read it."),
    "posted": N_("Your job is posted."),
    "edited": N_("Your job is changed."),
    "invited": N_("They are invited, and can propose for free."),
    "hired": N_("You hired them. The job stays open until you close it."),
    "declined": N_("The proposal is declined."),
    "closed": N_("Your job is closed."),
    "member-added": N_("They belong to the team now."),
    "member-changed": N_("What they may do is changed."),
    "member-removed": N_("They no longer belong to the team."),
    "seat-given": N_("Whoever has this address can act for them here from now on."),
    "granted": N_("They are given. The holder sees them in the journal, with your reason."),
    "revoked": N_("They are taken. The holder sees it in the journal, with your reason."),
    "suspended": N_("The account is suspended from proposing. The holder is told your reason."),
    "lifted": N_("The suspension is lifted: the account may propose again."),
    "upheld": N_("The suspension is upheld. The holder reads your decision."),
    "fee-unpaid": N_("The fee is reported unpaid."),
    "fee-paid": N_("The fee is reported paid."),
    "erased": N_("The person is erased. The journal stays."),
    "purchase-confirmed": N_("The payment is confirmed, and what was bought is there."),
    "purchase-refused": N_("The plan no longer allows it, so nothing was added. Return the money."),
    "purchase-cancelled": N_("The purchase is cancelled. Nothing came, and nothing is owed."),
    "purchase-reversed": N_("The payment is taken back."),
    "redelivered": N_("It is sent again, from now on."),
    "link-on-its-way": N_("A link to set a password is on its way to their address."),
    "person-added": N_("They are added."),
    "person-renamed": N_("The name is changed."),
    "person-removed": N_("They are removed, and signed out everywhere."),
    "seat-added": N_("They may act as that from now on."),
    "seat-removed": N_("They may act as that no more."),
}


def said(name: str, words: Words) -> str | None:
    """Return what there is to say, None where the name is none of ours."""
    sentence = _SAID.get(name)
    return None if sentence is None else words.gettext(sentence)
