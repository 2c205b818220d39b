"""An SQS event source mapping that polls as Lambda's does. LocalStack 4.9.2 differs in three ways that matter here.

- It polls and invokes in turn, and knows no MaximumConcurrency. Here one poller receives whenever fewer batches than that are under way.
- It polls in intervals with growing pauses. Here it waits at the queue, so that a message is taken the moment it comes.
- It parses each body and writes it anew: the text that a handler sees isn't the text that was sent (spaces, digits, doubled
  keys; a body that is a JSON string loses its quotes). Here the body is left alone, unless the mapping has filters.

A test may hold messages back: those of a queue `<queue>` whose bodies hold `<text>` come late, as they may on AWS, as long as there is a queue
`<queue>--held--<text>`.

What it shares with AWS is left as it is: failed messages are not deleted and nothing else is done to them, so they come again when the visibility
timeout ends that the queue, or the handler by ChangeMessageVisibility, gave them.
"""

import logging
import os
import threading
import time
from typing import Any

from localstack.runtime.shutdown import ON_AFTER_SERVICE_SHUTDOWN_HANDLERS
from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.event_processor import (
    BatchFailureError,
    PartialBatchFailureError,
)
from localstack.services.lambda_.event_source_mapping.pollers.poller import parse_batch_item_failures
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller, transform_into_events
from localstack.services.sqs.models import sqs_stores
from localstack.utils.aws.arns import parse_arn

LOG = logging.getLogger(__name__)

# What Lambda begins with when a mapping has no MaximumConcurrency:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
DEFAULT_CONCURRENCY = 5
# What this machine can take, whatever a mapping allows.
MOST_FUNCTIONS = int(os.environ.get("FANLAKE_MOST_FUNCTIONS") or 1000)
# A deleted mapping ends within this time.
WAIT_SECONDS = 2
HELD = "--held--"
HOLD_SECONDS = 0.05
# For answers that are under way when LocalStack ends.
LAST_SECONDS = 0.3


class ConcurrentSqsPoller(SqsPoller):
    """Receives batches and hands each to a thread of its own, at most `concurrency` at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slots = threading.BoundedSemaphore(DEFAULT_CONCURRENCY)

    def limit(self, concurrency: int) -> None:
        """At most so many batches at a time; to be called before the first poll."""
        self._slots = threading.BoundedSemaphore(min(concurrency, MOST_FUNCTIONS))

    def poll_events(self) -> None:
        """Waits for a free slot, then for messages; called again and again by LocalStack until the mapping is deleted."""
        if self.queue_url.endswith(".fifo") or self.maximum_batching_window > 0 or self.filter_patterns:
            return super().poll_events()
        if not self._slots.acquire(timeout=WAIT_SECONDS):
            return None
        handed_over = False
        try:
            messages = self._receive()
            if messages:
                threading.Thread(target=self._handle, args=(messages,), name="event-source-mapping-batch", daemon=True).start()
                handed_over = True
        finally:
            if not handed_over:
                self._slots.release()

    def _receive(self) -> list[dict]:
        return self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, 10),
            WaitTimeSeconds=WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])

    def _handle(self, messages: list[dict]) -> None:
        try:
            while self._is_held_back(messages):
                time.sleep(HOLD_SECONDS)
            self.delete_messages(messages, self._invoke(messages))
        except BatchFailureError as error:
            LOG.info("A batch of %s failed: %s", self.source_arn, error.error)
        except Exception as error:
            LOG.warning("A batch of %s failed: %s", self.source_arn, error, exc_info=LOG.isEnabledFor(logging.DEBUG))
        finally:
            self._slots.release()

    def _is_held_back(self, messages: list[dict]) -> bool:
        arn = parse_arn(self.source_arn)
        queues = list(sqs_stores[arn["account"]][arn["region"]].queues)
        texts = [text for name, held, text in (queue.partition(HELD) for queue in queues) if held and name == arn["resource"]]
        return any(text in message["Body"] for text in texts for message in messages)

    def _invoke(self, messages: list[dict]) -> set[str]:
        """Invokes the function and returns the ids of what it handled; an answer that AWS can't read means none of them."""
        ids = {message["MessageId"] for message in messages}
        try:
            self.processor.process_events_batch(self.add_source_metadata(transform_into_events(messages)))
        except PartialBatchFailureError as error:
            return ids.difference(parse_batch_item_failures(error.partial_failure_payload, ids))
        return ids


def _end_soon() -> None:
    """Ends the process without waiting for its threads: one may still have to answer a waiting poll whose connection is closed, for ever.

    Not by a daemon thread: Python itself would wait for this one before it takes itself apart, which was seen to hang, too.
    """
    threading.Timer(LAST_SECONDS, os._exit, [0]).start()


def install() -> None:
    """Makes LocalStack use this poller, with each mapping's own MaximumConcurrency."""
    get_esm_worker = esm_worker_factory.EsmWorkerFactory.get_esm_worker

    def get_concurrent_esm_worker(self: esm_worker_factory.EsmWorkerFactory) -> esm_worker_factory.EsmWorker:
        worker = get_esm_worker(self)
        concurrency = (self.esm_config.get("ScalingConfig") or {}).get("MaximumConcurrency")
        if isinstance(worker.poller, ConcurrentSqsPoller) and concurrency:
            worker.poller.limit(concurrency)
        return worker

    esm_worker_factory.SqsPoller = ConcurrentSqsPoller
    esm_worker_factory.EsmWorkerFactory.get_esm_worker = get_concurrent_esm_worker
    ON_AFTER_SERVICE_SHUTDOWN_HANDLERS.register(_end_soon)
