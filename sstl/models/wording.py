"""What a model expected, in words for the person who wrote the value.

pydantic speaks to programmers ("String should match pattern '^[A-Z]{2}$'"); publishers and authors of a policy read
what would have been right.
"""

from collections.abc import Mapping
from typing import Any

_INSTANT = "an instant as RFC 3339, like 2026-03-01T08:00:00Z"
_DATE = "a date like 2026-03-01"
_NUMBER = "a number"
_WHOLE = "a whole number"
_TRUTH = "true or false"
_LIST = "a list"
_OBJECT = "an object of names and values"

_KINDS = {
    "string_type": "a text",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "a smaller whole number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "a finite number",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": "an instant with its offset, like 2026-03-01T08:00:00Z",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "extra_forbidden": "no key of this name",
}
_LIMITS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "a text of {min_length} or more characters",
    "string_too_long": "a text of up to {max_length} characters",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of up to {max_length}",
}
PATTERNS = {
    r"^[A-Z]{2}$": "a country as two capital letters (ISO 3166)",
    r"^[A-Z]{3}$": "a currency as three capital letters (ISO 4217)",
    r"^[A-Z][0-9]$": "a letter and a digit, like A1",
    r"^[A-Za-z0-9]{2,20}$": "2 to 20 letters or digits",
    r"^[A-Za-z0-9._+-]{1,64}$": "1 to 64 letters, digits, dots, _, + and -",
    r"^[A-Za-z0-9][A-Za-z0-9:/_.#+\-|]*$": (
        "letters, digits and : / _ . # + - |, the first a letter or digit"
    ),
    r"^[A-Za-z0-9][A-Za-z0-9_.:\-]*$": "letters, digits and _ . : -, the first a letter or digit",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits, small letters",
    r"^[^\s\x00-\x1f\x7f~][^\s\x00-\x1f\x7f]*$": "a lane like CNYTN-NLRTM-SEA",
    r"^[^\x00-\x1f\x7f]*\w[^\x00-\x1f\x7f]*$": (
        "a seal number: a letter or digit in it, no control characters"
    ),
    r"^\d{2}$": "two digits",
    r"^\d{2,6}$": "2 to 6 digits",
    r"\S": "a text that is not blank",
}
"""Pattern of a model to what it stands for; a test holds it complete."""


def expected(detail: Mapping[str, Any]) -> str:
    """Return what would have been right, from one entry of ``ValidationError.errors()``.

    What a validator of ours said, and kinds that are not known here, come as they are.
    """
    kind, context = str(detail["type"]), detail.get("ctx") or {}
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return PATTERNS.get(pattern, f"a text of the form {pattern}")
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _LIMITS:
        return _LIMITS[kind].format(**{name: _plain(limit) for name, limit in context.items()})
    if "expected" in context:
        return str(context["expected"])
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")


def _plain(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
