"""The documentation inside the console: the same files, drawn as pages, and which part speaks of which page."""
