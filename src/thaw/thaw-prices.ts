import type { ColdStorage, ThawTier } from '../objects/cold.ts';

/** What a thaw of one tier costs and takes. US dollars; a GB is 2^30 bytes, as AWS bills. */
export interface TierPrice {
  readonly perGb: number;
  readonly perThousandRequests: number;
  /** What AWS calls typical. */
  readonly takes: string;
  readonly atMostMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

// The only place with prices and times. To bring it up to date, go through `sources` and change `asOf`.
export const THAW_PRICES = {
  region: 'us-east-1',
  asOf: '2026-06',
  sources: [
    'https://aws.amazon.com/s3/pricing/',
    'https://repost.aws/knowledge-center/s3-manage-data-retrieval',
    'https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html',
  ],
  /** The copy that can be read, in S3 Standard, beside the object that stays where it is. */
  copyPerGbMonth: 0.023,
} as const;

const GLACIER = {
  expedited: price(0.03, 10, '1-5 minutes', 5 * MINUTE_MS),
  standard: price(0.01, 0.05, '3-5 hours', 5 * HOUR_MS),
  bulk: price(0, 0, '5-12 hours', 12 * HOUR_MS),
};

const DEEP_ARCHIVE = {
  standard: price(0.02, 0.1, 'up to 12 hours', 12 * HOUR_MS),
  bulk: price(0.0025, 0.025, 'up to 48 hours', 48 * HOUR_MS),
};

/** A tier that is absent does not exist there. The two `…ACCESS` are those of Intelligent-Tiering. */
export const TIERS: Readonly<
  Record<ColdStorage, Readonly<Partial<Record<ThawTier, TierPrice>>> & { readonly makesCopy: boolean }>
> = {
  GLACIER: { ...GLACIER, makesCopy: true },
  DEEP_ARCHIVE: { ...DEEP_ARCHIVE, makesCopy: true },
  ARCHIVE_ACCESS: {
    expedited: GLACIER.expedited,
    standard: free(GLACIER.standard),
    bulk: free(GLACIER.bulk),
    makesCopy: false,
  },
  DEEP_ARCHIVE_ACCESS: {
    standard: free(DEEP_ARCHIVE.standard),
    bulk: free(DEEP_ARCHIVE.bulk),
    makesCopy: false,
  },
};

function price(perGb: number, perThousandRequests: number, takes: string, atMostMs: number): TierPrice {
  return { perGb, perThousandRequests, takes, atMostMs };
}

function free({ takes, atMostMs }: TierPrice): TierPrice {
  return price(0, 0, takes, atMostMs);
}
