"""Devices as pages and programs have them: ``page.navigator``, the session's choosers, and its handlers."""
