"""Their side: people, what they opted in to, and the checks that consent allows."""
