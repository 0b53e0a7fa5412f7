"""No page offers a link or a button to anybody whom its address would refuse, and none that leads nowhere."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve
from web_site_pages import pages, signed_in

from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.large_site import large_site_made
from theratrial.web.people.models import User
from theratrial.web.people.permissions import may
from theratrial.web.setup_site import CAST

ADDRESSES = ("href", "action", "formaction", "src", "hx-get", "hx-post", "data-dialog", "data-prolong", "data-preview")


class _Offered(HTMLParser):
    """Every address of a page, as the page names it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ADDRESSES and value}


def offered(path: str, html: str) -> set[str]:
    """Paths of this site that a page leads to."""
    parser = _Offered()
    parser.feed(html)
    found = {urlsplit(urljoin(path, one)) for one in parser.found if not one.startswith("#")}
    return {one.path for one in found if not one.netloc and not one.path.startswith("/static/")}


def _fault(user: User, path: str) -> str:
    try:
        view = resolve(path).func
    except Resolver404:
        return "leads nowhere"
    permission = view.theratrial_permission
    allowed = permission in (OPEN, SIGNED_IN) or may(user, permission)
    return "" if allowed else f"needs {permission}"


@pytest.mark.walk
@pytest.mark.timeout(1800)
def test_no_page_offers_what_would_be_refused(db: None) -> None:
    large_site_made(participants=3, base=3)
    paths = {one.path: one for one in pages() if one.name != "people:sign-out"}
    wrong: set[str] = set()
    shown = 0
    for username in {member.role: member.username for member in reversed(CAST)}.values():
        user, client = User.objects.get(username=username), signed_in(username)
        client.raise_request_exception = False
        for path in paths:
            answer = client.get(path)
            if answer.status_code != 200 or "html" not in answer.get("Content-Type", ""):
                continue
            shown += 1
            faults = ((one, _fault(user, one)) for one in offered(path, answer.content.decode()))
            wrong |= {f"{username} at {path}: {one} {why}" for one, why in faults if why}
    assert shown > 300
    assert not wrong, "\n".join(sorted(wrong))
