"""One participant from registration to response, and the gate to its two signatures, in a browser, on a fresh site."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from persiantools.jdatetime import JalaliDate
from tests.browser.browser_patient import CODE, VirtualPatient, answers, clock_patched
from tests.browser.conftest import ROOT, RunningSite, Watched, new_site

ROLES = {
    "coordinator1": "coordinator",
    "nuclear1": "nuclear_medicine_physician",
    "nuclear2": "nuclear_medicine_physician",
    "oncologist1": "oncologist",
    "adjudicator1": "adjudicator",
    "physicist1": "medical_physicist",
    "pharmacist1": "radiopharmacist",
    "monitor1": "monitor",
    "manager1": "data_manager",
    "manager2": "data_manager",
}
CENTRE = "site_01"


def tasks_of(role: str) -> set[str]:
    """What must be delegated for a role to do all it may."""
    table = yaml.safe_load((ROOT / "src/theratrial/web/people/roles.yaml").read_text(encoding="utf-8"))
    permissions = table["roles"][role]["permissions"]
    return {table["permissions"][one]["task"] for one in permissions if "task" in table["permissions"][one]}


class Journey:
    """The people at work: a window each, and what they do most."""

    def __init__(self, site: RunningSite, watched: Watched, patient: VirtualPatient) -> None:
        self.site, self.watched, self.patient = site, watched, patient
        self.passwords: dict[str, str] = {}
        self._pages: dict[str, Any] = {}

    def clock(self, moment: str) -> None:
        """It is later now; everybody's session has ended meanwhile."""
        (self.site.folder.parent / "clock").write_text(
            f"{moment}:00+0{'4:30' if '2022-03-22' < moment < '2022-09-21' else '3:30'}"
        )
        for page in self._pages.values():
            page.close()
        self._pages.clear()

    def at(self, name: str, path: str) -> Any:
        """Somebody's window at an address."""
        page = self.window(name)
        answer = page.goto(path)
        assert answer.status == 200, f"{name} at {path}: {answer.status}"
        return page

    def window(self, name: str) -> Any:
        if name not in self._pages:
            self._pages[name] = self.watched.page(self.site, name, password=self.passwords[name])
        return self._pages[name]

    def password_changed(self, name: str, first: str) -> None:
        """The first sign-in with a temporary password, which must be changed."""
        page = self.watched.page(self.site, name, password=first)
        own = f"four quiet words of {name}"
        assert page.url.endswith("/people/account/password/"), page.url
        page.fill("#old_password", first)
        page.fill("#new_password", own)
        page.fill("#again_password", own)
        page.click("button.primary")
        page.wait_for_url(lambda url: "password" not in url)
        self.passwords[name], self._pages[name] = own, page

    def typed(self, page: Any, form: str, rows: list[Mapping[str, str]], *, calendar: str = "gregorian") -> None:
        """The answers to a form, key by key as the form shows its fields."""
        for item, answer in answers(form, rows, calendar=calendar).items():
            field = page.locator(f"#i-{item}")
            if (
                not field.count()
                or field.get_attribute("readonly") is not None
                or "fixed" in (field.get_attribute("class") or "")
            ):
                continue
            field.wait_for(state="visible")
            if answer.unit and page.locator(f"#u-{item}").count():
                page.select_option(f"#u-{item}", answer.unit.replace("/mm3", "cells/mm3"))
            if field.evaluate("one => one.tagName") == "SELECT":
                field.select_option(answer.text)
            else:
                field.fill(answer.text)
                field.dispatch_event("change")

    def saved(self, page: Any) -> None:
        """Press the form's button; the page that follows must not complain."""
        before = page.url
        page.locator("main form.record button.primary").click()
        page.wait_for_load_state()
        wrong = page.locator(".message.error, .field-error:visible").all_inner_texts()
        assert not wrong, f"{page.url}: {wrong}"
        assert page.url != before, "the form is still there"

    def form_filled(
        self, name: str, form: str, rows: list[Mapping[str, str]], *, more: str = "", calendar: str = "gregorian"
    ) -> None:
        page = self.at(name, f"/records/participant/{CODE}/form/{form}/{more}")
        self.typed(page, form, rows, calendar=calendar)
        self.saved(page)

    def signs(self, name: str, within: Any, *, password: str = "") -> str:
        """Sign a form of the page; what the page says then."""
        page = within.page
        if (account := within.locator("[name=sign_username]")).count():
            account.fill(name)
        within.locator("[name=sign_password]").fill(password or self.passwords[name])
        within.locator("button.primary").click()
        page.wait_for_load_state()
        return " ".join(page.locator(".message").all_inner_texts())

    def uploaded(self, name: str, folder: Path) -> str:
        """A folder sent through the folder chooser; what the site says of it once the worker has looked."""
        page = self.at(name, "/images/upload/")
        page.set_input_files("#folder", folder)
        page.locator("#send:not([disabled])").click()
        page.wait_for_url("**/images/uploads/**", timeout=120_000)
        page.wait_for_function("() => !document.querySelector('[hx-trigger]')", timeout=240_000)
        return str(page.locator("main").inner_text())

    def in_site(self, code: str) -> str:
        """Python inside the site's own installation, for what no page is meant to do."""
        start = "import django; django.setup()\n"
        environment = {**self.site.environment, "THERATRIAL_SITE": str(self.site.folder)}
        done = subprocess.run(
            [sys.executable, "-c", start + code], env=environment, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


def people_are_let_in(j: Journey) -> None:
    """The administrator opens accounts and grants roles; the investigator records the approval and delegates."""
    j.password_changed("administrator", j.passwords.pop("administrator"))
    j.password_changed("investigator", j.passwords.pop("investigator"))
    for name, role in ROLES.items():
        page = j.at("administrator", "/people/open/")
        page.fill("#username", name)
        page.fill("#printed_name", f"{role.replace('_', ' ').capitalize()} of the test ({name[-1]})")
        page.click("main form button.primary")
        temporary = page.locator(".message.warning .code").inner_text().strip()
        page.goto(f"/people/person/{name}/")
        page.select_option("#role", role)
        page.select_option("#site", CENTRE)
        page.locator("form[action$='/role/'] button.primary").click()
        page.wait_for_load_state()
        j.password_changed(name, temporary)
    page = j.at("coordinator1", "/participants/")
    assert not page.locator("a[href='/participants/register/']").count(), (
        "nobody registers before delegation and approval"
    )
    page = j.at("investigator", "/people/ethics/")
    page.fill("#committee", "Committee of the test")
    page.fill("#reference", "T-1")
    page.fill("#approved_on", "2022-01-05")
    page.locator("form[action$='/record/'] button.primary").click()
    page.wait_for_load_state()
    assert page.locator(".tag.good").count() == 1, page.locator("main").inner_text()
    for name, role in ROLES.items():
        if not (tasks := tasks_of(role)):
            continue
        page = j.at("investigator", "/people/delegation/")
        page.select_option("#username", name)
        page.fill("#trained_on", "2022-01-10")
        page.fill("#starts_on", "2022-01-10")
        for task in sorted(tasks):
            page.check(f"input[name=tasks][value={task}]")
        page.locator("form[action$='/authorise/'] button.primary").click()
        page.wait_for_load_state()
        assert not page.locator(".message.error").count(), page.locator(".message.error").all_inner_texts()


def person_is_screened(j: Journey) -> None:
    """The coordinator registers, consents (in the Jalali calendar) and enters the screening."""
    j.clock("2022-01-22T13:00")
    row = j.patient.rows("participants")[0]
    page = j.at("coordinator1", "/participants/register/")
    page.fill("#code", CODE)
    page.fill("#screened_on", row["screened_on"])
    page.select_option("#sex", row["sex"])
    page.fill("#age_years", row["age_years"])
    page.click("main form button.primary")
    page.wait_for_url("**/participants/P01/**")

    consent = j.patient.rows("consents")[0]
    signed = datetime.fromisoformat(consent["signed_at"])
    page = j.at("coordinator1", f"/participants/{CODE}/consent/")
    page.fill("#form_version", consent["form_version"])
    page.select_option("#language", consent["language"])
    page.fill("#signed_on", JalaliDate(signed.date()).strftime("%Y/%m/%d"))
    page.fill("#signed_time", f"{signed:%H:%M}")
    page.select_option("#obtained_by", "coordinator1")
    page.check("[name=copy_given]")
    page.click("form[action$='/record/'] button.primary")
    page.wait_for_load_state()
    assert f"{signed:%Y-%m-%d}" in page.locator("main").inner_text(), "the Jalali day is kept as its Gregorian one"

    page = j.at("coordinator1", f"/records/participant/{CODE}/")
    page.locator("#form-screening tbody a").first.click()
    page.locator("a.button.primary").click()
    page.wait_for_selector("form.record")
    j.typed(page, "screening", [row])
    page.fill("#reason", "Completed at the screening visit")
    j.saved(page)
    for line in j.patient.rows("prior_therapy"):
        j.form_filled("coordinator1", "prior_therapy", [line])
    items = [{**line, "assessed_by": "oncologist1"} for line in j.patient.rows("eligibility")]
    j.form_filled("coordinator1", "eligibility", items)
    _visit_done(j, "screening", "")


def _visit_done(j: Journey, visit: str, session: str) -> None:
    row = j.patient.rows("visits", lambda one: (one["visit_id"], one["session"]) == (visit, session))[0]
    page = j.at("coordinator1", f"/participants/{CODE}/schedule/visit/{visit}/{session or 0}/")
    page.check("[name=status][value=done]")
    page.fill("#on", row["occurred_on"])
    page.locator("main form button.primary").click()
    page.wait_for_load_state()
    assert not page.locator(".message.error").count(), page.locator(".message.error").all_inner_texts()


def laboratory_comes_by_file(j: Journey) -> None:
    """A CSV of the laboratory: looked at, taken in, and the second time nothing new."""
    j.clock("2022-02-03T12:00")
    lines = j.patient.rows("laboratory", lambda one: one["collected_at"] < "2022-02-04")
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    for taken in (True, False):
        page = j.at("coordinator1", "/records/laboratory/")
        page.set_input_files("#file", {"name": "lab.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()})
        page.locator("main form button.primary").first.click()
        page.wait_for_selector(".figures")
        confirm = page.locator("button[name=confirm]")
        assert confirm.count() == int(taken), page.locator("main").inner_text()[:1500]
        if taken:
            confirm.click()
            page.wait_for_load_state()


def tracer_is_given(j: Journey) -> None:
    """Batch, its signed release, the injection of the tracer."""
    _batch_and_injection(j, "ga68_trastuzumab", "", "2022-01-24T10:55", "2022-01-24T11:20")


def _batch_and_injection(j: Journey, product: str, session: str, labelled: str, injected: str) -> None:
    given = j.patient.rows("administrations", lambda one: one["product_id"] == product and one["session"] == session)[0]
    batch = j.patient.rows("batches", lambda one: one["batch_id"] == given["batch_id"])[0]
    j.clock(labelled)
    page = j.at("pharmacist1", "/records/shared/form/batch/")
    j.typed(page, "batch", [batch])
    j.saved(page)
    page = j.at("pharmacist1", "/pharmacy/")
    page.get_by_role("link", name=batch["batch_id"]).click()
    page.wait_for_selector("form.signing")
    j.signs("pharmacist1", page.locator("form.signing"))
    assert page.locator("main .tag.good", has_text="released").count(), page.locator("main").inner_text()[:1500]
    j.clock(injected)
    page = j.at("nuclear1", f"/pharmacy/participant/{CODE}/new/?product={product}")
    page.get_by_role("link", name="Enter with this batch").click()
    page.wait_for_selector("form.record")
    j.typed(page, "administration", [{**given, "administered_by": "nuclear1"}])
    j.saved(page)
    page = j.at("nuclear1", f"/pharmacy/participant/{CODE}/")
    assert given["batch_id"] in page.locator("main").inner_text()


def selection_is_read(j: Journey) -> None:
    j.clock("2022-01-24T16:40")
    j.site.start("worker")
    _cameras(j)
    said = j.uploaded("nuclear1", j.patient.images(j.site.folder.parent / "disc0", "20220124"))
    assert "pet" in said.lower(), said
    assert "quarantine" not in said.lower(), said
    row = j.patient.rows("selection_reads")[0]
    page = j.at("nuclear1", f"/participants/{CODE}/selection/")
    page.fill("#lesions_total", row["lesions_total"])
    page.fill("#lesions_positive", row["lesions_positive"])
    page.check(f"[name=result][value={row['result']}]")
    page.click("main form button.primary")
    page.wait_for_selector("form.signing")
    j.signs("nuclear1", page.locator("form.signing"))
    assert "signed" in page.locator(".message.success").inner_text()


def _cameras(j: Journey) -> None:
    """Calibrations and recoveries of the camera: no page enters them."""
    rows = {table: j.patient.rows(table) for table in ("calibrations", "recoveries")}
    j.in_site(
        "from theratrial.web.capture.services import record_create\n"
        "from theratrial.web.setup_site import SETUP\n"
        "from theratrial.web.people.models import Site\n"
        f"for table, rows in {rows!r}.items():\n"
        "    for row in rows: record_create(SETUP, table, row, site=Site.objects.get())\n"
    )


def eligibility_is_signed(j: Journey) -> None:
    j.clock("2022-02-05T08:10")
    page = j.at("investigator", f"/participants/{CODE}/eligibility/")
    form = page.locator("form.signing")
    assert form.count() == 1, page.locator("main").inner_text()
    wrong = j.signs("investigator", form, password="not the password at all")
    assert "password" in wrong.lower(), wrong
    j.signs("investigator", page.locator("form.signing"))
    assert "Eligibility is signed" in page.locator(".message.success").inner_text()


def therapy_is_given(j: Journey) -> None:
    _batch_and_injection(j, "lu177_trastuzumab", "1", "2022-02-05T09:05", "2022-02-05T10:30")
    j.clock("2022-02-07T14:00")
    said = j.uploaded("nuclear1", j.patient.images(j.site.folder.parent / "disc1", "20220206", "20220207"))
    assert "whole body" in said.lower(), said
    assert "quarantine" not in said.lower(), said


def distribution_is_read(j: Journey) -> None:
    for line in j.patient.rows("lesion_readings", lambda one: one["timepoint"] == "baseline"):
        _lesion(j, "nuclear1", line)
    page = j.at("nuclear1", f"/images/participant/{CODE}/whole-body/1/")
    page.wait_for_function("() => document.querySelector('theratrial-planar canvas')")
    for box in page.locator("form.read fieldset").all():
        box.locator("input[type=radio]").first.check()
        for lesion in box.locator("input[type=checkbox]").all()[:3]:
            lesion.check()
    page.locator("form.read button.primary").click()
    page.wait_for_selector("form.signing")
    j.signs("nuclear1", page.locator("form.signing"))
    assert page.locator("ul.signatures, .signature, .tag.good").count(), page.locator("main").inner_text()


def _lesion(j: Journey, name: str, line: Mapping[str, str], **other: str) -> None:
    page = j.at(name, f"/results/participant/{CODE}/response/reading/")
    values = {**line, **other}
    for item in ("timepoint", "role", "status"):
        page.select_option(f"#i-{item}", values[item])
    page.fill("#i-lesion_id", values["lesion_id"])
    page.fill("#i-site", values["site"])
    if values["status"] == "present":
        page.fill("#i-region_name", values["region_name"])
    page.locator("form.record button.primary").click()
    page.wait_for_load_state()
    assert page.url.endswith("/response/"), page.locator(".message.error, .field-error").all_inner_texts()


def dosimetry_is_signed(j: Journey) -> None:
    page = j.at("physicist1", f"/results/participant/{CODE}/")
    page.get_by_role("button", name="Compute this participant").click()
    page.wait_for_selector("#session-1", timeout=280_000)
    page = j.at("physicist1", f"/results/participant/{CODE}/")
    page.locator("#session-1 details:has(form.signing) > summary").click()
    j.signs("physicist1", page.locator("#session-1 form.signing"))
    assert page.locator("#session-1 h2 .tag.good").count(), page.locator("main").inner_text()[:2000]


def follow_up_is_done(j: Journey) -> None:
    """Weekly counts by file, the laboratory of the visit typed, two examinations, by the two physicians themselves."""
    j.clock("2022-03-31T12:00")
    lines = j.patient.rows("laboratory", lambda one: one["collected_at"].startswith("2022-03-31"))
    j.form_filled("coordinator1", "laboratory", lines, more="?visit=follow_up&session=1")
    for line in j.patient.rows("examinations", lambda one: one["session"] == "1"):
        name = "oncologist1" if line["examiner_role"] == "oncologist" else "nuclear1"
        j.form_filled(name, "examination", [{**line, "examiner": name}], more="?visit=follow_up&session=1")


def visit_is_recorded(j: Journey) -> None:
    """Until the visit itself is recorded the gate is undetermined, and says why."""
    page = j.at("oncologist1", f"/results/participant/{CODE}/gate/1/")
    assert "visit follow_up is not recorded" in page.locator(".gate-head").inner_text()
    _visit_done(j, "follow_up", "1")


def gate_is_signed_by_two(j: Journey) -> None:
    page = j.at("oncologist1", f"/results/participant/{CODE}/gate/1/")
    assert page.locator(".gate-head .verdict").first.inner_text().strip().endswith("proceed"), page.locator(
        "main"
    ).inner_text()
    j.signs("oncologist1", page.locator("form.signing").first)
    assert "second signature" in page.locator(".signing-block h2").inner_text(), page.locator("main").inner_text()
    page.goto(f"/results/participant/{CODE}/gate/1/")
    assert not page.locator("form.signing").count(), "the same person is not asked a second time"
    page = j.at("nuclear1", f"/results/participant/{CODE}/gate/1/")
    j.signs("nuclear1", page.locator("form.signing").first)
    assert "complete" in page.locator(".signing-block h2").inner_text(), page.locator("main").inner_text()


def correction_voids_the_gate(j: Journey) -> None:
    """A laboratory value is corrected with a reason; the gate's signatures are void, and are given anew."""
    page = j.at("coordinator1", f"/records/participant/{CODE}/")
    page.locator("#form-laboratory tbody tr", has=page.locator("td.number", has_text="1")).locator("a").first.click()
    page.locator("a.button.primary").click()
    page.wait_for_selector("form.record")
    field = page.locator("#i-platelets_e9_per_L")
    field.fill(str(int(float(field.input_value())) - 9000 if float(field.input_value()) > 1000 else 250))
    page.fill("#reason", "Source document corrected")
    j.saved(page)
    page = j.at("oncologist1", f"/results/participant/{CODE}/gate/1/")
    assert "void" in page.locator(".signing-block h2").inner_text(), page.locator(".signing-block").inner_text()
    for name in ("oncologist1", "nuclear1"):
        page = j.at(name, f"/results/participant/{CODE}/gate/1/")
        j.signs(name, page.locator("form.signing").first)
    assert "complete" in page.locator(".signing-block h2").inner_text(), page.locator("main").inner_text()


def response_is_read_twice(j: Journey) -> None:
    """Two readers who differ, each without seeing the other; the adjudicator decides."""
    j.clock("2022-07-24T17:00")
    response = j.patient.rows("lesion_readings", lambda one: one["timepoint"] == "response")
    for line in response:
        _lesion(j, "nuclear1", line)
    page = j.at("nuclear1", f"/results/participant/{CODE}/response/")
    j.signs("nuclear1", page.locator("form.signing"))
    page = j.at("nuclear2", f"/results/participant/{CODE}/response/")
    assert "is hidden" in page.locator("main").inner_text(), page.locator("main").inner_text()
    for line in j.patient.rows("lesion_readings"):
        _lesion(j, "nuclear2", line, **({"status": "resolved"} if line in response[:1] else {}))
    page = j.at("nuclear2", f"/results/participant/{CODE}/response/")
    j.signs("nuclear2", page.locator("form.signing"))
    page = j.at("adjudicator1", f"/results/participant/{CODE}/response/")
    form = page.locator("form.signing").first
    form.locator("[name=reason]").fill("The lesion is seen on the fused slices.")
    j.signs("adjudicator1", form)
    assert "stands" in page.locator("main").inner_text(), page.locator("main").inner_text()


def query_is_raised_answered_closed(j: Journey) -> None:
    page = j.at("monitor1", f"/records/verification/{CODE}/")
    page.locator("button.ask-about").first.click()
    page.wait_for_selector("dialog[open] #ask-text")
    page.fill("#ask-text", "Please compare with the letter.")
    page.locator("dialog button.primary").click()
    page.wait_for_selector("dialog .message.success")
    address = page.locator("dialog ul a").first.get_attribute("href")
    page.keyboard.press("Escape")
    assert not page.locator("dialog[open]").count()
    page = j.at("coordinator1", address)
    page.fill("#text", "Compared; it agrees.")
    page.locator("main form button.primary").click()
    page.wait_for_load_state()
    page = j.at("monitor1", address)
    page.fill("#text", "Agreed.")
    page.get_by_role("button", name=re.compile("Close")).first.click()
    page.wait_for_load_state()
    assert "closed" in page.locator("h1 .tag").inner_text().lower()


def source_is_verified(j: Journey) -> None:
    page = j.at("monitor1", f"/records/verification/{CODE}/")
    page.locator("input[data-row]").first.check()
    page.locator(".sticky-actions button.primary").click()
    page.wait_for_load_state()
    assert page.locator(".sign.good").count() > 2


def _record_moved(j: Journey, move: str) -> Any:
    """Freeze or lock a record of the participant on the page of single records."""
    page = j.at("manager1", f"/records/locks/participant/{CODE}/")
    page.locator("details.records > summary").last.click()
    form = page.locator("details.records").last.locator(f"form:has(button[value={move}])").first
    form.locator("[name=reason]").fill("End of the test's journey.")
    form.locator(f"button[value={move}]").click()
    page.wait_for_load_state()
    assert not page.locator(".message.error").count(), page.locator(".message.error").all_inner_texts()
    return page


def data_are_frozen_locked_unlocked(j: Journey) -> None:
    """A record is frozen and locked; one person asks to unlock it and cannot decide, another does."""
    _record_moved(j, "freeze")
    _record_moved(j, "lock")
    page = j.at("manager1", f"/records/locks/participant/{CODE}/")
    page.locator("details.records > summary").last.click()
    form = page.locator("details.records").last.locator("form[action$='/locks/request/']").first
    form.locator("[name=reason]").fill("A value has to be corrected.")
    form.locator("button").click()
    page.wait_for_load_state()
    page = j.at("manager1", "/records/locks/")
    assert page.locator("text=another person has to decide").count() == 1
    assert not page.locator("button[name=approve]").count()
    page = j.at("manager2", "/records/locks/")
    page.locator("button[name=approve][value=yes]").click()
    page.wait_for_load_state()
    page = j.at("manager1", f"/records/locks/participant/{CODE}/")
    page.locator("details.records > summary").last.click()
    assert not page.locator("details.records").last.locator(".tag.locked", has_text="locked").count()


def ledger_tells_it(j: Journey) -> None:
    """History of a field in two clicks; the ledger is intact."""
    page = j.at("monitor1", f"/records/participant/{CODE}/")
    page.locator("#form-laboratory tbody tr", has=page.locator("td.number", has_text="1")).locator("a").first.click()
    page.wait_for_load_state()
    page.locator("tr", has_text="Platelet count").first.locator("a[href*='/ledger/row/']").first.click()
    page.wait_for_load_state()
    assert "Source document corrected" in page.locator("main").inner_text(), page.locator("main").inner_text()
    done = j.site.command("ledger", "verify", "--site", str(j.site.folder), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


STEPS = (
    people_are_let_in,
    person_is_screened,
    tracer_is_given,
    selection_is_read,
    laboratory_comes_by_file,
    eligibility_is_signed,
    therapy_is_given,
    distribution_is_read,
    dosimetry_is_signed,
    follow_up_is_done,
    visit_is_recorded,
    gate_is_signed_by_two,
    correction_voids_the_gate,
    response_is_read_twice,
    query_is_raised_answered_closed,
    source_is_verified,
    data_are_frozen_locked_unlocked,
    ledger_tells_it,
)


def fresh_site(folder: Path) -> tuple[RunningSite, dict[str, str]]:
    """`site init` for the shipped protocol, serving; and the first passwords it printed."""
    (folder / "clock").write_text("2022-01-10T08:00:00+03:30")
    site = new_site(folder, **clock_patched(folder))
    said = site.command(
        "site", "init", "--site", str(site.folder), "--centre", CENTRE,
        "--protocol", str(ROOT / "src/theratrial/protocol/data/IRCT20210612051548N3.yaml"),
        "--registration", str(ROOT / "src/theratrial/registry/data/IRCT20210612051548N3.yaml"),
    ).stdout  # fmt: skip
    passwords = dict(re.findall(r"^  (administrator|investigator)  (\S+)$", said, re.MULTILINE))
    assert len(passwords) == 2, said
    site.serve("--no-worker")
    return site, passwords


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> VirtualPatient:
    folder = tmp_path_factory.mktemp("simulated") / "trial"
    line = [
        sys.executable,
        "-m",
        "theratrial",
        "simulate",
        str(folder),
        "--participants",
        "1",
        "--small",
        "--workers",
        "2",
    ]
    subprocess.run(line, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True, timeout=300)
    return VirtualPatient(folder)


@pytest.fixture
def journey(tmp_path: Path, watched: Watched, simulated: VirtualPatient) -> Iterator[Journey]:
    site, passwords = fresh_site(tmp_path)
    one = Journey(site, watched, simulated)
    one.passwords = passwords
    try:
        yield one
    finally:
        site.stop()


@pytest.mark.walk
@pytest.mark.timeout(1500)
def test_one_participant_goes_from_registration_to_response_and_the_gate_to_its_two_signatures(
    journey: Journey,
) -> None:
    for step in STEPS:
        step(journey)
