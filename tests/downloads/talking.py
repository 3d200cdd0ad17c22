"""One side of a conversation with a download's actor: say a message, see what it decides."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from partita.actors.downloads.behavior import behavior
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.events.download_origins import DownloadOrigin, EarlierDownload
from partita.events.download_queue import AdmitDownload, QueueDownload
from partita.events.downloads import (
    ChooseTarget,
    DiscardFiles,
    DownloadBroke,
    DownloadHead,
    DownloadHeadFields,
    DownloadOrder,
    DownloadState,
    FetchDownload,
    ReportProgress,
    StartDownload,
)
from partita.events.system import EffectSettled, Tell
from partita.events.types import Effect, Message

NOW_US = 1_000_000
ORDER = DownloadOrder(id="d1", url="http://h/f.bin", directory="/dir", started_us=5)
TAKEN_OVER = DownloadOrder(
    id="d1",
    url="http://h/f.bin",
    directory="/dir",
    save_path="/dir/mine.bin",
    started_us=5,
    origin=DownloadOrigin(
        earlier=EarlierDownload("/dir/mine.bin", ("http://h/", "http://h/f.bin"), 400, 1000, "video/x", '"v1"', "Mon")
    ),
)
HEAD = DownloadHeadFields(
    url_chain=("http://h/f.bin",), status=200, total_bytes=1000, e_tag='"v1"', mime_type="application/octet-stream"
)


@dataclass
class Conversation:
    state: DownloadState = field(default_factory=DownloadState)
    said: int = 0
    admits: bool = True
    """Whether the session has a place for it whenever it wants one."""

    def say(self, message: Message) -> Decision:
        decision = self._say(message)
        if self.admits and any(isinstance(told_, QueueDownload) for told_ in told(decision)):
            then = self._say(AdmitDownload())
            rest = tuple(effect for effect in decision.effects if effect not in queueings(decision))
            return msgspec.structs.replace(
                decision,
                events=(*decision.events, *then.events),
                effects=(*rest, *then.effects),
                answers=(*decision.answers, *then.answers),
            )
        return decision

    def _say(self, message: Message) -> Decision:
        self.said += 1
        ctx = Context(seed=b"s", position=self.said, now_us=NOW_US, actor="download/d1")
        decision = behavior.decide[type(message)](self.state, message, ctx)
        for event in decision.events:
            if not isinstance(event, EffectSettled):
                self.state = behavior.evolve[type(event)](self.state, event)
        return decision

    @property
    def fetch(self) -> str:
        assert self.state.effect_id is not None
        return self.state.effect_id


def queueings(decision: Decision) -> list[Effect]:
    return [
        effect for effect in decision.effects if isinstance(effect, Tell) and isinstance(effect.message, QueueDownload)
    ]


def told(decision: Decision) -> list[Message]:
    return [effect.message for effect in decision.effects if isinstance(effect, Tell)]


def fetch_of(decision: Decision) -> FetchDownload:
    (fetch,) = [effect for effect in decision.effects if isinstance(effect, FetchDownload)]
    return fetch


def effects_of(decision: Decision, kind: type[Effect]) -> list[Effect]:
    return [effect for effect in decision.effects if isinstance(effect, kind)]


def discarded(decision: Decision) -> list[tuple[tuple[str, ...], str]]:
    """The files, and the placeholder, that each deletion is of."""
    return [(effect.files, effect.placeholder) for effect in decision.effects if isinstance(effect, DiscardFiles)]


def asking() -> Conversation:
    talk = Conversation()
    talk.say(StartDownload(ORDER))
    return talk


def deciding() -> Conversation:
    talk = asking()
    talk.say(DownloadHead(talk.fetch, HEAD))
    return talk


def receiving(received: int = 0) -> Conversation:
    talk = deciding()
    talk.say(ChooseTarget(talk.fetch, "/dir/f.bin", "/dir/f.bin.part", claimed=True))
    if received:
        talk.say(ReportProgress(talk.fetch, received))
    return talk


def interrupted(received: int = 400) -> Conversation:
    talk = receiving(received)
    talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", received))
    return talk
