import { createHash } from 'node:crypto';

/** A body that shows whether it is whole: the digest of the rest, and the rest. */
export function checkedBody(content: string): string {
  return `${createHash('sha256').update(content).digest('hex')}\n${content}`;
}

export function isWhole(body: Uint8Array): boolean {
  const text = Buffer.from(body).toString();
  const [digest, content] = [text.slice(0, 64), text.slice(65)];
  return digest === createHash('sha256').update(content).digest('hex');
}
