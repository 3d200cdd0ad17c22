"""Safeguards of the HTTP cache."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation


def mutation(name: str, gone: str, *edits: Edit, scenario: str = "caching") -> Mutation:
    """One that a scenario of the cache is there to catch."""
    return Mutation(name=f"cache.{name}", gone=gone, edits=edits, scenarios=(scenario,))


CACHE: Final = (
    # -- what is stored ---------------------------------------------------------------------------------------------------
    mutation(
        "no_store_not_heard",
        "a response is stored that must not be",
        Edit("actors.cache.storing:_may_be_stored", 'elif "no-store" in directives:', "elif False:"),
    ),
    mutation(
        "broken_off_taken_for_whole",
        "a body that broke off is stored as if it had come to its end",
        Edit("actors.cache.storing:StoreOrder.finished", "if not complete:", "if False:"),
    ),
    mutation(
        "stored_after_it_was_invalidated",
        "what was asked for before a URL was changed, or the cache cleared, is stored after",
        Edit("actors.cache.behavior:store", "or is_late", ""),
    ),
    mutation(
        "never_throws_out",
        "the cache grows beyond its size",
        Edit("actors.cache.behavior:_decision", "if after.size_bytes > after.max_size_bytes:", "if False:"),
    ),
    # -- what is used -----------------------------------------------------------------------------------------------------
    mutation(
        "stale_used",
        "a stale response is used without asking",
        Edit("actors.cache.requests:suffices", "lifetime_us > age_us", "True"),
    ),
    mutation(
        "no_cache_not_heard",
        "a response is used without asking that has to be asked for each time",
        Edit("actors.cache.requests:suffices", "reading.always_validates or ", ""),
    ),
    mutation(
        "must_revalidate_not_heard",
        "a response is used while it is validated that must not be used stale",
        Edit("actors.cache.finding:_asking", "and not reading.must_revalidate", ""),
    ),
    mutation(
        "age_not_counted",
        "a response has no age",
        Edit("actors.cache.reading:Reading.age_us", "max(0, now_us - self.entry.received_us)", "0"),
    ),
    mutation(
        "sites_share",
        "a site sees what another has stored",
        Edit("actors.cache.served:chosen", "if entry.site != query.site:", "if False:"),
    ),
    mutation(
        "variants_share",
        "a request gets the variant of another",
        Edit("actors.cache.served:chosen", "not entry.vary or", "True or"),
    ),
    mutation(
        "not_invalidated",
        "what a POST has changed is used as it was before",
        Edit(
            "actors.cache.behavior:urls_invalidated",
            "for url in event.urls for entry in state.entries(url)",
            "for url in () for entry in state.entries(url)",
        ),
    ),
    mutation(
        "only_if_cached_asks",
        "the network is asked where only the cache may be",
        Edit("actors.cache.finding:look_up", 'if request.mode == "only-if-cached":', "if False:"),
    ),
    # -- bodies -----------------------------------------------------------------------------------------------------------
    mutation(
        "blobs_not_dropped",
        "the body of a response that is no more stays on the disk",
        Edit("actors.cache.carriers:drop_blobs", "if digests:", "if False:"),
    ),
    mutation(
        "joined_to_what_is_gone",
        "a part is put behind another whose entry, and body, were removed meanwhile",
        Edit("actors.cache.bodies:CacheWriter._joins_what_is_gone", "return any(", "return False and any("),
        scenario="clearing",
    ),
    mutation(
        "dropped_though_undone",
        "a body is removed although the turn that no longer named it was undone",
        Edit("store.committer:Committer.take_failed", "if any(entry[0] is not None for entry in failed):", "if False:"),
    ),
    mutation(
        "blobs_not_swept",
        "an opening does not look for bodies that the process before has left",
        Edit("actors.cache.behavior:recover", "if message.epoch > 1", "if False"),
    ),
    # -- parts ------------------------------------------------------------------------------------------------------------
    mutation(
        "parts_of_two_versions",
        "parts of two versions are put together",
        Edit(
            "actors.cache.judging:_completed",
            "strong_validator(response.headers) == strong_validator(reading.headers) is not None",
            "True",
        ),
    ),
    mutation(
        "part_from_elsewhere",
        "a part is put behind another that it does not follow",
        Edit("actors.cache.judging:_completed", "or extent.first_byte != missing[0]", ""),
    ),
    mutation(
        "misfit_handed_on",
        "an answer to the cache's own question is handed to who asked another",
        Edit("actors.network.exchange.sending:judge", "if verdict.again:", "if False:"),
    ),
)
