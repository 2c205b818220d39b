import { Duration } from 'aws-cdk-lib';
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IMetric, PeriodOverride, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { MetricName } from '../functions/runtime/log.ts';
import type { FanlakeFunction } from './function.ts';
import { counted } from './metrics.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { type FunctionName, functionNames, type QueueName, queueNames } from './sizes.ts';

export interface DashboardProps {
  readonly prefix: string;
  readonly alarms: readonly Alarm[];
  readonly queues: Readonly<Record<QueueName, QueueWithDeadLetters>>;
  readonly functions: Readonly<Record<FunctionName, FanlakeFunction>>;
}

const half = { width: 12, height: 6 };
const period = Duration.minutes(1);

const graph = (title: string, left: readonly IMetric[], right: readonly IMetric[] = []): GraphWidget =>
  new GraphWidget({ ...half, title, left: [...left], right: [...right] });

/** What one looks at first: alarms, runs, rows, queues, functions. */
export function createDashboard(scope: Construct, id: string, { prefix, alarms, queues, functions }: DashboardProps): Dashboard {
  const count = (...names: readonly MetricName[]): readonly IMetric[] => names.map((name) => counted(prefix, name));
  const lambdas = functionNames.map((name) => ({ label: name, lambda: functions[name].lambda }));
  const waiting = queueNames.map((name) =>
    queues[name].queue.metricApproximateNumberOfMessagesVisible({ label: name, period, statistic: Stats.MAXIMUM }),
  );
  const oldest = queueNames.map((name) =>
    queues[name].queue.metricApproximateAgeOfOldestMessage({ label: name, period, statistic: Stats.MAXIMUM }),
  );
  const dashboard = new Dashboard(scope, id, {
    dashboardName: prefix,
    defaultInterval: Duration.hours(12),
    periodOverride: PeriodOverride.AUTO,
  });
  dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', width: 24, height: 4, alarms: [...alarms] }));
  dashboard.addWidgets(
    graph('Runs ended', count('RunsCommitted', 'RunsPartial', 'RunsFailed', 'RunsCancelled')),
    graph('Rows', count('RowsWritten'), count('RowsQuarantined')),
  );
  dashboard.addWidgets(graph('Messages that wait', waiting), graph('Seconds that the oldest message waits', oldest));
  dashboard.addWidgets(
    graph(
      'Functions at work at once',
      lambdas.map(({ label, lambda }) => lambda.metric('ConcurrentExecutions', { label, period, statistic: Stats.MAXIMUM })),
    ),
    graph(
      'Milliseconds of an invocation, 99th percentile',
      lambdas.map(({ label, lambda }) => lambda.metricDuration({ label, period, statistic: Stats.p(99) })),
    ),
  );
  dashboard.addWidgets(
    graph(
      'Errors and throttles',
      lambdas.map(({ label, lambda }) => lambda.metricErrors({ label: `errors: ${label}`, period })),
      lambdas.map(({ label, lambda }) => lambda.metricThrottles({ label: `throttles: ${label}`, period })),
    ),
    graph(
      'Set aside',
      count('UploadsIgnored', 'MessagesPassedOver', 'MalformedMessages', 'DeadLetters', 'TasksFailed', 'DeadlineExceeded'),
    ),
  );
  return dashboard;
}
