"""What a webRequest listener is shown of an exchange at each stage (FEATURES W5 to W19). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.actors.network import fields
from partita.actors.network.exchange.requests import page_fields
from partita.actors.network.fields import Fields
from partita.actors.web_request.details import Details, Stage, UploadData
from partita.actors.web_request.filters import hooks_for

if TYPE_CHECKING:
    from partita.actors.network.exchange.state import ExchangeState

__all__ = ["details", "hooks_for"]

_WITH_REQUEST_HEADERS: Final = frozenset({"before_send_headers", "send_headers"})
_WITH_RESPONSE: Final = frozenset(
    {"headers_received", "response_started", "before_redirect", "completed", "error_occurred", "response_body"}
)


def details(
    exchange: ExchangeState, stage: Stage, *, redirect_url: str | None = None, error: str | None = None
) -> Details:
    """The details of a stage. What has no meaning there is None."""
    asked, head = exchange.asked, exchange.head
    responds = stage in _WITH_RESPONSE and exchange.has_response
    return Details(
        id=exchange.number,
        url=asked.url,
        method=asked.method,
        resource_type=asked.resource_type,
        referrer=_referrer(exchange, stage),
        timestamp=exchange.sight.now_us / 1000,
        web_contents_id=None if asked.initiator is None else asked.initiator.page,
        frame_url=None if asked.initiator is None else asked.initiator.url,
        top_frame_url=None if asked.initiator is None else asked.initiator.top_level_url,
        upload_data=_upload(asked.body) if stage == "before_request" else None,
        request_headers=_as_mapping(exchange.request.headers) if stage in _WITH_REQUEST_HEADERS else None,
        response_headers=_as_lists(head.headers) if responds else None,
        status_line=f"{head.http_version} {head.status} {head.reason}".rstrip() if responds else None,
        status_code=head.status if responds else None,
        from_cache=exchange.from_cache if responds else None,
        redirect_url=redirect_url,
        ip=head.remote_address if responds else None,
        error=error,
        body=exchange.body if stage == "response_body" else None,
    )


def _referrer(exchange: ExchangeState, stage: Stage) -> str:
    """Of the request as it stands: before its header fields are put together, what will be in them."""
    headers = page_fields(exchange) if stage == "before_request" else exchange.request.headers
    return fields.first(headers, "referer") or fields.first(exchange.asked.headers, "referer") or ""


def _upload(body: object) -> tuple[UploadData, ...] | None:
    if isinstance(body, bytes):
        return (UploadData(type="rawData", bytes=body),) if body else None
    return (UploadData(type="stream"),)


def _as_mapping(headers: Fields) -> dict[str, str]:
    """Names as they were first written; several of one name are joined (FEATURES W8)."""
    names: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, value in headers:
        known = names.setdefault(name.lower(), name)
        found[known] = f"{found[known]}, {value}" if known in found else value
    return found


def _as_lists(headers: Fields) -> dict[str, tuple[str, ...]]:
    names: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        known = names.setdefault(name.lower(), name)
        found[known] = (*found.get(known, ()), value)
    return found
