"""Values and their types: what is null, what becomes what, what equals what.

Strings are never null: an empty one stands for what is missing. A dynamic value is what JSON can say.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

TYPES = ("string", "long", "int", "real", "double", "bool", "datetime", "timespan", "dynamic")
NUMBERS = ("long", "int", "real", "double")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:\d\d)?")
_LONG = 2**63


def missing(kind: str) -> Any:
    """What a column has where there is nothing."""
    return "" if kind == "string" else None


def to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def to_long(value: Any) -> int | None:
    number = to_real(value)
    if number is None or not -_LONG <= number < _LONG:
        return None
    return int(value) if isinstance(value, int) else int(number)


def to_real(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (bool, int, float)) or abs(value) > 1e308 or math.isnan(value):
        return None
    return float(value)


def to_bool(value: Any) -> bool | None:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return None


def to_datetime(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    numbers = [int(number or 0) for number in match.groups()[:6]]
    try:
        moment = datetime(*numbers, int((match[7] or "").ljust(6, "0")[:6]), tzinfo=timezone.utc)
        return moment - _offset(match[8])
    except (ValueError, OverflowError):
        return None


def to_dynamic(value: Any) -> Any:
    """What a text says as JSON; any other text is a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _to_timespan(value: Any) -> timedelta | None:
    return value if isinstance(value, timedelta) else None


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string": to_string,
    "long": to_long,
    "int": to_long,
    "real": to_real,
    "double": to_real,
    "bool": to_bool,
    "datetime": to_datetime,
    "timespan": _to_timespan,
    "dynamic": lambda value: value,
}


def written(value: Any) -> Any:
    """A value as it stands in an answer."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z"
    if isinstance(value, timedelta):
        return str(value)
    return value


def sort_key(value: Any, nulls_first: bool) -> tuple:
    """By which values of one type are sorted, upwards. Strings go by their code points."""
    if value is None:
        return (0 if nulls_first else 2, 0)
    return (1, value)


def _offset(text: str | None) -> timedelta:
    if not text or text == "Z":
        return timedelta(0)
    hours, minutes = int(text[1:3]), int(text[4:6])
    return timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1)
