/** One line of a Delta table's log: what a version changes (Delta protocol, "Actions"). The field names are the log's. */
export type Action =
  | { readonly commitInfo: CommitInfo }
  | { readonly protocol: Protocol }
  | { readonly metaData: MetaData }
  | { readonly add: AddFile }
  | { readonly remove: RemoveFile }
  | { readonly txn: Transaction }
  | { readonly other: OtherAction };

/** Free-form; we write what delta-rs and Spark show of a commit. */
export type CommitInfo = Readonly<Record<string, unknown>>;

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

export interface MetaData {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> };
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly createdTime?: number;
  readonly configuration: Readonly<Record<string, string>>;
}

export interface AddFile {
  /** Percent-encoded as in the log: `encodeDataPath`, `decodeDataPath`. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  /** Present on files of tables that we don't write to. */
  readonly deletionVector?: Readonly<Record<string, unknown>>;
}

export interface RemoveFile {
  readonly path: string;
  readonly dataChange: boolean;
  readonly deletionTimestamp?: number;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  readonly size?: number;
  readonly deletionVector?: Readonly<Record<string, unknown>>;
}

export interface Transaction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number;
}

/** An action that we only carry along: `cdc`, `domainMetadata`, `checkpointMetadata`, `sidecar`, and those of later protocols. */
export interface OtherAction {
  readonly name: string;
  readonly value: unknown;
}
