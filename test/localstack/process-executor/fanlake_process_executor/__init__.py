"""Lambda functions as Node processes in LocalStack 4.9.2, and SQS event source mappings that poll as AWS's do."""
