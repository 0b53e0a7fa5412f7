"""Labels of roles, permissions and tasks, in the language of the page."""

from __future__ import annotations

from django.utils.translation import gettext

from theratrial.web.people.permissions import matrix


def role_text(role: str) -> str:
    """The label of a role; its key where the matrix no longer has it."""
    found = matrix().roles.get(role)
    return gettext(found.label) if found else role


def permission_text(permission: str) -> str:
    """The label of a permission."""
    return gettext(matrix().permissions[permission].label)
