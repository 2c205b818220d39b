"""Makes LocalStack's CloudFormation keep what a template says is to be kept, and be quick.

LocalStack 4.9.2 knows no DeletionPolicy: it deletes a bucket that is to be retained, with all that is in it. And it looks after each function
only every five seconds, though none of them takes one.
"""

import functools
from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import ChangeAction
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceProviderExecutor

POLL_SECONDS = 0.2
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
KEEPING_POLICIES = ("Retain", "RetainExceptOnCreate")


def _keeping(execute: Callable[..., ProgressEvent]) -> Callable[..., ProgressEvent]:
    """Leaves a resource alone that leaves its stack and is to be retained: it is no part of the stack any more, and that is all."""

    @functools.wraps(execute)
    def keep_or_execute(
        self: ChangeSetModelExecutor,
        action: ChangeAction,
        logical_resource_id: str,
        *args: Any,
        part_of_replacement: bool = False,
        **kwargs: Any,
    ) -> ProgressEvent:
        # Until the change is made this is the template from before, which is the one that counts; UpdateReplacePolicy is another matter.
        template = self._change_set.stack.processed_template or {}
        policy = template.get("Resources", {}).get(logical_resource_id, {}).get("DeletionPolicy")
        if action == ChangeAction.Remove and policy in KEEPING_POLICIES and not part_of_replacement:
            return ProgressEvent(OperationStatus.SUCCESS, resource_model={})
        return execute(self, action, logical_resource_id, *args, part_of_replacement=part_of_replacement, **kwargs)

    return keep_or_execute


def install() -> None:
    """To be called before a stack is deployed."""
    ChangeSetModelExecutor._execute_resource_action = _keeping(ChangeSetModelExecutor._execute_resource_action)
    ResourceProviderExecutor.deploy_loop = functools.partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=POLL_SECONDS)
