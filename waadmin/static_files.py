"""Static files: whether those that were collected are of this version."""

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage


def are_stale() -> bool:
    """Tell whether the collected files lack one, or one was changed since; never where none are collected."""
    storage = staticfiles_storage
    if not isinstance(storage, ManifestFilesMixin):
        return False
    if not storage.hashed_files or not storage.manifest_storage.exists(storage.manifest_name):
        return True
    collected_at = storage.manifest_storage.get_modified_time(storage.manifest_name)
    for finder in finders.get_finders():
        for path, source in finder.list(["CVS", ".*", "*~"]):
            name = f"{source.prefix}/{path}" if getattr(source, "prefix", None) else path
            if name not in storage.hashed_files or source.get_modified_time(path) > collected_at:
                return True
    return False
