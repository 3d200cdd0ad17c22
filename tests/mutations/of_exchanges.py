"""Safeguards of the exchange, the transport below it, and the net log beside it."""

from __future__ import annotations

from typing import Final

from partita.simulations.outcome import Level

from .edits import Edit
from .mutation import Mutation

SENDING: Final = "actors.network.exchange.sending"
DELIVERED: Final = "actors.network.exchange.body:Delivered"
DRIVER: Final = "actors.network.exchange.driver:Driver"
RESPONSE: Final = "actors.network.transport.response:Http1Response"
SPOILED_IS_TAKEN: Final = Edit(
    "actors.network.transport.pools:Pools.take", "if not connection.is_spoiled():", "if True:"
)
"""The second net below the first: an idle connection on which something lies is not used."""


def mutation(name: str, gone: str, *edits: Edit, scenario: str = "streaming", level: Level = "kernel") -> Mutation:
    """Most of them show where everything streams."""
    return Mutation(name=name, gone=gone, edits=edits, scenarios=(scenario,), level=level)


EXCHANGES: Final = (
    # -- sent again -------------------------------------------------------------------------------------------------------
    mutation(
        "exchange.stale_not_sent_again",
        "a request fails because the server had closed a kept connection",
        Edit(f"{SENDING}:send_failed", "if error.stale_connection and", "if False and"),
    ),
    mutation(
        "exchange.sent_again_whatever_failed",
        "a request is sent again though the server may have acted on it",
        Edit(f"{SENDING}:send_failed", "if error.stale_connection and", "if"),
    ),
    mutation(
        "exchange.one_way_body_sent_again",
        "a request whose body can be read once is sent again",
        Edit(f"{SENDING}:send_failed", " and isinstance(exchange.request.body, bytes)", ""),
    ),
    mutation(
        "redirect.one_way_body_sent_again",
        "a redirect has a body sent again that can be read once",
        Edit("actors.network.redirects:moved", "if not isinstance(request.body, bytes):", "if False:"),
    ),
    # -- connections ------------------------------------------------------------------------------------------------------
    mutation(
        "transport.left_body_not_drained",
        "a connection is used again on which the rest of a body is on its way, and nobody looks whether something came",
        Edit(f"{RESPONSE}.close", "self._kept = self._kept and self._body.done", "pass"),
        SPOILED_IS_TAKEN,
        level="trio",
    ),
    mutation(
        "transport.surplus_not_noticed",
        "a connection is used again on which more came than was announced",
        Edit(f"{RESPONSE}._finish", "and not self._body.surplus", ""),
        SPOILED_IS_TAKEN,
        level="trio",
    ),
    mutation(
        "exchange.left_body_stays_open",
        "a response that its caller has left stays open",
        Edit(
            f"{DELIVERED}.close",
            "self._driver.feed(BodyLeft())\n    await self._driver.let_go()",
            "self._driver.feed(BodyLeft())",
        ),
    ),
    mutation(
        "exchange.given_up_stays_open",
        "the response of an exchange that failed stays open",
        Edit(f"{DRIVER}.give_up", "await self.let_go()", "pass"),
    ),
    # -- what goes along --------------------------------------------------------------------------------------------------
    mutation(
        "exchange.cookies_told_late",
        "the next hop goes out before the jar has the cookies of the one before",
        Edit(
            f"{DRIVER}.store_cookies",
            'await self.door.ask(command.message, to="session")',
            'self.door.tell(command.message, to="session")',
        ),
    ),
    mutation(
        "exchange.stored_cookies_told_again",
        "a stored response sets its cookies anew each time that it is used",
        Edit(
            f"{SENDING}:cache_opened",
            "exchange.has_response = True\n        return",
            'exchange.has_response, exchange.cookie_lines = True, fields.every(cached.headers, "set-cookie")\n        return',
        ),
    ),
    mutation(
        "exchange.credentials_not_omitted",
        "cookies are sent and kept for who wants none",
        Edit(
            "actors.network.exchange.requests:has_credentials",
            "return credentials_go_along",
            "return True or credentials_go_along",
        ),
    ),
    mutation(
        "redirect.credentials_across_origins",
        "Authorization goes along to another origin",
        Edit("actors.network.redirects:moved", "if urls.origin(url) != urls.origin(request.url):", "if False:"),
    ),
    # -- the cache --------------------------------------------------------------------------------------------------------
    mutation(
        "exchange.missing_body_not_asked_for",
        "a request fails because the body of a stored response is gone",
        Edit(
            f"{SENDING}:cache_broke",
            "return _once_more(exchange)",
            'return exchange.fail(NetError("ERR_CACHE_READ_FAILURE", ""))',
        ),
    ),
    mutation(
        "exchange.broken_body_stored",
        "a body that broke off is stored as if it had come to its end",
        Edit(f"{DELIVERED}._break", "self._writer.abandon()", "self._writer.finish()"),
        scenario="caching",
    ),
    mutation(
        "exchange.left_body_stored",
        "a body that its caller has left is stored as if it had come to its end",
        Edit(f"{DELIVERED}.close", "self._writer.abandon()", "self._writer.finish()"),
    ),
    # -- listeners --------------------------------------------------------------------------------------------------------
    mutation(
        "web_request.asked_out_of_order",
        "the last of several listeners is asked first",
        Edit(
            "actors.network.exchange.state:ExchangeState.ask_next",
            "self.unasked[0], self.unasked[1:]",
            "self.unasked[-1], self.unasked[:-1]",
        ),
        scenario="web_requests",
    ),
    mutation(
        "web_request.failed_asking_is_no_refusal",
        "a request goes on whose listener could not be asked to its end",
        Edit(f"{DRIVER}.ask_hook", "cancel=True", "cancel=False"),
        scenario="web_requests",
    ),
    # -- the net log ------------------------------------------------------------------------------------------------------
    mutation(
        "net_log.lost_one_not_told",
        "who waits for a net log that a defect has ended waits for ever",
        Edit("actors.net_log.behavior:lost", "if log_id not in state.ending", "if True or log_id not in state.ending"),
    ),
    mutation(
        "net_log.opening_not_heard",
        "a net log goes on of which the session could not be told that it is open",
        Edit("actors.net_log.carriers:_written", "await door.ask(", "door.tell("),
    ),
)
