"""Safeguards of the log: what is acknowledged is there, what is there is what was written, nothing is sealed twice alike."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

STORE: Final = (
    # -- commits ------------------------------------------------------------------------------------------------------
    Mutation(
        name="commit.not_synced",
        gone="a commit comes back before it is on the disk (no fsync)",
        edits=(
            Edit(
                "simulations.disk.environment:SimulatedTransaction._settle",
                "if medium.lying:",
                "if medium is not None:",
            ),
        ),
        scenarios=("cookies",),
        on_the_disk=True,
    ),
    Mutation(
        name="commit.snapshot_apart",
        gone="a snapshot is stored in a transaction of its own, before its batch",
        edits=(
            Edit(
                "store.log:Log._append",
                "        if image is not None:\n            _put_snapshot(transaction, *image)\n",
                "",
            ),
            Edit(
                "store.log:Log._append",
                "    written(self.environment, body)",
                "    if image is not None:\n"
                "        written(self.environment, lambda transaction: _put_snapshot(transaction, *image))\n"
                "    written(self.environment, body)",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="commit.failed_one_not_recovered",
        gone="after a failed batch the next is written without the environment opened again and the epoch raised",
        edits=(Edit("store.log:Log.append", "self.healthy = False", "pass"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="commit.not_reopened",
        gone="after a failed sync the same handle is written to again",
        edits=(
            Edit("store.log:Log.recover", "self.environment.reopen()", "pass"),
            Edit("store.log:Log.reopen_quietly", "self.environment.reopen()", "pass"),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="commit.ambiguous_one_not_taken_back",
        gone="a commit that failed and came through all the same stays in the log",
        edits=(Edit("store.log:Log.recover", "self._take_back(transaction)", "pass"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="commit.ambiguous_snapshot_not_taken_back",
        gone="the snapshot of a commit that failed and came through all the same stays in the log",
        edits=(
            Edit(
                "store.log:Log._take_back",
                'for key in list(transaction.keys("snapshots", beyond)):',
                "for key in ():",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="commit.index_not_taken_back",
        gone="what was taken back of the log stays in its index",
        edits=(Edit("store.log:Log._take_back", 'transaction.delete("actors", entry)', "pass"),),
        scenarios=("downloads", "cookies"),
    ),
    # -- what is read ---------------------------------------------------------------------------------------------------
    Mutation(
        name="checksum.not_read",
        gone="no checksum is compared, neither at an opening nor by verify",
        edits=(Edit("store.codec:unwrapped", "if check and", "if False and"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="chain.not_read_at_opening",
        gone="an opening compares checksums, and not the link of each batch to the one before",
        edits=(Edit("store.reader:Reader.batches", "if previous and", "if False and"),),
        scenarios=("browsing", "downloads", "cookies"),
    ),
    Mutation(
        name="chain.not_verified",
        gone="verify compares checksums, and not the link of each batch to the one before",
        edits=(Edit("store.verify:_verify_turns", "if previous and", "if False and"),),
        scenarios=("cookies", "following"),
    ),
    # -- snapshots ------------------------------------------------------------------------------------------------------
    Mutation(
        name="snapshot.of_any_version",
        gone="a snapshot is used whatever rules made it (no fingerprint)",
        edits=(Edit("store.snapshots:newest", "fingerprint is not None and", "False and"),),
        scenarios=("cookies",),
    ),
    # -- keys and nonces --------------------------------------------------------------------------------------------------
    Mutation(
        name="nonce.epoch_not_raised_at_opening",
        gone="an opening seals under the epoch of the one before",
        edits=(Edit("store.opening:begin_epoch", "epoch=identity.epoch + 1", "epoch=max(1, identity.epoch)"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="nonce.epoch_not_raised_after_failure",
        gone="after a failed commit positions are used again under the same epoch, and fields are counted anew",
        edits=(
            Edit("store.log:Log.recover", "self.keyring.epoch = identity.epoch", "pass"),
            Edit("store.keys:Keyring.at", "if prefix != self._prefix:", "if True:"),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="nonce.epoch_not_written",
        gone="the epoch is raised, and that is not on the disk before something is sealed",
        edits=(
            Edit(
                "store.opening:begin_epoch",
                "written(environment, lambda transaction: write_identity(transaction, identity))",
                "is_new and written(environment, lambda transaction: write_identity(transaction, identity))",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="nonce.fork_writes_under_its_parents_key",
        gone="a fork has no key of its own",
        edits=(
            Edit(
                "store.keys:Keyring.created",
                "ring.renew(random_bytes)",
                "ring.renew(random_bytes) if parent is None else setattr(ring, 'current', parent.current)",
            ),
        ),
        scenarios=("forks",),
    ),
    Mutation(
        name="keys.not_written",
        gone="something is sealed by keys that no file holds",
        edits=(Edit("store.keys:Keyring.created", "ring.save()", "pass"),),
        scenarios=("cookies",),
    ),
    Mutation(
        name="keys.not_synced",
        gone="something is sealed by keys whose file is not on the disk yet",
        edits=(
            Edit(
                "simulations.disk.folder:SimulatedKeyFile.rewrite",
                "medium.sync_folder(folder_of(self._path))",
                "pass",
            ),
        ),
        scenarios=("cookies",),
        on_the_disk=True,
    ),
    # -- who writes -----------------------------------------------------------------------------------------------------
    Mutation(
        name="lock.not_taken",
        gone="two processes write the same log",
        edits=(Edit("simulations.disk.folder:SimulatedFolder.lock", "self._check_free()", "pass"),),
        scenarios=("rivals",),
        on_the_disk=True,
    ),
    Mutation(
        name="lock.let_go_too_early",
        gone="the lock is held while the log is opened, and not while it is written",
        edits=(
            Edit(
                "store.opened:opened_to_write",
                "undo.callback(folder.lock().release)",
                "folder.lock().release()",
            ),
        ),
        scenarios=("rivals",),
    ),
    Mutation(
        name="lock.outlives_its_process",
        gone="the lock of a process that crashed stays (a file with its number, say)",
        edits=(
            Edit(
                "simulations.disk.folder:SimulatedFolder._check_free",
                "lock is not None and lock.life.alive",
                "lock is not None",
            ),
            Edit(
                "simulations.disk.disk:Disk.crash",
                "self.locks = {folder: lock for folder, lock in self.locks.items() if lock.life.alive and not power}",
                "pass",
            ),
        ),
        scenarios=("cookies",),
        on_the_disk=True,
    ),
    Mutation(
        name="folder.not_synced",
        gone="the folder of a new log is not on the disk when its first commit comes back",
        edits=(
            Edit(
                "simulations.disk.folder:SimulatedFolder.environment",
                "medium.sync_folder(self._path)",
                "pass",
            ),
            Edit(
                "simulations.disk.folder:SimulatedKeyFile.rewrite",
                "medium.sync_folder(folder_of(self._path))",
                "pass",
            ),
        ),
        scenarios=("cookies",),
        on_the_disk=True,
    ),
    # -- forks ----------------------------------------------------------------------------------------------------------
    Mutation(
        name="fork.batch_not_cut",
        gone="a fork has all of the batch that its position lies in",
        edits=(Edit("store.transfer:_up_to", "if batch.last <= through:", "if batch is not None:"),),
        scenarios=("forks",),
    ),
)
