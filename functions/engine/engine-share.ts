/** What one engine may take of its machine. */
export interface EngineShare {
  readonly threads: number;
  readonly memoryBytes: number;
}
