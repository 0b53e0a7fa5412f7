"""Labels of roles, permissions and tasks, in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext

from theratrial.web.people.label_words import TASKS
from theratrial.web.people.permissions import matrix


def role_text(role: str) -> str:
    """The label of a role; its key where the matrix no longer has it."""
    found = matrix().roles.get(role)
    return gettext(found.label) if found else role


def permission_text(permission: str) -> str:
    """The label of a permission."""
    return gettext(matrix().permissions[permission].label)


def task_text(task: str) -> str:
    """The name of a task of the delegation log; its key where it is no longer one."""
    return gettext(TASKS[task]) if task in TASKS else task


def tasks_text(tasks: Iterable[str]) -> str:
    """The names of tasks in one line."""
    return " · ".join(task_text(one) for one in tasks)
