"""The options of a session, which count when it is opened (FEATURES M2; WANTS 1, 16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, cast, get_args

from partita.actors.pages.brokers import broker_of
from partita.events.cache import ConfigureCache
from partita.events.cookies import PersistSessionCookies
from partita.events.device_facts import DeviceKind
from partita.events.devices import BrokerState, ConfigureBroker
from partita.events.permissions import ConfigurePermissions, DefaultAnswer
from partita.events.session import SessionState

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class SessionOptions(TypedDict, total=False):
    """What can be said of a session.

    - ``cache`` (default: true): whether there is an HTTP cache.
    - ``max_cache_size``: bytes that it may hold; it stays so until another is given.
    - ``persist_session_cookies`` (default: false): cookies without an expiry outlive the process.
    - ``permissions`` (default: ``"electron"``): what is answered where no handler says it: as Electron does, which grants nearly
      everything, or ``"deny"``, nothing.
    - ``keep_permission_grants`` (default: false): what the request handler grants stays granted to that origin, for these
      details, in later processes as well, until ``revoke_permission`` takes it back.
    - ``keep_device_grants`` (default: false): a device that was granted to an origin stays so in later processes, where vendor,
      product and serial number say which it is.
    """

    cache: bool
    max_cache_size: int | None
    persist_session_cookies: bool
    permissions: DefaultAnswer
    keep_permission_grants: bool
    keep_device_grants: bool


def checked_options(options: Mapping[str, object]) -> None:
    """Raises :class:`TypeError` or :class:`ValueError` for an option that there is not, or that is no such thing."""
    for name, value in options.items():
        if name not in SessionOptions.__annotations__:
            known = ", ".join(SessionOptions.__annotations__)
            raise TypeError(f"a session has no option {name!r}; there are {known}")
        if name == "max_cache_size":
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise TypeError(f"max_cache_size is a number of bytes, not {value!r}")
            if value is not None and value <= 0:
                raise ValueError(f"max_cache_size is a number of bytes above 0, not {value}; cache=False is for none")
        elif name == "permissions":
            if value not in get_args(DefaultAnswer):
                raise ValueError(f"permissions is 'electron' or 'deny', not {value!r}")
        elif not isinstance(value, bool):
            raise TypeError(f"{name} is a bool, not {value!r}")


def configure(partition: Partition, options: SessionOptions) -> None:
    """Tell a partition that was just opened what is not as it was left."""
    state = cast("SessionState", partition.actor("session").state)
    enabled = options.get("cache", True)
    size = options.get("max_cache_size")
    if enabled != state.cache.enabled or size not in (None, state.cache.max_size_bytes):
        partition.call(ConfigureCache(enabled, size))
    persists = options.get("persist_session_cookies", False)
    if persists != state.cookies.persist_session:
        partition.call(PersistSessionCookies(persists))
    default, keeps = options.get("permissions", "electron"), options.get("keep_permission_grants", False)
    if (default, keeps) != (state.permissions.default, state.permissions.keeps_grants):
        partition.call(ConfigurePermissions(default, keeps))
    keeps = options.get("keep_device_grants", False)
    for broker in map(broker_of, get_args(DeviceKind)):
        known = partition.actors.get(broker)
        if keeps != (known is not None and cast("BrokerState", known.state).keeps_grants):
            partition.call(ConfigureBroker(keeps), to=broker)
