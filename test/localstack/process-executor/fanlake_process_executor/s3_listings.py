"""Makes LocalStack's S3 list as AWS does, and in a time that tests can wait for.

- It pages through keys of any characters when it is asked to URL-encode them. LocalStack 4.9.2 compares encoded keys with markers that are
  not: pages then leave out keys or never end. Here it lists keys as they are, and they are encoded in the answer as AWS does it: a space is a plus.
- Every task of a run lists its group. LocalStack sorts all keys of the bucket for that, and then writes its answer element by element, each time
  parsed anew: 72 ms of CPU for 500 keys, of which all other requests wait. Here it sees the keys of the prefix alone, and a page's
  objects are written as text: 16 ms.
"""

import functools
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape
from localstack.aws.api import RequestContext
from localstack.aws.api.s3 import EncodingType
from localstack.aws.protocol.serializer import S3ResponseSerializer
from localstack.services.s3.models import KeyStore
from localstack.services.s3.provider import S3Provider

ENCODED_FIELDS = ("Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker")
ENCODED_LISTS = {"Contents": "Key", "Versions": "Key", "DeleteMarkers": "Key", "CommonPrefixes": "Prefix"}

# What a page says of an object; one of which it says more is left to LocalStack.
OBJECT_FIELDS = {"Key", "LastModified", "ETag", "Size", "StorageClass", "ChecksumAlgorithm", "ChecksumType"}
END_OF_LIST = b"</ListBucketResult>"

_listing = threading.local()


def _encode(item: dict[str, Any], fields: tuple[str, ...]) -> None:
    for field in fields:
        if item.get(field):
            item[field] = quote_plus(item[field], safe="/")


def _encoding_last(operation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(operation)
    def list_and_encode(
        self: S3Provider, context: RequestContext, *args: Any, encoding_type: EncodingType | None = None, **kwargs: Any
    ) -> Any:
        _listing.prefix = kwargs.get("prefix") or ""
        try:
            page = operation(self, context, *args, **kwargs)
        finally:
            _listing.prefix = ""
        if encoding_type:
            page["EncodingType"] = encoding_type
            _encode(page, ENCODED_FIELDS)
            for name, field in ENCODED_LISTS.items():
                for item in page.get(name, []):
                    _encode(item, (field,))
        return page

    return list_and_encode


def _only_below_prefix(values: Callable[..., Any]) -> Callable[..., Any]:
    """The objects of a bucket, while it is listed only those of the prefix."""

    @functools.wraps(values)
    def values_below(self: KeyStore, *args: Any, **kwargs: Any) -> Any:
        prefix = getattr(_listing, "prefix", "")
        if not prefix:
            return values(self, *args, **kwargs)
        # copied, because other requests change it meanwhile
        return [s3_object for key, s3_object in self._store.copy().items() if key.startswith(prefix)]

    return values_below


@functools.lru_cache(maxsize=10_000)
def _time(value: datetime) -> str:
    return S3ResponseSerializer._timestamp_iso8601(value)


def _as_xml(item: dict[str, Any]) -> str:
    checksum = "".join(f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm>" for algorithm in item.get("ChecksumAlgorithm", ()))
    if "ChecksumType" in item:
        checksum += f"<ChecksumType>{item['ChecksumType']}</ChecksumType>"
    return (
        f"<Contents><Key>{escape(item['Key'])}</Key><LastModified>{_time(item['LastModified'])}</LastModified><ETag>{escape(item['ETag'])}</ETag>"
        f"<Size>{item['Size']}</Size><StorageClass>{item['StorageClass']}</StorageClass>{checksum}</Contents>"
    )


def _objects_as_text(serialize: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(serialize)
    def serialize_page(
        self: S3ResponseSerializer, params: dict, shape: Shape, operation_model: OperationModel, mime_type: str, request_id: str
    ) -> Any:
        objects = params.get("Contents") if operation_model.name == "ListObjectsV2" else None
        # a key that isn't encoded may hold what XML can't
        if not objects or "EncodingType" not in params or any(item.keys() - OBJECT_FIELDS for item in objects):
            return serialize(self, params, shape, operation_model, mime_type, request_id)
        page = {name: value for name, value in params.items() if name != "Contents"}
        before, end, after = serialize(self, page, shape, operation_model, mime_type, request_id).rpartition(END_OF_LIST)
        return before + "".join(map(_as_xml, objects)).encode() + end + after

    return serialize_page


def install() -> None:
    """To be called before S3 is loaded."""
    for name in ("list_objects", "list_objects_v2", "list_object_versions"):
        setattr(S3Provider, name, _encoding_last(getattr(S3Provider, name)))
    KeyStore.values = _only_below_prefix(KeyStore.values)
    S3ResponseSerializer._serialize_body_params = _objects_as_text(S3ResponseSerializer._serialize_body_params)
