"""The matrix of roles and permissions as a table, for the page, the file and the test that watches it."""

from __future__ import annotations

from theratrial.web.people.permissions import matrix


def matrix_rows() -> list[list[str]]:
    """Header, then one row per permission: key, label, task to be delegated, ``x`` for each role that has it."""
    roles = matrix().roles
    rows = [["permission", "label", "delegated task", *roles]]
    for one in matrix().permissions.values():
        marks = ["x" if one.id in role.permissions else "" for role in roles.values()]
        rows.append([one.id, one.label, one.task, *marks])
    return rows
