import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Fanlake } from './fanlake.ts';
import type { FanlakeProps } from './fanlake-props.ts';

/** A stack with one Fanlake in it. Its outputs are what `fanlake --stack <name>` reads. */
export class FanlakeStack extends Stack {
  readonly fanlake: Fanlake;

  constructor(scope: Construct, id: string, props: StackProps & FanlakeProps) {
    super(scope, id, props);
    this.fanlake = new Fanlake(this, 'Fanlake', props);
  }
}
