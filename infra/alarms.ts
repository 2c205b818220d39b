import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, MathExpression, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IRule } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FanlakeFunction } from './function.ts';
import { counted } from './metrics.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { type FunctionName, functionNames, type QueueName, queueNames } from './sizes.ts';

/** `high`: rows wait or are lost until somebody acts. `low`: to be looked at within days. */
type Severity = 'high' | 'low';

interface Definition {
  /** Of the alarm, and of its section in the runbook. */
  readonly name: string;
  /** Behind the name, where one alarm can't watch all that its section is about. */
  readonly number?: number;
  readonly severity: Severity;
  readonly sentence: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** Periods in a row, of five minutes, that must be at or above the threshold. Default 1. */
  readonly periods?: number;
}

export interface AlarmsProps {
  readonly prefix: string;
  readonly queues: Readonly<Record<QueueName, QueueWithDeadLetters>>;
  readonly undeliverable: Queue;
  /** By which EventBridge announces uploads to an existing bucket. */
  readonly rules: readonly IRule[];
  readonly functions: Readonly<Record<FunctionName, FanlakeFunction>>;
  readonly topic?: ITopic | undefined;
}

const period = Duration.minutes(5);

/** Beyond these a message has waited for more than one failed attempt, or the functions can't keep up. A monitor's message waits by design. */
const oldestMinutes: Readonly<Record<Exclude<QueueName, 'monitor'>, number>> = { requests: 30, tasks: 120, merges: 60, commits: 60 };

function deadLetterAlarms({ queues }: AlarmsProps): readonly Definition[] {
  return queueNames.map((name) => ({
    name: `dead-letters-${name}`,
    severity: name === 'monitor' ? 'low' : 'high',
    sentence: `A message of the queue '${name}' failed in every attempt.`,
    // Their handler empties the queue within seconds, so its length is hardly ever seen; and SQS doesn't count redriven messages as sent.
    metric: queues[name].dead.metricNumberOfMessagesReceived({ period, statistic: Stats.SUM }),
    threshold: 1,
  }));
}

function ageAlarms({ queues }: AlarmsProps): readonly Definition[] {
  return queueNames
    .filter((name) => name !== 'monitor')
    .map((name) => ({
      name: `oldest-message-${name}`,
      severity: 'high',
      sentence: `A message waits in the queue '${name}' for more than ${oldestMinutes[name]} minutes.`,
      metric: queues[name].queue.metricApproximateAgeOfOldestMessage({ period, statistic: Stats.MAXIMUM }),
      threshold: oldestMinutes[name] * 60,
    }));
}

/** A sum as one metric: an alarm for each would cost as many times as much and say as little. */
function sumOf(metrics: readonly IMetric[], label: string): IMetric {
  const each = metrics.map((metric, index) => [`m${index}`, metric] as const);
  // a metric without a count is left out, where a plus would make nothing of the whole
  const expression = `SUM([${each.map(([id]) => id).join(', ')}])`;
  return new MathExpression({ expression, usingMetrics: Object.fromEntries(each), period, label });
}

function overFunctions({ functions }: AlarmsProps, metric: 'metricErrors' | 'metricThrottles', label: string): IMetric {
  return sumOf(
    functionNames.map((name) => functions[name].lambda[metric]({ period, statistic: Stats.SUM })),
    label,
  );
}

/** Most metrics of one alarm (CloudWatch quotas). */
const metricsOfAlarm = 10;

/** Events of uploads that EventBridge could send neither to the requests queue nor to its dead letters: it drops them. */
function ruleAlarms({ rules }: AlarmsProps): readonly Definition[] {
  const lost = rules.map(
    ({ ruleName }) =>
      new Metric({
        namespace: 'AWS/Events',
        metricName: 'InvocationsFailedToBeSentToDlq',
        dimensionsMap: { RuleName: ruleName },
        period,
        statistic: Stats.SUM,
      }),
  );
  return Array.from({ length: Math.ceil(lost.length / metricsOfAlarm) }, (_, index) => ({
    name: 'uploads-not-announced',
    number: index + 1,
    severity: 'high',
    sentence: 'EventBridge could not hand over uploads, and dropped their events.',
    metric: sumOf(lost.slice(index * metricsOfAlarm, (index + 1) * metricsOfAlarm), 'lost events'),
    threshold: 1,
  }));
}

function definitions(props: AlarmsProps): readonly Definition[] {
  const { prefix, undeliverable } = props;
  return [
    ...deadLetterAlarms(props),
    {
      name: 'undeliverable',
      severity: 'high',
      sentence: 'A message lies in the queue of those that nobody understands or can handle.',
      metric: undeliverable.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
      threshold: 1,
    },
    {
      name: 'failed-runs',
      severity: 'high',
      sentence: 'A run failed: its rows are not in the table.',
      metric: counted(prefix, 'RunsFailed'),
      threshold: 1,
    },
    {
      name: 'deadline-exceeded',
      severity: 'high',
      sentence: 'A task was not done in the time of its function, or a run not at its deadline.',
      metric: counted(prefix, 'DeadlineExceeded'),
      threshold: 1,
    },
    ...ageAlarms(props),
    ...ruleAlarms(props),
    {
      name: 'throttles',
      severity: 'low',
      sentence: "Lambda throttled functions for a quarter of an hour: the account's concurrency is used up.",
      metric: overFunctions(props, 'metricThrottles', 'throttles'),
      threshold: 1,
      periods: 3,
    },
    {
      name: 'function-errors',
      severity: 'low',
      sentence: 'Functions crashed or timed out for a quarter of an hour on end. Attempts are repeated, so no row is lost yet.',
      metric: overFunctions(props, 'metricErrors', 'errors'),
      threshold: 1,
      periods: 3,
    },
    {
      name: 'sweep-failed',
      severity: 'low',
      sentence: 'Data files that belong to no table any more could not be deleted, or not from every table. No row is touched by that.',
      metric: props.functions.sweeper.lambda.metricErrors({ period, statistic: Stats.SUM }),
      threshold: 1,
    },
  ];
}

/** One alarm for each thing that a person has to know, each with a section of the same name in docs/runbook.md. */
export class Alarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.alarms = definitions(props).map((definition) => this.create(definition, props));
  }

  private create(definition: Definition, { prefix, topic }: AlarmsProps): Alarm {
    const { name, number = 1, severity, sentence, metric, threshold, periods = 1 } = definition;
    const id = number === 1 ? name : `${name}-${number}`;
    const alarm = new Alarm(this, id, {
      alarmName: `${prefix}-${id}`,
      alarmDescription: `Severity ${severity}. ${sentence} What to do: docs/runbook.md#${name}`,
      metric,
      threshold,
      evaluationPeriods: periods,
      datapointsToAlarm: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // nothing counted is nothing wrong
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (topic !== undefined) alarm.addAlarmAction(new SnsAction(topic));
    return alarm;
  }
}
