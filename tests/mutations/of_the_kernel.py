"""Safeguards of turns: nothing is seen before it is durable, what is not durable is undone, what is in flight is settled."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

TURN: Final = "actors.kernel.partition:Partition.take_turn"
UNRECORDED: Final = "actors.kernel.partition:Partition._answer_unrecorded"
FAILED_TURN: Final = "actors.kernel.supervision:turn_failed"
ROLLBACK: Final = "actors.kernel.rollback:Rollback"
SUBMIT: Final = "    self._submit((turn, reply, decision.reply, effects), message.lazy)\n"

KERNEL: Final = (
    # -- output commit ----------------------------------------------------------------------------------------------------
    Mutation(
        name="reply.before_commit",
        gone="a caller is answered when the turn is taken, not when it is durable",
        edits=(
            Edit(
                TURN,
                SUBMIT,
                "    if reply is not None:\n"
                "        reply.set(decision.reply)\n"
                "    self._submit((turn, None, decision.reply, effects), message.lazy)\n",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="reply.before_what_it_saw_is_durable",
        gone="an answer that changes nothing does not wait for the commit of what it saw",
        edits=(Edit(UNRECORDED, "elif durable and self.committer.backlog:", "elif False:"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="reply.held_one_before_commit",
        gone="a caller that was held back is answered before the turn that has the answer is durable",
        edits=(
            Edit(
                "actors.kernel.replies:Replies.answer",
                "if durable and waits_for_disk:",
                "if False:",
            ),
        ),
        scenarios=("downloads", "prompts"),
    ),
    Mutation(
        name="effect.before_commit",
        gone="an effect is carried out when its turn is taken, not when it is durable",
        edits=(
            Edit(
                "actors.kernel.partition:Partition._deliver",
                "rest.append(effect)",
                "self.carrying.begin(self._context.actor, effect, cause)",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="subscribers.before_commit",
        gone="those who follow the log are told of turns that are not durable yet",
        edits=(
            Edit(
                TURN,
                SUBMIT,
                SUBMIT + "    for listener in self.subscribers:\n        listener(position)\n",
            ),
        ),
        scenarios=("following",),
    ),
    Mutation(
        name="flush.no_barrier",
        gone="flush comes back before what was said before it is durable",
        edits=(Edit(UNRECORDED, "self.submit((None, barrier, None, ()))", "barrier.set(None)"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="close.loses_the_last_turns",
        gone="a partition is closed before the turns that were taken are durable",
        edits=(
            Edit(
                "actors.kernel.simulated_dispatcher:SimulatedDispatcher.undrive",
                "while committer.commit_once():",
                "while False:",
            ),
            Edit("actors.kernel.lifetime:Lifetime._wait_until_durable", "durable=True", "durable=False"),
        ),
        scenarios=("cookies",),
    ),
    # -- rollback ---------------------------------------------------------------------------------------------------------
    Mutation(
        name="rollback.keeps_the_states",
        gone="after a failed commit positions go back, and states do not",
        edits=(
            Edit(
                f"{ROLLBACK}._rewind",
                "partition.restore()",
                "kept = {actor: (actor.state, actor.pending) for actor in partition.actors.values()}\n"
                "        partition.restore()\n"
                "        for actor, (actor.state, actor.pending) in kept.items():\n"
                "            pass",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="rollback.keeps_new_actors",
        gone="an actor that only undone turns knew keeps its state",
        edits=(
            Edit(
                "actors.kernel.partition:Partition.restore",
                "actor.state, actor.pending = actor.rules.initial(), NO_EFFECTS",
                "pass",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="rollback.keeps_messages_of_undone_turns",
        gone="a message that an undone turn has sent is taken all the same",
        edits=(
            Edit(
                f"{ROLLBACK}._take_back",
                "lost += [envelope[2] for envelope in actor.actor_inbox.drop_caused_after(durable)]",
                "pass",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="rollback.asks_before_the_beginning",
        gone="a question that waits is asked again before the turn that it was asked behind",
        edits=(Edit(f"{ROLLBACK}._set_aside", "key=lambda one: one[0]", "key=lambda one: one in aside"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="rollback.callers_not_told",
        gone="who waits for a turn that was undone is never told",
        edits=(
            Edit(
                f"{ROLLBACK}.undo",
                "if reply is not None:\n            reply.set_exception",
                "if False:\n            reply.set_exception",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="rollback.flush_not_told",
        gone="a flush says that all is well when what nobody waited for has been undone",
        edits=(Edit(f"{ROLLBACK}.undo", "self._undone = error", "pass"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="rollback.forgets_the_words_of_the_world",
        gone="an outcome whose turn was undone is not taken again",
        edits=(
            Edit(
                f"{ROLLBACK}._set_aside",
                "(cause <= durable) if isinstance(cause, int) else",
                "not isinstance(cause, int) and",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="rollback.forgets_the_opening",
        gone="an opening whose first turn was undone settles nothing",
        edits=(Edit(f"{ROLLBACK}._set_aside", 'cause.kind == "system"', "False"),),
        scenarios=("downloads",),
    ),
    # -- defects ----------------------------------------------------------------------------------------------------------
    Mutation(
        name="failed_turn.half_kept",
        gone="a turn that fails half-way leaves the state half evolved",
        edits=(
            Edit(
                TURN,
                "state = evolve[type(event)](state, event)",
                "actor.state = state = evolve[type(event)](state, event)",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="failed_turn.outcome_never_settled",
        gone="an effect whose outcome could not be decided on is waited for ever after",
        edits=(
            Edit(
                FAILED_TURN,
                "if awaited:  # it came",
                "if False:  # it came",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="effect.lost_one_not_told",
        gone="an effect whose carrier raised is waited for ever after",
        edits=(
            Edit(
                "actors.kernel.carrying:Carrying._carry_out",
                'door.tell(EffectLost(effect.id, f"{type(error).__name__}: {error}"))',
                "pass",
            ),
        ),
        scenarios=("downloads",),
    ),
    # -- effects in flight ------------------------------------------------------------------------------------------------
    Mutation(
        name="outcome.taken_twice",
        gone="an outcome is taken again when it comes a second time (no matching by effect id)",
        edits=(Edit("actors.kernel.turning:decide_turn", "if message.effect_id not in pending:", "if False:"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="outcome.not_settled",
        gone="an outcome does not settle its effect",
        edits=(
            Edit(
                "actors.kernel.turning:decide_turn",
                "(*decision.events, EffectSettled(message.effect_id))",
                "decision.events",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="recovered.settles_nothing",
        gone="an opening leaves in flight what ended with the last process (system.recovered)",
        edits=(
            Edit(
                "actors.kernel.turning:decide_turn",
                "(Recovered(message.epoch), *decision.events, *_failed(pending))",
                "(Recovered(message.epoch), *decision.events)",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="recovered.not_told_to_all",
        gone="an opening tells the session of itself, and not the actors that had effects in flight",
        edits=(
            Edit(
                "actors.kernel.lifetime:Lifetime.begin",
                'if (actor.pending or actor.rules.recovers(actor.state)) and name != "session"',
                "if False",
            ),
        ),
        scenarios=("downloads",),
    ),
    # -- order ------------------------------------------------------------------------------------------------------------
    Mutation(
        name="time.goes_back",
        gone="a turn has the time of a clock that was set back",
        edits=(Edit(TURN, "if now < self.time_us:", "if False:"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="time.goes_back_at_opening",
        gone="an opening does not know the time of the last turn",
        edits=(Edit("actors.kernel.partition:Partition.restore", "self.time_us = folded.time_us", "self.time_us = 0"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="context.drawn_not_derived",
        gone="ids depend on how many the process has drawn before, and not on the turn alone",
        edits=(Edit("actors.kernel.context:Context.id", "self._drawn += 1", "self._drawn += 1; self._seed += b'.'"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="snapshot.of_a_later_state",
        gone="a snapshot holds the states as they are when it is written, not when it was taken",
        edits=(
            Edit(
                "actors.kernel.snapshotting:Snapshotting.take",
                "images: list[ActorImage[State, Effect]] = [",
                "position = partition.position\n    images = lambda: [",
            ),
            Edit(
                "actors.kernel.snapshotting:Snapshotting.take",
                "Snapshot(partition.position, self._fingerprint, images)",
                "lambda: Snapshot(position, self._fingerprint, images())",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="snapshot.without_effects_in_flight",
        gone="a snapshot does not hold what is in flight",
        edits=(Edit("actors.kernel.snapshotting:Snapshotting.take", "tuple(actor.pending.values())", "()"),),
        scenarios=("downloads",),
    ),
)
