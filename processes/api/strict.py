"""Serializers and fields that take exactly what the schema says, and nothing that resembles it."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processes.bus.models import NAME_LENGTH

WITHOUT_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"
"""What Python takes for space, too; other languages know less of it by that name."""

_DIGITS = re.compile(r"[0-9]{1,9}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know; ``more_schema`` is what OpenAPI says of all together."""

    more_schema: ClassVar[dict[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := data.keys() - self.fields.keys()):
            told = f"There is no such field; there are {', '.join(self.fields) or 'none'}."
            raise serializers.ValidationError({name: [told] for name in sorted(unknown)})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string, as it is; without the NUL character, which PostgreSQL does not store."""

    pattern: ClassVar[str] = WITHOUT_NUL

    def __init__(self, **options: Any) -> None:
        bounds = {"min_length": 0 if options.get("allow_blank") else 1, "max_length": NAME_LENGTH}
        super().__init__(**bounds | {"trim_whitespace": False} | options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Words(Text):
    """A text that has more than spaces; its reader refuses one that has not."""

    pattern = NOT_BLANK


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is float and data.is_integer():
            return int(data)  # to JSON 1.0 and 1 are the same number
        if type(data) is not int:
            self.fail("invalid")
        return data


class WrittenNumber(serializers.IntegerField):
    """A whole number as a query parameter has it: digits."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or not _DIGITS.fullmatch(data):
            self.fail("invalid")
        return int(data)


class Number(serializers.FloatField):
    """A JSON number."""

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            self.fail("invalid")
        try:
            return float(data)
        except OverflowError:
            self.fail("invalid")


class YesNo(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=str(data)[:50])
        return data


class Uuid(serializers.UUIDField):
    """A UUID with its hyphens."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid", value=str(data)[:50])
        return uuid.UUID(data)


class JsonObject(serializers.DictField):
    """A JSON object; what is in it is judged by whoever stores it."""


@extend_schema_field({})
class AnyJson(serializers.ReadOnlyField):
    """Whatever JSON is stored."""
