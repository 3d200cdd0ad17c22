"""No device does anything for a page that was not granted it; nothing is lost, told twice, or left (FEATURES E12 to E23, F18).

``memory["said"]``: by the number of a request (:func:`number_of`), what its chooser was told first; ``memory["verdicts"]``: what
device permission handlers have granted; ``memory["hearings"]``: what pages were told of devices that come and go;
``memory["devices"]``: the simulated ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from partita.events.device_facts import DeviceKind
from partita.events.device_filters import BluetoothRequest
from partita.events.devices import BrokerAnswered, BrokerAsked, BrokerState, ChooserOpened
from partita.events.pages import Navigated, PageClosed, PageOpened, PageState
from partita.simulations.checker import Broken, Checker
from partita.simulations.checkers.device_book import DeviceBook
from partita.simulations.checkers.device_grants import Held, held_of

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.store.codec import RecordedTurn

KINDS: Final[tuple[DeviceKind, ...]] = get_args(DeviceKind)
MARK: Final = 0x4000
"""Vendor number of the filter that has the number of a request."""

TOLD: Final = {"DeviceAttached": "connect", "DeviceDetached": "disconnect"}


class DevicesAreGranted(Checker):
    """Reads the log at the end, with a book for each broker, and compares it with what the devices saw."""

    name = "devices"

    def opened(self, partition: Partition) -> None:
        """What the process before had is not this one's; of grants, those are left that are to be kept."""
        if self.world.bus.watched:  # it is not the process that begins: a user had it closed, and opened again
            return
        for kind in KINDS:
            state = partition.actor(f"broker/{kind}").state
            assert isinstance(state, BrokerState)
            if state.watch or state.devices or state.choosers or state.connections or state.pairings:
                raise Broken(f"broker/{kind} begins with what the last process had: {state}")
            if any(held.attachment for held in _held(state)) or (state.grants and not self.world.memory["keeps"]):
                raise Broken(f"broker/{kind} begins with grants of the last process: {state.grants}")

    def ended(self, partition: Partition) -> None:
        memory = self.world.memory
        for what in memory["wrong"]:
            raise Broken(what)
        for device in memory["devices"]:
            if device.protected:
                raise Broken(f"{device.key} was sent reports that no page may send: {device.protected}")
        if partition.store.first_position > 1:
            return
        books = {f"broker/{kind}": DeviceBook(kind, memory["verdicts"]) for kind in KINDS}
        pages = _Pages(books)
        for turn in partition.store.turns(1):
            if turn.actor in books:
                books[turn.actor].read(turn.position, turn.message, turn.events)
            pages.read(turn)
        if not self.world.disk.lied:  # else the log may have lost what the devices saw
            self._reached_by_their_connections(books)
            self._chosen_as_answered(books)
            self._told(books["broker/hid"], pages)
        for name, book in books.items():
            state = partition.actor(name).state
            assert isinstance(state, BrokerState)
            _compare(name, state, book)
        if not self._has_defects:
            self._nothing_waits(partition)

    @property
    def _has_defects(self) -> bool:
        return any(fault.name.startswith("defect.") for fault in self.world.faults.struck)

    def _reached_by_their_connections(self, books: Mapping[str, DeviceBook]) -> None:
        begun = {name: known for book in books.values() for name, (_, known) in book.begun.items()}
        for carried in self.world.bus.carried:
            known = begun.get(carried.connection)
            if known is None or known.device.key != carried.key:
                raise Broken(f"{carried.key} was reached by a connection that nobody was granted: {carried}")

    def _chosen_as_answered(self, books: Mapping[str, DeviceBook]) -> None:
        said: dict[int, str] = self.world.memory["said"]
        for book in books.values():
            for chooser, closed in book.closed.values():
                number = None if isinstance(chooser.request, BluetoothRequest) else number_of(chooser.request.filters)
                if number is None or closed.answer.reason not in ("ok", "cancelled", "unknown_device"):
                    continue
                named = closed.answer.ids[0] if closed.answer.ids else closed.answer.failure
                if said.get(number, "") != named:  # nobody is asked as a session is closed, and that is no choice
                    raise Broken(f"request {number} was answered {said.get(number)!r} first, and got {named!r}")

    def _told(self, book: DeviceBook, pages: _Pages) -> None:
        for hearing in self.world.memory["hearings"]:
            heard = Counter(hearing["heard"])
            page = f"page/{hearing['page'].id}"
            if twice := [what for what, count in heard.items() if count > 1]:
                raise Broken(f"{page} was told twice of {twice}")
            origins = pages.origins.get(page, set()) | {hearing["origin"]}
            due = set()
            for position, event in book.changes:
                what = TOLD[type(event).__name__], event.known.id
                if hearing["origin"] in event.origins and position > hearing["since"]:
                    due.add(what)
                if what in heard and not self._may_hear(origins, event.origins, event.known.device_id):
                    raise Broken(f"{page} of {origins} was told of {what}, which {event.origins} may have")
            opened = page, hearing["page"]._tree.opener  # noqa: SLF001  # its opening may have been undone
            is_of_the_last = (
                hearing["life"] == self.world.life_number and opened in pages.opened and page not in pages.changed
            )
            if is_of_the_last and not self._has_defects and (missed := due - heard.keys()):
                raise Broken(f"{page} of {hearing['origin']} was not told of {sorted(missed)}")

    def _may_hear(self, origins: set[str], granted: tuple[str, ...], device_id: str) -> bool:
        verdicts: set[tuple[str, str]] = self.world.memory["verdicts"]
        return any(origin in granted or (origin, device_id) in verdicts for origin in origins)

    def _nothing_waits(self, partition: Partition) -> None:
        for name, actor in partition.actors.items():
            state = actor.state
            if isinstance(state, BrokerState) and (state.choosers or state.connections or state.pairings):
                raise Broken(
                    f"{name} has what nobody has any more: {state.choosers or state.connections or state.pairings}"
                )
            if isinstance(state, PageState) and state.at_brokers and name in self._open(partition):
                raise Broken(f"{name} waits for answers that do not come: {state.at_brokers}")
        if self.world.bus.connections:
            raise Broken(f"devices are open: {[connection.device.key for connection in self.world.bus.connections]}")
        watched = Counter(self.world.bus.watched)
        for kind in KINDS:
            state = partition.actor(f"broker/{kind}").state
            assert isinstance(state, BrokerState)
            if watched[kind] != bool(state.watch):
                raise Broken(f"broker/{kind} watches {state.watch!r}, and the bus is watched {watched[kind]} times")

    def _open(self, partition: Partition) -> set[str]:
        state: Any = partition.actor("session").state
        return {f"page/{page}" for page in state.pages.open}


