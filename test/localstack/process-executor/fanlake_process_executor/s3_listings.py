"""Makes LocalStack's S3 page through keys of any characters when it is asked to URL-encode them.

LocalStack 4.9.2 compares encoded keys with markers that are not: pages then leave out keys or never end. Here it lists keys as they
are, and they are encoded in the answer as AWS does it: a space is a plus.
"""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from localstack.aws.api import RequestContext
from localstack.aws.api.s3 import EncodingType
from localstack.services.s3.provider import S3Provider

ENCODED_FIELDS = ("Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker")
ENCODED_LISTS = {"Contents": "Key", "Versions": "Key", "DeleteMarkers": "Key", "CommonPrefixes": "Prefix"}


def _encode(item: dict[str, Any], fields: tuple[str, ...]) -> None:
    for field in fields:
        if item.get(field):
            item[field] = quote_plus(item[field], safe="/")


def _encoding_last(operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def list_and_encode(
        self: S3Provider, context: RequestContext, *args: Any, encoding_type: EncodingType | None = None, **kwargs: Any
    ) -> Any:
        page = operation(self, context, *args, **kwargs)
        if encoding_type:
            page["EncodingType"] = encoding_type
            _encode(page, ENCODED_FIELDS)
            for name, field in ENCODED_LISTS.items():
                for item in page.get(name, []):
                    _encode(item, (field,))
        return page

    return list_and_encode


def install() -> None:
    """To be called before S3 is loaded."""
    for name in ("list_objects", "list_objects_v2", "list_object_versions"):
        setattr(S3Provider, name, _encoding_last(getattr(S3Provider, name)))
