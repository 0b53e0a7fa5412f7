"""Cut CDISC's SDTM terminology to what the export uses: src/theratrial/exchange/sdtm/data/terminology.csv.

Reads ``sdtmct-2025-03-28.json`` of the conformance tool (CONFORMANCE_DIR, default ../shared/tools/conformance). Lists
in `WHOLE` are taken whole, of those in `PARTS` only the terms named. Run after adding a term: it seals the table anew.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from theratrial.reference import sealed

ROOT = Path(__file__).resolve().parents[1]
SOURCE = (
    Path(os.environ.get("CONFORMANCE_DIR", ROOT.parent / "shared/tools/conformance")) / "data/ct/sdtmct-2025-03-28.json"
)
TABLE = ROOT / "src/theratrial/exchange/sdtm/data/terminology.csv"

WHOLE = (
    "SEX",
    "ARMNULRS",
    "EPOCH",
    "AGEU",
    "NY",
    "ND",
    "STENRF",
    "IECAT",
    "ACN",
    "OUT",
    "PROTMLST",
    "NCOMPLT",
    "OTHEVENT",
    "DSCAT",
    "DSSCAT",
    "TTYPE",
    "TPHASE",
    "TINDTP",
    "TBLIND",
    "INTMODEL",
    "INTTYPE",
    "TCNTRL",
    "STYPE",
    "SEXPOP",
    "TSPARMCD",
    "TSPARM",
    "RELTYPE",
    "NRIND",
    "ONCRSCAT",
    "ONCRSR",
    "TUTESTCD",
    "TUTEST",
    "TUIDRS",
    "TRPROPRS",
    "AESEV",
    "VSRESU",
    "ECOG1TC",
    "ECOG1TN",
    "ECOG101OR",
    "ECOG101STR",
    "MEDEVAL",
    "SSTATRS",
    "SSTESTCD",
    "SSTEST",
)

PARTS: dict[str, str] = {
    "ROUTE": "INTRAVENOUS|INTRAVENOUS BOLUS|INTRAVENOUS DRIP|INTRA-ARTERIAL|INTRACAVITARY|INTRATUMOR|INTRAPERITONEAL|"
    "INTRALESIONAL|INTRAHEPATIC|ORAL|SUBCUTANEOUS|INTRATHECAL",
    "FRM": "INJECTION|INJECTION, SOLUTION|CAPSULE|SOLUTION",
    "FREQ": "ONCE",
    "UNIT": "MBq|GBq|mg|kg|g|cm|mm|mL|h|DAYS|%|g/L|g/dL|10^9/L|10^3/uL|/uL|/mm3|cells/mm3|U/L|umol/L|mg/dL|g/mL|Gy|"
    "uSv/h|mSv|BEATS/MIN|1|RATIO|YEARS|kg/m2|mGy|uSv|MBq/mL|MBq*h|Bq/mL|h*MBq|10^6/L|HOURS|/s|mmol/L|IU/L|"
    "fraction of 1|m|mEq/L|ukat/L|mL/min|mL/min/1.73m2|cm3|kg/L|mg/L|GBq/mL",
    "LBTESTCD": "NEUT|LYM|WBC|PLAT|HGB|ALB|CREAT|BILI|ALT|AST|ALP|HCG|GGT|GFR|CREATCLR|SODIUM|K|MG|CACR|CAION|GLUC",
    "LBTEST": "",
    "LBSTRESC": "NEGATIVE|POSITIVE|INDETERMINATE",
    "CCCAT": "ECOG",
    "PROCEDUR": "SPECT/CT SCAN|CT SCAN|MRI|RADIOTHERAPY",
    "SPECTYPE": "BLOOD|SERUM|PLASMA|URINE|SERUM OR PLASMA",
    "VSTESTCD": "HEIGHT|WEIGHT|BMI",
    "VSTEST": "Height|Weight|Body Mass Index",
    "TRTESTCD": "LDIAM|LPERP|DIAMETER|SAXIS|TUMSTATE|SUVMAX|SUVPEAK|SUVMEAN|VOLUME|SUMDIAM|SUMLDIAM|ACNSD|PCHGNAD|"
    "PCHGBL|LMDIAM|SUVAVG|SULPEAK|SULMAX|SULMEAN|SUMNLNLD|UPTAKE|PCBSD|PCNSD",
    "TRTEST": "",
    "ONCRTSCD": "OVRLRESP|TRGRESP|NTRGRESP|NEWLIND|NEWLPROG|BESTRESP|CLINRESP|METSRESP|NRADPROG|TUMRESP|OBJRESP",
    "ONCRTS": "",
    "LOC": "LIVER|LUNG|BONE|BREAST|LYMPH NODE|BRAIN|SKIN|KIDNEY|SPLEEN|HEART|BODY|BONE MARROW|WHOLE BODY|CHEST WALL|"
    "PLEURA|PERITONEUM|ADRENAL GLAND|OVARY|SOFT TISSUE|VERTEBRA|ANTECUBITAL FOSSA|SALIVARY GLAND|THYROID GLAND|"
    "BLADDER|STOMACH|SMALL INTESTINE|COLON|PANCREAS|PROSTATE GLAND|LACRIMAL GLAND|GALLBLADDER|MUSCLE|BLOOD|TESTIS|"
    "UTERUS|PAROTID GLAND|SUBMANDIBULAR GLAND",
    "METHOD": "CT SCAN|MRI|PET/CT SCAN|SPECT|SPECT/CT SCAN|SPECT SCAN|PET SCAN|IMMUNO-PET SCAN|SCINTIGRAPHY|"
    "CALCULATION|PLANAR SCINTIGRAPHY|WHOLE BODY SCINTIGRAPHY|RADIONUCLIDE SCAN|PHYSICAL EXAMINATION|FDG-PET SCAN|"
    "FDG-PET/CT SCAN",
    "EVAL": "INVESTIGATOR|INDEPENDENT ASSESSOR|ADJUDICATOR|ONCOLOGIST|RADIOLOGIST|NUCLEAR MEDICINE PHYSICIAN|SPONSOR|"
    "PHYSICIAN|ADJUDICATION COMMITTEE|STUDY SUBJECT|READER",
    "DOMAIN": "",
}
"""List -> terms, parted by ``|``; names that the list does not have are passed over. Empty: those whose codes stand in
the list of test codes of the same stem, and for DOMAIN every domain."""
PAIRS = {"TRTEST": "TRTESTCD", "ONCRTS": "ONCRTSCD", "LBTEST": "LBTESTCD"}

PASSPORT = """#: title = "Controlled terms of SDTM that the export uses"
#: edition = "SDTM terminology 2025-03-28"
#: source = "CDISC SDTM Controlled Terminology, published by NCI EVS, package 2025-03-28"
#: licence = "Terms published by NCI EVS for CDISC, free to use; the file they were taken from: Apache-2.0"
#: how_entered = "by scripts/sdtm_terminology.py from the terminology file of the conformance tool"
#: how_checked = "tests/exchange compare every row with that file; CDISC's CORE rules check every export"
#: decisions = ["decode is the term of the paired list of test names with the same code, else NCI's preferred name"]
#: sha256 = "x"
#: [units]
#: list_code = "-"
#: list = "-"
#: list_name = "-"
#: extensible = "-"
#: code = "-"
#: value = "-"
#: decode = "-"
"""


def rows(lists: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Rows of the table."""
    found = []
    for name in sorted({*WHOLE, *PARTS}):
        one = lists[name]
        terms = one["terms"]
        if name in PAIRS:
            wanted = {t["conceptId"] for t in _named(lists[PAIRS[name]], PARTS[PAIRS[name]])}
            terms = [t for t in terms if t["conceptId"] in wanted]
        elif PARTS.get(name):
            terms = _named(one, PARTS[name])
        names = _names(lists, name)
        for term in sorted(terms, key=lambda t: t["submissionValue"]):
            decode = names.get(term["conceptId"], term["preferredTerm"])
            extensible = "yes" if one["extensible"] else "no"
            head = [one["conceptId"], name, one["name"], extensible]
            found.append([*head, term["conceptId"], term["submissionValue"], decode])
    return found


def _named(one: dict[str, Any], names: str) -> list[dict[str, Any]]:
    wanted = set(names.split("|"))
    return [t for t in one["terms"] if t["submissionValue"] in wanted]


def _names(lists: dict[str, dict[str, Any]], name: str) -> dict[str, str]:
    for ends in (("TESTCD", "TEST"), ("TSCD", "TS"), ("1TC", "1TN"), ("PARMCD", "PARM")):
        if name.endswith(ends[0]) and name.removesuffix(ends[0]) + ends[1] in lists:
            return {t["conceptId"]: t["submissionValue"] for t in lists[name.removesuffix(ends[0]) + ends[1]]["terms"]}
    return {}


def main() -> None:
    """Write the table."""
    lists = {one["submissionValue"]: one for one in json.loads(SOURCE.read_text(encoding="utf-8"))["codelists"]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["list_code", "list", "list_name", "extensible", "code", "value", "decode"])
    made = rows(lists)
    writer.writerows(made)
    TABLE.write_text(sealed(PASSPORT + text.getvalue()), encoding="utf-8")
    print(f"{len(made)} terms of {len({row[0] for row in made})} lists")


if __name__ == "__main__":
    main()
