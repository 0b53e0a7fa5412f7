"""What the web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "theratrial.web.settings")
application = get_wsgi_application()

from django.db import connections  # noqa: E402  # after the settings

from theratrial.web.warming import warmed  # noqa: E402

warmed()
# Requests are answered by other threads, each with a connection of its own.
connections.close_all()
