"""Makes conditional writes of LocalStack's S3 atomic where they aren't: at the end of a multipart upload.

LocalStack 4.9.2 looks whether the object is there, then puts the parts together, then stores: of three that create an object of 40 MB at the
same time all three win. On AWS one does (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

import functools
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.s3.provider import S3Provider

_locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
_locks_lock = threading.Lock()


def _one_at_a_time(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Lets requests that write the same key wait for each other."""

    @functools.wraps(operation)
    def wait_and_write(self: S3Provider, context: RequestContext, *args: Any, **kwargs: Any) -> Any:
        request = context.service_request or {}
        with _locks_lock:
            lock = _locks[(request["Bucket"], request["Key"])]
        with lock:
            return operation(self, context, *args, **kwargs)

    return wait_and_write


def install() -> None:
    """To be called before S3 is loaded."""
    for name in ("put_object", "complete_multipart_upload"):
        setattr(S3Provider, name, _one_at_a_time(getattr(S3Provider, name)))
