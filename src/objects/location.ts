/** Options of the S3 client; absent ones are the SDK's. Credentials come from the SDK's own chain. */
export interface S3Options {
  readonly endpoint?: string;
  readonly region?: string;
  readonly forcePathStyle?: boolean;
  readonly storageClass?: string;
  readonly sse?: string;
}

/** Where the archive is, as plain data that can cross into a worker thread. */
export interface ArchiveLocation {
  /** `file:///dir` or `s3://bucket/prefix`. */
  readonly url: string;
  readonly s3: S3Options;
}
