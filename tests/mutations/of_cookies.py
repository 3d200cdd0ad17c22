"""Safeguards of the cookie jar: what is stored, where it is sent, and its files."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

COOKIES: Final = (
    Mutation(
        name="cookies.domain_not_checked",
        gone="a host sets cookies for hosts that are none of its own",
        edits=(Edit("actors.cookies.storing:_domain", "not _within(host, domain) or", ""),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.public_suffix",
        gone="a host sets cookies for all hosts below a public suffix",
        edits=(
            Edit("actors.cookies.storing:_domain", "or registrable_domain(domain) is None:", ":"),
            Edit("actors.cookies.storing:_domain", "or registrable_domain(host) is None", ""),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.secure_from_anywhere",
        gone="Secure cookies are set by responses that came in clear",
        edits=(Edit("actors.cookies.storing:_admitted", "if cookie.secure and not target.trustworthy:", "if False:"),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.secure_covered",
        gone="a response that came in clear covers a Secure cookie",
        edits=(Edit("actors.cookies.storing:stored", "if not trustworthy and any(", "if False and any("),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.prefix_not_kept",
        gone="a prefixed name promises nothing",
        edits=(Edit("actors.cookies.storing:_admitted", "if not _keeps_prefix(", "if False and not _keeps_prefix("),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.http_prefix_not_kept",
        gone="a cookie with the prefix __Http- is not HttpOnly",
        edits=(Edit("actors.cookies.storing:_keeps_prefix", "and not cookie.http_only", "and False"),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.none_without_secure",
        gone="SameSite=None is taken without Secure",
        edits=(
            Edit(
                "actors.cookies.storing:_admitted",
                'if cookie.same_site == "no_restriction" and not cookie.secure:',
                "if False:",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.lives_for_ever",
        gone="a lifetime has no end",
        edits=(
            Edit("actors.cookies.storing:_expiry_of_line", "min(wanted_us, now_us + MAX_LIFETIME_US)", "wanted_us"),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.sent_in_clear",
        gone="Secure cookies are sent in clear",
        edits=(Edit("actors.cookies.matching:is_sent_to", "and (target.trustworthy or not cookie.secure)", ""),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.sent_to_subdomains",
        gone="host-only cookies are sent to subdomains",
        edits=(Edit("actors.cookies.matching:domain_matches", "not cookie.host_only and", ""),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.sent_to_any_path",
        gone="cookies are sent to every path of their host",
        edits=(Edit("actors.cookies.matching:is_sent_to", "and path_matches(cookie.path, target.path)", ""),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.partition_ignored",
        gone="a Partitioned cookie belongs to no top-level site",
        edits=(
            Edit(
                "actors.cookies.storing:cookie_of_line",
                "partition_key=partition_key if parsed.partitioned else None",
                "partition_key=None",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.partitioned_without_secure",
        gone="Partitioned is taken without Secure",
        edits=(
            Edit(
                "actors.cookies.storing:cookie_of_line",
                "if parsed.partitioned and not (parsed.secure and target.trustworthy):",
                "if False:",
            ),
            Edit(
                "actors.cookies.storing:_admitted",
                "if cookie.partition_key is not None and not cookie.secure:",
                "if False:",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.kept_against_the_wish",
        gone="session cookies of earlier processes stay when they are no longer to be kept",
        edits=(
            Edit(
                "actors.cookies.behavior:persist_session_cookies",
                "if not message.persist and any(",
                "if False and any(",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.exported_in_place",
        gone="an export is written over the file of before, byte by byte",
        edits=(
            Edit(
                "actors.cookies.carriers:_replace",
                'beside = f"{path}.{door.world.entropy.random_bytes(6).hex()}.part"',
                "beside = path",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.exported_unsynced",
        gone="an export has its name before its bytes are on the disk",
        edits=(Edit("actors.cookies.carriers:_replace", "await file.sync()", "pass"),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.sent_across_sites",
        gone="same-site cookies go along with every request",
        edits=(
            Edit(
                "actors.cookies.matching:same_site_allows",
                "if closeness >= _CLOSENESS_NEEDED[cookie.same_site]:",
                "if True:",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.lax_with_forms",
        gone="lax cookies go along with a form of another site",
        edits=(
            Edit(
                "actors.cookies.matching:same_site_allows",
                'and cookie.same_site == "unspecified"',
                'and cookie.same_site != "strict"',
            ),
        ),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.set_across_sites",
        gone="a cross-site response sets same-site cookies",
        edits=(Edit("actors.cookies.matching:same_site_permits_setting", 'context != "cross_site"', "True"),),
        scenarios=("cookie_rules",),
    ),
    Mutation(
        name="cookies.partitions_mixed",
        gone="a Partitioned cookie is sent below every top-level site",
        edits=(
            Edit(
                "actors.cookies.matching:cookies_for",
                "        and (cookie.partition_key is None or cookie.partition_key == partition_key)\n",
                "",
            ),
        ),
        scenarios=("cookie_rules",),
    ),
)
