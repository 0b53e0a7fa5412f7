"""Settings of the site. Everything an installation may choose is in its site folder or in the environment.

``THERATRIAL_SITE`` is the site folder: database, images, secret key. ``DATABASE_URL`` moves the database to
PostgreSQL; without it the folder holds SQLite in WAL mode. Nothing else needs to be set.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

env = environ.Env()
PACKAGE = Path(__file__).resolve().parent
SITE_FOLDER = Path(os.environ.get("THERATRIAL_SITE", "theratrial-site")).resolve()


def _secret_key() -> str:
    """Kept in the site folder, made at the first start; readable by its owner only."""
    if given := os.environ.get("THERATRIAL_SECRET_KEY"):
        return given
    file = SITE_FOLDER / "secret.key"
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key = secrets.token_urlsafe(48)
        if not SITE_FOLDER.is_dir():
            return key  # nothing is served from a folder that is not there: a type checker reads these settings too
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(key)
        except FileExistsError:
            return file.read_text(encoding="ascii").strip()
        return key


SECRET_KEY = _secret_key()
DEBUG = env.bool("THERATRIAL_DEBUG", default=False)
ALLOWED_HOSTS = env.list("THERATRIAL_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("THERATRIAL_ORIGINS", default=[])
HTTPS = env.bool("THERATRIAL_HTTPS", default=False)
"""Whether a proxy in front speaks https: cookies then travel only so, and browsers are told to insist."""

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_tasks",
    "django_tasks_db",
    "axes",
    "theratrial.web.ledger",
    "theratrial.web.people",
    "theratrial.web.trials",
    "theratrial.web.participants",
    "theratrial.web.capture",
    "theratrial.web.pharmacy",
    "theratrial.web.studies",
    "theratrial.web.dicom_node",
    "theratrial.web.results",
    "theratrial.web.exports",
    "theratrial.web.registration",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "theratrial.web.headers.SecurityHeaders",
    "theratrial.web.people.session_saving.SessionsThatMayNotBeSaved",
    "theratrial.web.language.LanguageAndCalendar",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "theratrial.web.people.sessions.SignedInTimes",
    "theratrial.web.access.DenyByDefault",
    "theratrial.web.refusals.Refusals",
    "theratrial.web.sent_once.SentOnce",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "theratrial.web.urls"
WSGI_APPLICATION = "theratrial.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "theratrial.web.context.site",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "theratrial.web.templatetags.shown",
                "theratrial.web.templatetags.said",
            ],
            "libraries": {"shown": "theratrial.web.templatetags.shown"},
        },
    }
]

SQLITE_COMMANDS = "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;PRAGMA recursive_triggers=ON;"
if os.environ.get("DATABASE_URL"):
    DATABASES = {"default": env.db("DATABASE_URL")}
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": SITE_FOLDER / "site.sqlite3",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_COMMANDS},
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "theratrial.web.people.backend.AccountBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "people:sign-in"
LOGIN_REDIRECT_URL = "trials:overview"
PASSWORD_MAXIMUM_AGE_DAYS = env.int("THERATRIAL_PASSWORD_DAYS", default=365)
TOTP_REQUIRED_FOR_SIGNING = env.bool("THERATRIAL_TOTP_FOR_SIGNING", default=False)

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.5  # hours
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "theratrial.web.people.lockout.locked_out"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else anybody could keep an account locked for ever
AXES_VERBOSE = False
# Locked is the account name, from wherever the failures come (21 CFR 11.300(d)); addresses are hidden by a proxy, and a
# whole hospital shares one.
# W021: being on the browsers' preload list is the operator's decision, not ours.
SILENCED_SYSTEM_CHECKS = ["axes.W006", "security.W021"]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = False  # htmx sends it as a header
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
IDLE_MINUTES = env.int("THERATRIAL_IDLE_MINUTES", default=20)
ABSOLUTE_HOURS = env.int("THERATRIAL_ABSOLUTE_HOURS", default=10)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fa", _("Persian"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = SITE_FOLDER / "images"
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_NUMBER_FILES = 20000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

IMAGES_QUEUE = "images"
"""Of work that somebody beside a camera waits for: it has a worker of its own, behind no computation."""
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", IMAGES_QUEUE]}}
COMPUTING_PROCESSES = env.int("THERATRIAL_PROCESSES", default=os.cpu_count() or 1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"theratrial.web": {"level": "INFO"}, "axes": {"level": "ERROR"}},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
