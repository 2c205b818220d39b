import type { Template } from 'aws-cdk-lib/assertions';

type Resource = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>>; readonly [key: string]: unknown };

/** The template's resources of a type, by logical id. */
export function resourcesOf(template: Template, type: string): ReadonlyMap<string, Resource> {
  return new Map(Object.entries(template.findResources(type) as Record<string, Resource>));
}

/** What stands in a template as one text: references and attributes as `<id.Attribute>`, so that a test can compare ARNs. */
export function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  const [[name = '', inner] = []] = Object.entries(value);
  if (name === 'Fn::Join' && Array.isArray(inner)) return (inner[1] as unknown[]).map(textOf).join('');
  if (name === 'Fn::GetAtt' && Array.isArray(inner)) return `<${inner.join('.')}>`;
  if (name === 'Ref') return `<${String(inner)}>`;
  return JSON.stringify(value);
}

/** Logical ids as people call the things: `<landing>`, `<tasks-dead>`. */
export function namesIn(template: Template): (text: string) => string {
  const names = new Map<string, string>();
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::SQS::Queue'))
    names.set(id, String(Properties['QueueName']).replace(/^Fanlake-/, ''));
  for (const id of resourcesOf(template, 'AWS::S3::Bucket').keys())
    names.set(id, /^Fanlake(Landing|Lake|Work)/.exec(id)?.[1]?.toLowerCase() ?? id);
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::Logs::LogGroup')) names.set(id, String(Properties['LogGroupName']));
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::Lambda::Function'))
    names.set(id, String(Properties['Handler']).replace('.handler', ''));
  return (text) => text.replaceAll(/<([^.>]+)(?:\.[^>]+)?>/g, (whole, id: string) => (names.has(id) ? `<${names.get(id)}>` : whole));
}
