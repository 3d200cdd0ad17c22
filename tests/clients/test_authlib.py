"""``authlib``'s OAuth 2 client, unchanged: authorization code with PKCE, a login over redirects, token refresh."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from clients.seeing import JSON, Witness
from servers.streams import StreamServer, Talk

import partita

VERIFIER = "v" * 48


class Provider:
    """An OAuth 2 server with a login page: who is logged in (a cookie) is sent back with a code."""

    def __init__(self, server: StreamServer) -> None:
        self.challenges: dict[str, str] = {}
        self.tokens = 0
        self.base = f"http://127.0.0.1:{server.port}"
        for path, script in (
            ("/authorize", self.authorize),
            ("/login", self.login),
            ("/callback", lambda talk: talk.send(b"you may close this window")),
            ("/token", self.token),
            ("/me", self.me),
        ):
            server.on(path, script)

    def authorize(self, talk: Talk) -> None:
        query = dict(parse_qsl(talk.path.partition("?")[2]))
        if "user=ann" not in talk.headers.get("cookie", ""):
            back = urlencode({"next": talk.path})
            self._lead(talk, f"/login?{back}", ("Set-Cookie", "seen=1; Path=/"))
            return
        assert query["code_challenge_method"] == "S256"
        self.challenges["code-1"] = query["code_challenge"]
        self._lead(talk, f"{query['redirect_uri']}?{urlencode({'code': 'code-1', 'state': query['state']})}")

    def login(self, talk: Talk) -> None:
        assert "seen=1" in talk.headers["cookie"]
        (back,) = parse_qs(talk.path.partition("?")[2])["next"]
        self._lead(talk, back, ("Set-Cookie", "user=ann; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"))

    def token(self, talk: Talk) -> None:
        asked = dict(parse_qsl(b"".join(talk.body()).decode()))
        if asked["grant_type"] == "authorization_code":
            digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            assert self.challenges.pop(asked["code"]) == challenge
        else:
            assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", "again")
        self.tokens += 1
        token = {"access_token": f"T{self.tokens}", "token_type": "Bearer", "refresh_token": "again", "expires_in": 600}
        talk.send(json.dumps(token).encode(), JSON)

    def me(self, talk: Talk) -> None:
        talk.head(200, ("Content-Type", "text/plain"))
        for part in (talk.headers["authorization"], " ", talk.headers["cookie"]):
            talk.chunk(part.encode())
        talk.end()

    def _lead(self, talk: Talk, where: str, *headers: tuple[str, str]) -> None:
        talk.send(b"", ("Location", where), *headers, status=302)


@pytest.fixture
def provider(server: StreamServer) -> Provider:
    return Provider(server)


def options_of(provider: Provider) -> dict[str, Any]:
    return {
        "client_id": "id",
        "client_secret": "secret",
        "scope": "profile",
        "redirect_uri": f"{provider.base}/callback",
        "code_challenge_method": "S256",
        "token_endpoint": f"{provider.base}/token",
        "follow_redirects": True,
    }


def check(witness: Witness) -> None:
    witness.saw(
        ("GET", "/authorize", 302), ("GET", "/login", 302), ("GET", "/authorize", 302), ("GET", "/callback", 200)
    )
    witness.saw(("POST", "/token", 200), ("GET", "/me", 200))
    assert witness.jar() == {"seen": "1", "user": "ann"}
    assert witness.cookies_in_log() == ["seen", "user"]


def test_a_login_a_token_and_its_refresh(provider: Provider, session: partita.Session, witness: Witness) -> None:
    refreshed: list[str] = []
    with OAuth2Client(
        transport=session.sync_transport(),
        update_token=lambda token, **_: refreshed.append(token["access_token"]),
        **options_of(provider),
    ) as client:
        url, state = client.create_authorization_url(f"{provider.base}/authorize", code_verifier=VERIFIER)
        landed = client.request("GET", url, withhold_token=True)
        assert [hop.status_code for hop in landed.history] == [302, 302, 302]
        assert parse_qs(urlsplit(str(landed.url)).query) == {"code": ["code-1"], "state": [state]}
        token = client.fetch_token(authorization_response=str(landed.url), code_verifier=VERIFIER)
        assert token["access_token"] == "T1"
        assert client.get(f"{provider.base}/me").text == "Bearer T1 seen=1; user=ann"
        client.token["expires_at"] = int(time.time()) - 10
        with client.stream("GET", f"{provider.base}/me") as streamed:
            assert b"".join(streamed.iter_bytes()) == b"Bearer T2 seen=1; user=ann"
        assert refreshed == ["T2"]
    check(witness)


def test_the_same_under_asyncio(provider: Provider, session: partita.Session, witness: Witness) -> None:
    refreshed: list[str] = []

    async def update(token: dict[str, Any], **_: Any) -> None:
        refreshed.append(token["access_token"])

    async def main() -> None:
        async with AsyncOAuth2Client(
            transport=session.transport(), update_token=update, **options_of(provider)
        ) as client:
            url, _ = client.create_authorization_url(f"{provider.base}/authorize", code_verifier=VERIFIER)
            landed = await client.request("GET", url, withhold_token=True)
            await client.fetch_token(authorization_response=str(landed.url), code_verifier=VERIFIER)
            assert (await client.get(f"{provider.base}/me")).text == "Bearer T1 seen=1; user=ann"
            client.token["expires_at"] = int(time.time()) - 10
            assert (await client.get(f"{provider.base}/me")).text == "Bearer T2 seen=1; user=ann"
            assert refreshed == ["T2"]

    asyncio.run(main())
    check(witness)


def test_who_is_logged_in_by_one_client_is_so_for_the_session(provider: Provider, session: partita.Session) -> None:
    """The cookie of the login is the session's: another client, and a fetch, go straight to the code."""
    options = {"transport": session.sync_transport(), **options_of(provider)}
    with OAuth2Client(**options) as client:
        url, _ = client.create_authorization_url(f"{provider.base}/authorize", code_verifier=VERIFIER)
        client.request("GET", url, withhold_token=True)
    with OAuth2Client(**options) as another:
        assert len(another.request("GET", url, withhold_token=True).history) == 1
    assert len(session.fetch(url).get(10).history) == 1
