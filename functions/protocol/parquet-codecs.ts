import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compressors } from 'hyparquet';

/**
 * How pages of a checkpoint are compressed that other writers wrote, besides Snappy, which hyparquet has: Spark and delta-rs can be told to. Each page names its size, and
 * none may become more.
 */
export const codecs: Compressors = {
  ZSTD: (page, size) => zstdDecompressSync(page, atMost(size)),
  GZIP: (page, size) => gunzipSync(page, atMost(size)),
  BROTLI: (page, size) => brotliDecompressSync(page, atMost(size)),
};

const atMost = (size: number): { readonly maxOutputLength: number } => ({ maxOutputLength: Math.max(1, size) });
