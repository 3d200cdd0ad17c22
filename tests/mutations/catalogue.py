"""All mutations."""

from __future__ import annotations

from typing import Final

from .mutation import Mutation
from .of_capabilities import CAPABILITIES
from .of_cookies import COOKIES
from .of_exchanges import EXCHANGES
from .of_permissions import PERMISSIONS
from .of_the_cache import CACHE
from .of_the_devices import DEVICES
from .of_the_downloads import DOWNLOADS
from .of_the_kernel import KERNEL
from .of_the_store import STORE

CATALOGUE: Final[dict[str, Mutation]] = {
    mutation.name: mutation
    for mutation in (*STORE, *KERNEL, *CAPABILITIES, *DOWNLOADS, *COOKIES, *CACHE, *EXCHANGES, *PERMISSIONS, *DEVICES)
}
