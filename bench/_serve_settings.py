"""The project's settings for a served bench: the same middleware, and two views to measure against."""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "bench._serve_urls"
