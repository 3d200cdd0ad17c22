"""Safeguards of permissions."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

DECIDE: Final = "actors.permissions.behavior"

PERMISSIONS: Final = (
    Mutation(
        name="permissions.cleared_stays_pending",
        gone="what a handler was asked waits on when the handler is cleared",
        edits=(Edit(f"{DECIDE}:clear_handler", "kind_of(pending.question) == message.kind", "False"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.cleared_is_granted",
        gone="what a handler was asked is granted when the handler is cleared",
        edits=(Edit(f"{DECIDE}:_settlement", "granted=False", 'granted=reason == "cleared"'),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.failed_is_granted",
        gone="a handler that raises, or is late, has granted what it was asked",
        edits=(
            Edit(
                f"{DECIDE}:handler_answered",
                "granted=message.granted and not failed",
                "granted=message.granted or failed",
            ),
        ),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.closed_page_still_asks",
        gone="what a page has asked waits on when the page is closed",
        edits=(Edit("actors.pages.behavior:close", "tuple(state.frames)", "()"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.withdrawn_stays_pending",
        gone="a handler is asked on for a page that is gone",
        edits=(Edit(f"{DECIDE}:withdraw", "if gone else NOTHING", "if False else NOTHING"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.grants_cross_origins",
        gone="what one origin was granted, every origin has",
        edits=(
            Edit(
                "actors.permissions.grants:is_granted",
                "return bool(state.grants) and grant_of(asker, permission, details) in state.grants",
                "return any(grant.permission == permission for grant in state.grants)",
            ),
        ),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.grants_cross_embedders",
        gone="what an origin was granted within one page, it has within every page",
        edits=(
            Edit(
                "actors.permissions.grants:is_granted",
                "return bool(state.grants) and grant_of(asker, permission, details) in state.grants",
                "return any((grant.permission, grant.origin, grant.details)\n"
                "        == (permission, asker.requesting_origin.rstrip('/'), details) for grant in state.grants)",
            ),
        ),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.revoked_stays",
        gone="a grant that was taken back is still there",
        edits=(Edit(f"{DECIDE}:grants_revoked", "if grant not in event.grants", "if True"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.handlers_stay",
        gone="handlers outlive the process that they were in",
        edits=(Edit(f"{DECIDE}:recover", "if state.handlers else events", "if False else events"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.prompts_stay",
        gone="what was asked outlives the process that asked",
        edits=(Edit(f"{DECIDE}:recover", "for pending in state.pending", "for pending in ()"),),
        scenarios=("permissions",),
    ),
    Mutation(
        name="permissions.undone_page_speaks",
        gone="a page whose opening was undone speaks for the page that has its id now",
        edits=(
            Edit(
                "frame:FrameTree.state", "if state.opener == self.opener else PageState()", "if True else PageState()"
            ),
            Edit("frame:FrameTree.is_anothers", "state.opener != self.opener", "False"),
            Edit("actors.pages.asking:ask", 'not message.ticket.startswith(f"{state.opener}/")', "False"),
        ),
        scenarios=("permissions",),
    ),
)
