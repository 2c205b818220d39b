import { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricName } from '../functions/runtime/log.ts';

/** How many in five minutes, of the deployment `prefix`. */
export function counted(prefix: string, metricName: MetricName): Metric {
  return new Metric({
    namespace: 'Fanlake',
    metricName,
    dimensionsMap: { service: 'fanlake', stack: prefix },
    statistic: Stats.SUM,
    period: Duration.minutes(5),
  });
}
