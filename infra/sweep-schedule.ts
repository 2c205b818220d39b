import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { FanlakeFunction } from './function.ts';
import { sweepEvery } from './sizes.ts';

export interface SweepScheduleProps {
  readonly sweeper: FanlakeFunction;
  /** Whether it is called. */
  readonly enabled: boolean;
}

/** Calls the sweeper, which finds out by itself what is to be done. A call that is lost or comes twice is no harm. */
export class SweepSchedule extends Construct {
  constructor(scope: Construct, id: string, { sweeper, enabled }: SweepScheduleProps) {
    super(scope, id);
    new Rule(this, 'Rule', {
      description: 'Fanlake: data files that belong to no table any more are deleted',
      schedule: Schedule.rate(sweepEvery),
      enabled,
      // what couldn't be delivered within an hour is left to the next call
      targets: [new LambdaFunction(sweeper.lambda, { retryAttempts: 3, maxEventAge: Duration.hours(1) })],
    });
  }
}
