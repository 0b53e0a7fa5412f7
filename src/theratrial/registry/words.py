"""The smallest values of a registration record: words in two languages, codes beside the registered words, dates."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from theratrial.registry.calendars import disagreement, jalali_text
from theratrial.registry.codes import code_list_problem

Language = Literal["en", "fa"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fa")


class Piece(BaseModel):
    """A piece of a record: unknown keys refused, text trimmed at both ends, values never change after reading.

    What is empty is not written: a record's file holds what was registered and nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> Any:
        plain = handler(self)
        return {key: value for key, value in plain.items() if not is_blank(value)}


def is_blank(value: object) -> bool:
    """Whether a field holds nothing: an empty text, no value, an empty list. Zero and False are something."""
    return value is None or (not value and isinstance(value, _HOLDERS))


_HOLDERS: Final = (str, dict, list, tuple)


class Text(Piece):
    """Words in English and Persian; a plain text in a file is the English one."""

    en: str = ""
    fa: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if type(value) is dict:
            return value
        if isinstance(value, bool | int | float):
            raise ValueError("a text is expected; put a number into quotes")
        return {"en": value} if isinstance(value, str) else {} if value is None else value

    @model_serializer
    def _short(self) -> Any:
        return self.en if not self.fa else {key: value for key, value in (("en", self.en), ("fa", self.fa)) if value}

    def __bool__(self) -> bool:
        return bool(self.en or self.fa)

    def __str__(self) -> str:
        return self.en or self.fa

    def said(self, language: Language) -> str:
        """The words in that language, empty where they were never given: one language does not stand for the other."""
        return self.fa if language == "fa" else self.en


class Coded(Piece):
    """An entry of a code list; `text` holds the registered words where they are not the list's own.

    Words that fit no entry are kept with an empty code, and the check names them.
    """

    code: str = ""
    text: Text = Text()

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"code": value} if isinstance(value, str) else {} if value is None else value

    @model_serializer
    def _short(self) -> Any:
        if not self.text:
            return self.code
        return {key: value for key, value in (("code", self.code), ("text", self.text.model_dump())) if value}

    def __bool__(self) -> bool:
        return bool(self.code or self.text)


def coded(list_name: str) -> Any:
    """The type of a field with entries of one code list: ``phase: Annotated[Coded, coded("phase")]``."""
    from pydantic import AfterValidator

    def checked(value: Coded) -> Coded:
        if problem := code_list_problem(list_name, value.code):
            raise ValueError(problem)
        return value

    return AfterValidator(checked)


def _gregorian(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ValueError(
            f"'{given}' is no Gregorian day; write 2021-10-18, with the Jalali date {{gregorian: 2021-10-18, jalali: "
            "'1400/07/26'}, of a month alone {gregorian: 2021-10-01, precision: month}"
        ) from None


class RecordDate(Piece):
    """A date of the record: the Gregorian day, and how it was given.

    Only dates that exist and whose two calendars agree can be made; a date that a source garbled is never stored, the
    import tells of it.
    """

    gregorian: date
    """First day of the month or year where `precision` says that no more is known."""
    precision: Literal["day", "month", "year"] = "day"
    jalali: str = ""
    """As registered, ``1400/07/26``; empty where the record gives only the Gregorian date."""
    calendar: Literal["gregorian", "jalali"] = "gregorian"
    """In which the date was entered."""
    text: str = ""
    """As it was written, where that is neither ``2021-10-18`` nor ``2021-10-18, 1400/07/26``."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        # Whoever goes through here hands on Python values, for which a strict reader takes no text as a date.
        plain = {"gregorian": value} if isinstance(value, date | str) else value
        if isinstance(plain, dict) and isinstance(given := plain.get("gregorian"), str):
            plain = plain | {"gregorian": _gregorian(given)}
        return plain

    @model_validator(mode="after")
    def _same_day(self) -> RecordDate:
        if self.jalali and (fault := disagreement(self.gregorian, self.jalali)):
            raise ValueError(fault)
        return self

    @model_serializer
    def _short(self) -> Any:
        plain: dict[str, Any] = {"gregorian": self.gregorian}
        plain |= {key: getattr(self, key) for key in ("jalali", "text") if getattr(self, key)}
        if self.precision != "day":
            plain["precision"] = self.precision
        if self.calendar != "gregorian":
            plain["calendar"] = self.calendar
        return plain

    @property
    def jalali_derived(self) -> str:
        """The Jalali date of the Gregorian one, computed; empty where only a month or year is known."""
        return jalali_text(self.gregorian) if self.precision == "day" else ""

    @property
    def pair(self) -> str:
        """Both calendars as a registry shows them: ``2021-10-18, 1400/07/26``."""
        if self.precision != "day":
            return self.gregorian.isoformat()[: 4 if self.precision == "year" else 7]
        return f"{self.gregorian.isoformat()}, {self.jalali_derived}"


Percent = Annotated[float, Field(ge=0, le=100)]
