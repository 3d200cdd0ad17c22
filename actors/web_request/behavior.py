"""webRequest: what it decides, and how it evolves.

| message   | leads to                                                                                                        |
|-----------|-----------------------------------------------------------------------------------------------------------------|
| SetHook   | hook set; a pattern or type that there is not is refused, an id that is taken as well                           |
| ClearHook | hook cleared, when there is such a one                                                                          |
| Recover   | hooks forgotten, when there were any: the listeners' process has ended                                          |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.web_request.patterns import compiled
from partita.events.system import Recover
from partita.events.types import Event, Message
from partita.events.web_request import (
    ClearHook,
    Hook,
    HookCleared,
    HookSet,
    HooksForgotten,
    SetHook,
    Stage,
    WebRequestState,
)

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context


def set_hook(state: WebRequestState, message: SetHook, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES W1 to W4. The reply is the id of the hook whose place it took, if any."""
    try:
        for pattern in (*message.filter.urls, *message.filter.exclude_urls):
            compiled(pattern)
    except TypeError as error:
        return Decision(refusal=error)
    if "other" in message.filter.types:
        return Decision(refusal=TypeError("Invalid type other"))
    if any(hook.id == message.id for hook in state.hooks.get(message.stage, ())):
        return Decision(refusal=ValueError(f"id: there is a hook {message.id!r} already"))
    hook = Hook(message.id, message.stage, message.filter, message.sole)
    return Decision(events=(HookSet(hook),), reply=_sole(state, message.stage) if message.sole else None)


def clear_hook(state: WebRequestState, message: ClearHook, ctx: Context) -> Decision:  # noqa: ARG001
    """FEATURES W1. Fine when it is gone already. The reply is the id of the hook that went, if any."""
    wanted = _sole(state, message.stage) if message.id is None else message.id
    if all(hook.id != wanted for hook in state.hooks.get(message.stage, ())):
        return NOTHING
    return Decision(events=(HookCleared(message.stage, wanted or ""),), reply=wanted)


def recover(state: WebRequestState, message: Recover, ctx: Context) -> Decision:  # noqa: ARG001
    """No listener outlives its process (DESIGN, 5)."""
    return Decision(events=(HooksForgotten(),)) if state.hooks else NOTHING


def _sole(state: WebRequestState, stage: Stage) -> str | None:
    return next((hook.id for hook in state.hooks.get(stage, ()) if hook.sole), None)


def hook_set(state: WebRequestState, event: HookSet) -> WebRequestState:
    hook, there = event.hook, state.hooks.get(event.hook.stage, ())
    hooks = (hook, *(other for other in there if not other.sole)) if hook.sole else (*there, hook)
    return replace(state, hooks={**state.hooks, hook.stage: hooks})


def hook_cleared(state: WebRequestState, event: HookCleared) -> WebRequestState:
    left = tuple(hook for hook in state.hooks.get(event.stage, ()) if hook.id != event.id)
    hooks = {stage: others for stage, others in state.hooks.items() if stage != event.stage}
    return replace(state, hooks={**hooks, event.stage: left} if left else hooks)


def hooks_forgotten(state: WebRequestState, event: HooksForgotten) -> WebRequestState:  # noqa: ARG001
    return replace(state, hooks={})


DECIDE: Final = dict[type[Message], Callable[..., Decision]](
    {
        SetHook: set_hook,
        ClearHook: clear_hook,
        Recover: recover,
    }
)

EVOLVE: Final = dict[type[Event], Callable[..., Any]](
    {
        HookSet: hook_set,
        HookCleared: hook_cleared,
        HooksForgotten: hooks_forgotten,
    }
)

behavior: Final = Behavior(kind="web_request", initial=WebRequestState, decide=DECIDE, evolve=EVOLVE)
