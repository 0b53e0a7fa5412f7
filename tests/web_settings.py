"""Settings of the site for tests: a folder of their own, quick password hashes, PostgreSQL where one is named."""

import os
import tempfile

os.environ["THERATRIAL_SITE"] = tempfile.mkdtemp(prefix="theratrial-site-")
if url := os.environ.get("THERATRIAL_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = url
else:
    os.environ.pop("DATABASE_URL", None)

from theratrial.web.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_COOLOFF_TIME = None
TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend", "QUEUES": ["default", "images"]}}
COMPUTING_PROCESSES = 1
WHITENOISE_AUTOREFRESH = True
ALLOWED_HOSTS = ["*"]