def number_of(filters: Any) -> int | None:
    """The number of the request with these filters."""
    for each in filters or ():
        vendor_id = getattr(each, "vendor_id", None) or getattr(each, "usb_vendor_id", None)
        product_id = getattr(each, "product_id", None) or getattr(each, "usb_product_id", None)
        if vendor_id == MARK and product_id is not None:
            return int(product_id)
    return None


def _held(state: BrokerState) -> list[Held]:
    return [held_of(grant) for grants in state.grants.values() for grant in grants]


def _compare(name: str, state: BrokerState, book: DeviceBook) -> None:
    granted = {origin: {held_of(grant) for grant in grants} for origin, grants in state.grants.items()}
    if granted != book.grants.all():
        raise Broken(f"{name} has the grants {granted}, and by its log they are {book.grants.all()}")
    if state.devices != book.devices:
        raise Broken(f"{name} knows {sorted(state.devices)}, and by its log {sorted(book.devices)} are attached")


class _Pages:
    """What pages were answered. ``origins``: those of each page's main frame; ``changed``: those that did not stay.

    ``opened``: those that are there, each with the number of who opened it.
    """

    def __init__(self, books: Mapping[str, DeviceBook]) -> None:
        self.origins: dict[str, set[str]] = {}
        self.changed: set[str] = set()
        self.opened: set[tuple[str, int]] = set()
        self._books = books
        self._asked: dict[tuple[str, str], str] = {}
        self._ever: set[tuple[str, str]] = set()

    def read(self, turn: RecordedTurn) -> None:
        for event in turn.events:
            match event:
                case Navigated(_, url):
                    self.changed.add(turn.actor)
                    self.origins.setdefault(turn.actor, set()).add("/".join(url.split("/")[:3]))
                case PageOpened():
                    self.opened.add((turn.actor, event.opener))
                case PageClosed():
                    self.changed.add(turn.actor)
                case BrokerAsked(ticket, _, kind):
                    if (turn.actor, ticket) in self._ever:
                        raise Broken(f"{turn.actor} asks twice under {ticket}", turn.position)
                    self._ever.add((turn.actor, ticket))
                    self._asked[turn.actor, ticket] = kind
                case BrokerAnswered():
                    self._answered(turn, event)
                case ChooserOpened():
                    asker = event.opened.asker
                    if (f"page/{asker.page}", event.opened.ticket) not in self._ever:
                        raise Broken(
                            f"a chooser opens that no page has asked for: {event.opened.ticket}", turn.position
                        )
                case _:
                    pass

    def _answered(self, turn: RecordedTurn, event: BrokerAnswered) -> None:
        kind = self._asked.pop((turn.actor, event.ticket), None)
        if kind is None:
            raise Broken(f"{turn.actor} is answered twice under {event.ticket}, or has not asked", turn.position)
        if event.answer.reason != "ok" or not event.answer.ids:
            return
        book, page = self._books[f"broker/{kind}"], turn.actor.removeprefix("page/")
        begun = book.begun.get(event.answer.ids[0])
        closed = book.closed.get((page, event.ticket))
        is_chosen = closed is not None and closed[1].answer == event.answer
        if not is_chosen and (begun is None or (begun[0].asker.page, begun[0].ticket) != (page, event.ticket)):
            raise Broken(f"{turn.actor} is given {event.answer}, and broker/{kind} did not say so", turn.position)
