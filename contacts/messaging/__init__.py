"""Carrying out a message: what it holds, what allows it, the call, its statuses, its end."""
