"""Erasing people, or restricting what is kept of them: what goes, what stays, and what happens after a restore."""
