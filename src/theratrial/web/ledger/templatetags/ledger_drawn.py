"""Changes and values of the ledger in templates (`theratrial.web.ledger.drawing`)."""

from __future__ import annotations

from django import template

from theratrial.web.ledger.drawing import cells_drawn, changes_drawn, value_drawn

register = template.Library()
register.filter("value_drawn", value_drawn)
register.filter("cells_drawn", cells_drawn)
register.simple_tag(changes_drawn, name="changes")
