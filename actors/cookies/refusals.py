"""Why a cookie is not stored, in Electron's words (FEATURES C17)."""

from __future__ import annotations

from enum import Enum
from typing import Final

from partita.events.errors import CookieError, CookieValueError

_PREFIX: Final = "Failed to set cookie - "


class Refusal(Enum):
    """A reason of Chromium's inclusion status. The value is what Electron puts behind "Failed to set cookie - "."""

    SECURE_ONLY = "The cookie was Secure, but the URL was not allowed to access Secure cookies."
    SAME_SITE_STRICT = (
        "The cookie had SameSite=Strict, and the attempted access did not have an appropriate SameSiteCookieContext"
    )
    SAME_SITE_LAX = (
        "The cookie had SameSite=Lax, and the attempted access did not have an appropriate SameSiteCookieContext"
    )
    SAME_SITE_UNSPECIFIED = (
        "The cookie did not specify a SameSite attribute, and therefore was treated as if it were SameSite=Lax, "
        "and the attempted access did not have an appropriate SameSiteCookieContext."
    )
    SAME_SITE_NONE_INSECURE = "The cookie specified SameSite=None, but it was not Secure."
    FAILURE_TO_STORE = "The cookie was malformed and could not be stored"
    NONCOOKIEABLE_SCHEME = "Attempted to set a cookie from a scheme that does not support cookies."
    OVERWRITE_SECURE = "The cookie would have overwritten a Secure cookie, and was not allowed to do so."
    OVERWRITE_HTTP_ONLY = "The cookie would have overwritten an HttpOnly cookie, and was not allowed to do so."
    INVALID_DOMAIN = "The cookie was set with an invalid Domain attribute."
    INVALID_PREFIX = "The cookie was set with an invalid __Host- or __Secure- prefix."
    INVALID_PARTITIONED = (  # Electron's words; what Chromium asks for is Secure alone by now
        "Cookie was set with an invalid Partitioned attribute, which is only valid if the cookie has a __Host- prefix."
    )
    PAIR_TOO_LARGE = "The cookie exceeded the name/value pair size limit."
    ATTRIBUTE_TOO_LARGE = "Cookie exceeded the attribute size limit."
    DOMAIN_NOT_ASCII = "The cookie was set with a Domain attribute containing non ASCII characters."
    DISALLOWED_CHARACTER = "The cookie contains ASCII control characters"
    NO_CONTENT = "The cookie contains no content or only whitespace."

    def error(self, where: str = "") -> CookieError:
        """What the caller of ``cookies.set`` gets; ``where`` names the place in a file that the cookie stands in."""
        return CookieError(f"{where}: {self.value}" if where else _PREFIX + self.value)


def no_same_site(text: str) -> CookieValueError:
    """What the caller gets for a ``same_site`` that is none (FEATURES C14)."""
    return CookieValueError(f"Failed to convert '{text}' to an appropriate cookie same site value")
