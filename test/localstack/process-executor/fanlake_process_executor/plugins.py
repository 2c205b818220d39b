"""What LocalStack finds of this package: its entry points (see `pyproject.toml`)."""

import gc

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """`LAMBDA_RUNTIME_EXECUTOR=process`."""

    name = "process"

    def load(self, *args, **kwargs):
        """Returns the executor's class; imported late, as LocalStack does with Docker's."""
        from .executor import ProcessExecutor

        return ProcessExecutor


@hooks.on_infra_start()
def mend_localstack() -> None:
    """Makes LocalStack do what AWS does, where our tests depend on it. One entry point for all, because pip reads them only when it installs."""
    from . import cloudformation, s3_conditions, s3_listings, sqs_poller

    _know_node_24()
    _keep_connections()
    _count_no_invocations()
    _collect_rarely()
    sqs_poller.install()
    s3_conditions.install()
    s3_listings.install()
    cloudformation.install()


def _know_node_24() -> None:
    """Lets CreateFunction take `nodejs24.x`, which came after this release. The lists are shared, so they are appended to."""
    from localstack.services.lambda_ import runtimes

    # The image that its own executor runs such a function in.
    runtimes.IMAGE_MAPPING.setdefault("nodejs24.x", "nodejs:24")
    for known in (runtimes.ALL_RUNTIMES, runtimes.SUPPORTED_RUNTIMES):
        if "nodejs24.x" not in known:
            known.append("nodejs24.x")


def _count_no_invocations() -> None:
    """Spares what CloudWatch would say of each invocation, a file that is synced each time: what we count stands in the functions' logs."""
    from localstack.services.lambda_.invocation import metrics

    metrics.publish_lambda_metric = lambda *args, **kwargs: None


def _collect_rarely() -> None:
    """Looks for garbage when there may be some: with Python's thresholds a sixth of LocalStack's CPU goes through its million objects again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _keep_connections() -> None:
    """Lets clients close connections, and not the server.

    Hypercorn closes one that is idle for five seconds, or has had a thousand requests, and a client that uses it in that moment gets
    ECONNRESET. It also lets only a hundred wait to be accepted.
    """
    from hypercorn.config import Config

    Config.keep_alive_timeout = 3600
    Config.keep_alive_max_requests = 1_000_000_000
    Config.backlog = 1000
