"""What an actor is, and what runs it: turns, mailboxes, dispatchers, futures, systems, worlds."""
