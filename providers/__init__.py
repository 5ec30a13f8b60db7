"""The outside world: businesses, provider accounts and one client module a provider."""
