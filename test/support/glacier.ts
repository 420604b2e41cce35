import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { COLD_STORAGE, type ColdStorage } from '../../src/objects/cold.ts';
import { sendXml } from './faulty-s3.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

interface Frozen {
  readonly storage: ColdStorage;
  readyAtMs?: number;
  days?: number;
}

interface Request {
  readonly method: string;
  readonly url: URL;
  /** Without the bucket. */
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * Stands before a real S3 server and adds what AWS does with objects of the Glacier classes and of the archive tiers of
 * Intelligent-Tiering, by a clock that tests move: GET is refused until a thaw has ended and after it has expired, HEAD
 * tells, POST ?restore is answered by tier. Everything else, with its signature, goes through as it is.
 */
export class Glacier {
  /** Moves only by hand. */
  nowMs: number;
  hasExpeditedCapacity = true;
  /** Every `POST ?restore`: `<key> <tier> <days or ->`. */
  readonly asked: string[] = [];
  /** Keys of GETs of single objects that came through or were refused, in order. */
  readonly reads: string[] = [];
  readonly #frozen = new Map<string, Frozen>();
  readonly #target: URL;
  readonly #server = createServer((message, response) => void this.#receive(message, response));

  private constructor(target: URL, nowMs: number) {
    this.#target = target;
    this.nowMs = nowMs;
  }

  static async before(endpoint: string, nowMs: number): Promise<Glacier> {
    const glacier = new Glacier(new URL(endpoint), nowMs);
    await new Promise<void>((resolve) => glacier.#server.listen(0, '127.0.0.1', resolve));
    return glacier;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** As a lifecycle rule does. */
  freeze(keys: readonly string[], storage: ColdStorage): void {
    for (const key of keys) this.#frozen.set(key, { storage });
  }

  async #receive(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const url = new URL(message.url ?? '/', 'http://localhost');
    const { method = '', headers } = message;
    const key = decodeURIComponent(url.pathname).replace(/^\/[^/]*\/?/, '');
    const request = { method, url, key, headers, body: Buffer.concat(chunks) };
    if (method === 'GET' && key !== '') this.reads.push(key);
    const frozen = this.#frozenNow(key);
    if (method === 'POST' && url.searchParams.has('restore')) this.#restore(request, frozen, response);
    else if (method === 'GET' && frozen !== undefined && !this.#isThawed(frozen))
      sendInvalidState(response, frozen.storage);
    else
      this.#pass(request, response, method === 'HEAD' && frozen !== undefined ? this.#headers(frozen) : {});
  }

  /** What Intelligent-Tiering has thawed is back for good. */
  #frozenNow(key: string): Frozen | undefined {
    const frozen = this.#frozen.get(key);
    if (frozen === undefined) return undefined;
    if (frozen.readyAtMs !== undefined && frozen.readyAtMs <= this.nowMs && isTiering(frozen.storage)) {
      this.#frozen.delete(key);
      return undefined;
    }
    if (frozen.readyAtMs !== undefined && this.#expiresMs(frozen) <= this.nowMs) delete frozen.readyAtMs;
    return frozen;
  }

  #isThawed({ readyAtMs }: Frozen): boolean {
    return readyAtMs !== undefined && readyAtMs <= this.nowMs;
  }

  /** Whole days after the thaw, until the next midnight in UTC. */
  #expiresMs({ readyAtMs = 0, days = Number.POSITIVE_INFINITY }: Frozen): number {
    return Math.ceil((readyAtMs + days * DAY_MS) / DAY_MS) * DAY_MS;
  }

  #headers(frozen: Frozen): Record<string, string> {
    const { storage, readyAtMs } = frozen;
    const expiry = new Date(isTiering(storage) ? 0 : this.#expiresMs(frozen)).toUTCString();
    return {
      'x-amz-storage-class': isTiering(storage) ? 'INTELLIGENT_TIERING' : storage,
      ...(isTiering(storage) ? { 'x-amz-archive-status': storage } : {}),
      ...(readyAtMs === undefined
        ? {}
        : {
            'x-amz-restore': this.#isThawed(frozen)
              ? `ongoing-request="false", expiry-date="${expiry}"`
              : 'ongoing-request="true"',
          }),
    };
  }

  #restore({ key, body }: Request, frozen: Frozen | undefined, response: ServerResponse): ServerResponse {
    const tier = /<Tier>(\w+)<\/Tier>/.exec(body.toString())?.[1] ?? 'Standard';
    const days = /<Days>(\d+)<\/Days>/.exec(body.toString())?.[1];
    this.asked.push(`${key} ${tier} ${days ?? '-'}`);
    if (frozen === undefined) return refuse(response, 403, 'InvalidObjectState');
    const { storage } = frozen;
    if (isTiering(storage) !== (days === undefined)) return refuse(response, 400, 'MalformedXML');
    const takesMs = TAKES_MS[storage][tier];
    if (takesMs === undefined) return refuse(response, 400, 'InvalidArgument');
    if (frozen.readyAtMs !== undefined && !this.#isThawed(frozen))
      return refuse(response, 409, 'RestoreAlreadyInProgress');
    if (tier === 'Expedited' && !this.hasExpeditedCapacity)
      return refuse(response, 503, 'GlacierExpeditedRetrievalNotAvailable');
    const wasThawed = this.#isThawed(frozen);
    if (days !== undefined) frozen.days = Number(days);
    if (!wasThawed) frozen.readyAtMs = this.nowMs + takesMs;
    return response.writeHead(wasThawed ? 200 : 202, { 'content-length': 0 }).end();
  }

  #pass(
    { method, headers, url, body }: Request,
    response: ServerResponse,
    added: Record<string, string>,
  ): void {
    const { hostname, port } = this.#target;
    const path = url.pathname + url.search;
    // The host header stays: it is signed.
    const onward = sendRequest({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...added });
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }
}

const GLACIER = { Expedited: 5 * MINUTE_MS, Standard: 5 * HOUR_MS, Bulk: 12 * HOUR_MS };
const DEEP = { Standard: 12 * HOUR_MS, Bulk: 48 * HOUR_MS };
const TAKES_MS: Readonly<Record<ColdStorage, Readonly<Record<string, number>>>> = {
  GLACIER,
  ARCHIVE_ACCESS: GLACIER,
  DEEP_ARCHIVE: DEEP,
  DEEP_ARCHIVE_ACCESS: DEEP,
};

function isTiering(storage: ColdStorage): boolean {
  return COLD_STORAGE.indexOf(storage) >= COLD_STORAGE.indexOf('ARCHIVE_ACCESS');
}

function sendInvalidState(response: ServerResponse, storage: ColdStorage): void {
  const where = isTiering(storage)
    ? `<StorageClass>INTELLIGENT_TIERING</StorageClass><AccessTier>${storage}</AccessTier>`
    : `<StorageClass>${storage}</StorageClass>`;
  const message = "<Message>The operation is not valid for the object's storage class</Message>";
  sendXml(response, `<Error><Code>InvalidObjectState</Code>${message}${where}</Error>`, 403);
}

function refuse(response: ServerResponse, status: number, code: string): ServerResponse {
  return sendXml(response, `<Error><Code>${code}</Code><Message>as AWS has it</Message></Error>`, status);
}
