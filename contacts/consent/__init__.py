"""Consent: how events make a state, and how files of events are imported."""
