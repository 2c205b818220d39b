"""LocalStack's image runs this in its own process when it starts (it lies in /etc/localstack/init/start.d): there our package isn't installed."""

import sys

sys.path.insert(0, "/opt/fanlake")

from fanlake_process_executor.plugins import mend_localstack

mend_localstack()
