"""The front door: receive, verify, store, answer 200, think later."""
