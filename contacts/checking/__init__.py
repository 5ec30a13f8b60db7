"""Carrying out a check run: claim, ask, record."""
