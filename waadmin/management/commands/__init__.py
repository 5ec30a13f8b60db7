"""Commands of the project: configure, serve, worker, demo."""
