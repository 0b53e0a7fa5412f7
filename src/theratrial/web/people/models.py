"""Who works on the trial, where, in which role, since when, and what is delegated to them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac


class UserManager(BaseUserManager["User"]):
    """Makes accounts; call inside an act."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> User:
        user = self.model(username=username, **{"password_changed_at": timezone.now(), **fields})
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person's own account. Names are never reused: accounts are closed, not deleted."""

    username = models.CharField(max_length=64, unique=True)
    printed_name = models.CharField(max_length=120)
    """The name that stands beside a signature."""
    is_active = models.BooleanField(default=True)
    is_system_administrator = models.BooleanField(default=False)
    """Manages accounts; that gives no right to any clinical data, nor to sign for anybody."""
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True)
    language = models.CharField(max_length=5, default="en")
    calendar = models.CharField(max_length=10, default="gregorian")  # gregorian | jalali
    persian_digits = models.BooleanField(default=False)
    session_generation = models.PositiveIntegerField(default=0)
    """Raised to end every session of the account at once."""

    last_login = None  # sign-ins are events of the ledger

    objects = UserManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["printed_name"]

    def __str__(self) -> str:
        return self.printed_name or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Sessions opened before a change of password or of the generation are at an end."""
        value = f"{self.password}|{self.session_generation}"
        return salted_hmac("theratrial.session", value, secret=secret, algorithm="sha256").hexdigest()


class Site(models.Model):
    """A recruiting centre."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name


class EthicsApproval(models.Model):
    """An ethics committee's approval of a protocol version for a site; without it the site is not active."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="approvals")
    committee = models.CharField(max_length=200)
    reference = models.CharField(max_length=100)
    approved_on = models.DateField()
    protocol_version = models.ForeignKey("trials.ProtocolVersion", on_delete=models.PROTECT)
    withdrawn_on = models.DateField(null=True)


class Assignment(models.Model):
    """A role held by a person, at one site or at all, from when to when, granted by whom."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=40)
    """Key of ``people/roles.yaml``."""
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT)
    """None: every site."""
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    granted_by = models.CharField(max_length=64)
    ended_by = models.CharField(max_length=64, blank=True)


class Delegation(models.Model):
    """A line of the delegation log: tasks the principal investigator has given a person, trained for them."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations")
    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    tasks = models.JSONField()
    """Permission groups of ``people/roles.yaml`` (``consent``, ``enter``, ``inject`` ...)."""
    trained_on = models.DateField()
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    authorised_by = models.CharField(max_length=64)
    ended_by = models.CharField(max_length=64, blank=True)


class Issue(models.Model):
    """A fault or question about the system itself, reported from a page: the help-desk record (ICH E6(R3) 4.3.7)."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        ANSWERED = "answered", "answered"
        CLOSED = "closed", "closed"

    reported_by = models.CharField(max_length=64)
    reported_at = models.DateTimeField()
    page = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    answer = models.TextField(blank=True)
    answered_by = models.CharField(max_length=64, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-reported_at", "-id")


class SentForm(models.Model):
    """A form that was sent, known to every server process for ten minutes (`web.sent_once`); no data, not audited."""

    key = models.CharField(max_length=64, primary_key=True)
    sent_at = models.DateTimeField(db_index=True)
    led_to = models.TextField(blank=True)
    """Where its answer led; empty while it is being answered."""
