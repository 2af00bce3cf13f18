"""The relay: what the ledger has written down for webhook endpoints is sent to them.

At least once, and in the order of an account's events: a later one waits until the earlier one was delivered or given
up. What is killed in the middle is sent again; so an event may come twice, always under the same `webhook-id`.

Attempts, pauses and the life of secrets go by the machine's clock, never by the ledger's: a sandbox's may stand still,
and the receivers are real.
"""

from earnest.relay.courier import Figures
from earnest.relay.lag import Lag, lag
from earnest.relay.relay import Relay
from earnest.relay.terms import Terms

__all__ = ["Figures", "Lag", "Relay", "Terms", "lag"]
