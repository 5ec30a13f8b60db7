"""The project's settings with secrets that are only good for tests."""

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
os.environ.setdefault("META_APP_SECRET", "tests-only-app-secret")
os.environ.setdefault("META_WEBHOOK_VERIFY_TOKEN", "tests-only-verify-token")
os.environ["PROVIDERS_ALLOW_LOCAL"] = "1"
os.environ["SECURE_SSL_REDIRECT"] = "0"
os.environ["DEBUG"] = "0"
os.environ["SECOND_FACTOR_ROLES"] = ""  # tests that are about the second factor ask for it themselves

from waadmin.settings import *  # noqa: F403

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = tempfile.mkdtemp(prefix="waadmin-tests-")  # whitenoise warns about a folder that is not there
ERASURE_JOURNAL = ""  # tests that are about the journal name a file of their own
