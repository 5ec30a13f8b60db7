"""Faults on purpose: processes that die, stand still or lose their database, and providers that misbehave."""
