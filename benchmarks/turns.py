"""Durable tell and ask, a whole turn each: mailbox, decide, evolve, encode, group commit, fsync, reply."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack

from benchmarks.measuring import TIMES, Bench, Row, compared, interleaved, median, p50s_us, rate, ratios
from benchmarks.raw_lmdb import BATCH, RawLog
from benchmarks.threading_actor import threading_peer
from benchmarks.workload import MESSAGE, dispatcher, opened, partition
from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import Partition

IN_FLIGHT = 1_000


def tell(running: Partition, count: int) -> None:
    """All of them are durable when this comes back."""
    send = running.tell
    for _ in range(count):
        send(MESSAGE)
    running.flush().get()


def ask(running: Partition, count: int) -> None:
    """A window of 1,000."""
    send = running.ask
    waiting: deque[Future[object]] = deque()
    for _ in range(count):
        if len(waiting) >= IN_FLIGHT:
            waiting.popleft().get()
        waiting.append(send(MESSAGE))
    while waiting:
        waiting.popleft().get()


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    turns, alone = bench.sizes.turns, bench.sizes.lone_asks
    with ExitStack() as stack:
        raw = stack.enter_context(RawLog(bench.folder("raw")))
        threading = stack.enter_context(threading_peer(bench.scratch / "threading"))
        kernel = stack.enter_context(dispatcher())
        running = stack.enter_context(partition(kernel, opened(bench.scratch / "partition")))

        def raw_rate() -> float:
            made = [raw.records(BATCH) for _ in range(turns // BATCH)]

            def work() -> None:
                for batch in made:
                    raw.commit(batch)

            return rate(turns // BATCH * BATCH, work)

        figures = interleaved(
            bench.sizes.rounds,
            {
                "raw": raw_rate,
                "tell": lambda: rate(turns, lambda: tell(running, turns)),
                "ask": lambda: rate(turns, lambda: ask(running, turns)),
                "threading tell": lambda: rate(turns // 2, lambda: threading.tell(turns // 2)),
                "threading ask": lambda: rate(turns // 2, lambda: threading.ask(turns // 2, IN_FLIGHT)),
            },
        )
        # a disk has slow moments that are shorter than a round of these: here they take turns one by one
        figures |= p50s_us(
            bench.sizes.rounds,
            alone,
            {
                "raw alone": lambda: raw.commit(raw.records(1)),
                "ask alone": lambda: running.ask(MESSAGE).get(),
                "threading alone": threading.ask_alone,
            },
        )
    return _rows(figures)


def _rows(figures: dict[str, list[float]]) -> list[Row]:
    def latency(name: str, what: str, peer: str, goal: float | None = None) -> Row:
        scores = ratios(figures["ask alone"], figures[peer])
        return Row(
            name=name,
            what=what,
            ours=f"{median(figures['ask alone']):.0f} µs",
            peer=f"{median(figures[peer]):.0f} µs",
            score=median(scores),
            unit=TIMES,
            better="lower",
            goal=goal,
            rounds=scores,
        )

    return [
        compared(
            "tell",
            "durable tell, thousands in flight / raw LMDB",
            figures,
            ours="tell",
            peer="raw",
            floor=0.2,
            goal=0.25,
        ),
        compared(
            "ask", "durable ask, 1,000 in flight / raw LMDB", figures, ours="ask", peer="raw", floor=0.1, goal=0.15
        ),
        compared("tell-pykka", "durable tell / ThreadingActor", figures, ours="tell", peer="threading tell"),
        compared(
            "ask-pykka",
            "durable ask, 1,000 in flight / ThreadingActor",
            figures,
            ours="ask",
            peer="threading ask",
            floor=4,
            goal=4,
        ),
        latency("ask-alone", "one durable ask alone, p50 / one raw fsynced commit", "raw alone", 1.5),
        latency("ask-alone-pykka", "one durable ask alone, p50 / ThreadingActor", "threading alone"),
    ]
