"""The page that takes in laboratory results."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.access import requires
from theratrial.web.capture.laboratory import LARGEST_BYTES, laboratory_preview, laboratory_taken_in


@requires("records.import")
def laboratory_page(request: HttpRequest) -> HttpResponse:
    """Choose a file, look at what it would change, take it in."""
    if request.method != "POST":
        return render(request, "capture/laboratory.html")
    file = request.FILES.get("file")
    pasted = request.POST.get("content", "")
    content = file.read(LARGEST_BYTES + 1) if file else pasted.encode("utf-8")
    name = (file.name or "file.csv")[:100] if file else request.POST.get("name", "file.csv")[:100]
    if not content.strip():
        return render(request, "capture/laboratory.html", {"error": _("choose a CSV file first")}, status=422)
    try:
        found = laboratory_preview(request.user, content, name)
        if "confirm" in request.POST and not found.problems:
            found = laboratory_taken_in(request.user, content, name)
            messages.success(
                request,
                _("%(new)d results taken in, %(same)d were there already.")
                % {"new": len(found.new), "same": found.unchanged},
            )
            return redirect("capture:laboratory")
    except InputError as refused:
        return render(request, "capture/laboratory.html", {"error": str(refused)}, status=422)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    status = 422 if found.problems else 200
    return render(request, "capture/laboratory.html", {"found": found, "content": text, "name": name}, status=status)
