"""ODM files that nobody should take in: each is refused with what is wrong, and nothing is half-read."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest
from tests.exchange import odm_examples as example

from theratrial.errors import InputError, Problems
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.read import MOST_PROBLEMS, OdmFile
from theratrial.exchange.odm.told import Told


def read(content: bytes, known: dict[str, Layout] | None = None) -> list[Told]:
    layouts = example.layouts() if known is None else known
    return list(OdmFile(lambda: io.BytesIO(content)).told(layouts, example.layout().study_oid))


def replaced(old: bytes, new: bytes, count: int = -1) -> bytes:
    content = example.file()
    assert old in content, old
    return content.replace(old, new, count)


ENTITY = b'<!DOCTYPE ODM [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    b'<!DOCTYPE lolz [<!ENTITY l0 "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]>"
)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: b"", "empty"),
        (lambda: b"   \n", "empty"),
        (lambda: b"not xml at all", "no sound XML"),
        (lambda: b"PK\x03\x04 a zip", "not UTF-8|no sound XML"),
        (lambda: example.file()[: len(example.file()) // 2], "no sound XML"),
        (lambda: example.file() + b"<more/>", "no sound XML"),
        (lambda: ENTITY + b"<ODM>&x;</ODM>", "DOCTYPE"),
        (lambda: replaced(b"<ODM", ENTITY + b"<ODM", 1), "DOCTYPE"),
        (lambda: LAUGHS + b'<ODM a="&l9;">&l9;</ODM>', "DOCTYPE"),
        (lambda: b" " * 70_000 + LAUGHS + b"<ODM>&l9;</ODM>", "empty"),
        (lambda: b"<!--" + b"x" * 70_000 + b"-->" + LAUGHS + b"<ODM>&l9;</ODM>", "DOCTYPE|no sound XML"),
        (lambda: example.file().decode().replace("UTF-8", "UTF-16").encode("utf-16"), "not UTF-8"),
        (lambda: b"<a>" * 5_000, "no sound XML|first element"),
        (lambda: b"<html/>", "first element"),
        (lambda: replaced(b"/odm/v1.3", b"/odm/v1.2"), "first element"),
        (lambda: b'<ODM xmlns="http://www.cdisc.org/ns/odm/v2.0"/>', "ODM 2.0"),
        (lambda: replaced(b'ODMVersion="1.3.2"', b'ODMVersion="1.4"'), "reads 1.3.2"),
        (lambda: replaced(b'SourceSystem="theratrial"', b'SourceSystem="OpenClinica"'), "OpenClinica"),
        (lambda: replaced(b'FileType="Transactional"', b'FileType="Other"'), "FileType"),
        (lambda: replaced(b'Granularity="All"', b'Granularity="SingleSubject"'), "part of the trial"),
        (lambda: replaced(b'"theratrial.layout" Name="1"', b'"theratrial.layout" Name="2"'), "newer version"),
        (lambda: replaced(b'"theratrial.layout" Name="1"', b'"theratrial.layout" Name="x"'), "layout"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(made: Callable[[], bytes], said: str) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match=said) as refusal:
        read(made())
    assert not isinstance(refusal.value, Problems)
    assert "root:" not in str(refusal.value)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'ItemOID="I.laboratory.value"', b'ItemOID="I.laboratory.unheard"', "unknown item 'I.laboratory.unheard'"),
        (b'StudyEventOID="SE.follow_up" Stud', b'StudyEventOID="SE.none" Stud', "unknown event 'SE.none'"),
        (b'FormOID="F.laboratory" FormRep', b'FormOID="F.none" FormRep', "unknown form 'F.none'"),
        (b'ItemGroupOID="IG.laboratory" ItemGroupR', b'ItemGroupOID="IG.x" ItemGroupR', "unknown item group 'IG.x'"),
        (
            b'TransactionType="Update"><AuditRecord',
            b'TransactionType="Change"><AuditRecord',
            "TransactionType 'Change'",
        ),
        (b'RepeatKey="1" Trans', b'RepeatKey="one" Trans', "StudyEventRepeatKey 'one'"),
        (b"06:00:05.000001Z", b"06:00:05.000001", "DateTimeStamp"),
        (b"2026-11-23T06:00:05.000001Z", b"2026-13-23T06:00:05.000001Z", "DateTimeStamp"),
        (b'<UserRef UserOID="U.coordinator1"/>', b"", "whole AuditRecord"),
        (b">opened_by<", b">opened_elsewhere<", "unknown flag"),
        (b'<SignatureRef SignatureOID="SD.approved"/>', b'<SignatureRef SignatureOID="SD.x"/>', "Signature that lacks"),
        (b'Value="95"', b'Value="95" IsNull="Yes"', "has a value and is null"),
        (b' Value="95"', b"", "neither a value nor IsNull"),
        (b'ItemGroupRepeatKey="0', b'Unheard="0', "without ItemGroupRepeatKey"),
        (b'LocationOID="L.site.CENTRE-01"/><Date', b'LocationOID="elsewhere"/><Date', "unknown location"),
    ],
)
def test_what_the_protocol_does_not_know_is_named_with_its_line(old: bytes, new: bytes, said: str) -> None:
    with pytest.raises(Problems) as refusal:
        read(replaced(old, new))
    assert said in str(refusal.value)
    assert all(one.place.startswith("line ") for one in refusal.value.problems)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    content = replaced(b'ItemOID="I.laboratory.value"', b'ItemOID="I.laboratory.unheard"')
    content = content.replace(b'FormOID="F.laboratory" FormRep', b'FormOID="F.none" FormRep')
    content = content.replace(b'<ClinicalData StudyOID="ST.', b'<ClinicalData StudyOID="ST.', 1)
    with pytest.raises(Problems) as refusal:
        read(content)
    messages = {one.message for one in refusal.value.problems}
    assert {"unknown form 'F.none'", "unknown item 'I.laboratory.unheard' of IG.laboratory"} <= messages


def test_a_file_of_another_study_is_refused() -> None:
    with pytest.raises(Problems, match=r"the file is of study 'ST\.OTHER'"):
        read(example.file().replace(example.layout().study_oid.encode(), b"ST.OTHER"))


def test_a_version_of_the_protocol_that_the_site_does_not_have_is_named() -> None:
    with pytest.raises(Problems, match="load that protocol file first"):
        read(example.file(), {})


def test_a_hundred_thousand_faults_are_counted_not_listed() -> None:
    line = b'<SubjectData SubjectKey="P01" TransactionType="Bad"/>\n'
    content = replaced(b"</ClinicalData>", line * 20_000 + b"</ClinicalData>", 1)
    with pytest.raises(Problems) as refusal:
        read(content)
    assert len(refusal.value.problems) == MOST_PROBLEMS + 1
    assert "more problems" in refusal.value.problems[-1].message
