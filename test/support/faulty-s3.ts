import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FaultyRequest {
  readonly method: string;
  /** Without the bucket: `archive/a/1`. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** `PUT object`, `PUT part`, `POST create`, `POST complete`, `GET list`, … */
  readonly operation: string;
}

/** Answers, or damages the answer, and returns true; or returns false and lets the server behave. */
export type Interference = (request: FaultyRequest, response: ServerResponse) => boolean;

/**
 * An S3 server in a few lines, over real HTTP, that a test can make misbehave.
 * What it does right it does like S3; it keeps no checksums.
 */
export class FaultyS3 {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, Map<number, Buffer>>();
  /** Every operation that arrived, in order. */
  readonly log: string[] = [];
  interfere: Interference = () => false;
  honoursConditions = true;
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  #uploadCount = 0;

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { method = '', headers } = request;
    const key = decodeURIComponent(url.pathname).replace(/^\/[^/]*\/?/, '');
    const operation = `${method} ${subjectOf(method, key, url.searchParams)}`;
    const parsed = { method, key, query: url.searchParams, headers, body, operation };
    this.log.push(operation);
    if (!this.interfere(parsed, response)) this.behave(parsed, response);
  }

  behave(request: FaultyRequest, response: ServerResponse): ServerResponse {
    const { key, query, body, headers, operation } = request;
    const uploadId = query.get('uploadId') ?? '';
    const parts = this.uploads.get(uploadId);
    const object = this.objects.get(key);
    switch (operation) {
      case 'PUT object':
        if (this.honoursConditions && headers['if-none-match'] === '*' && object !== undefined) {
          return sendError(response, 412, 'PreconditionFailed');
        }
        this.objects.set(key, body);
        return response.writeHead(200, { etag: etagOf(body) }).end();
      case 'HEAD object':
        if (object === undefined) return response.writeHead(404).end();
        return response.writeHead(200, { etag: etagOf(object), 'content-length': object.byteLength }).end();
      case 'HEAD bucket':
        return response.writeHead(200).end();
      case 'GET object':
        return object === undefined
          ? sendError(response, 404, 'NoSuchKey')
          : sendObject(request, response, object);
      case 'DELETE object':
        this.objects.delete(key);
        return response.writeHead(204).end();
      case 'GET list': {
        const keys = [...this.objects.keys()].filter((name) => name.startsWith(query.get('prefix') ?? ''));
        return sendList(response, keys.sort(), undefined, (name) => this.objects.get(name)?.byteLength ?? 0);
      }
      case 'GET uploads': {
        const entries = [...this.uploads.keys()].map(
          (id) => `<Upload><Key>${id.split('#')[0]}</Key><UploadId>${id}</UploadId></Upload>`,
        );
        return sendXml(
          response,
          `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`,
        );
      }
      case 'POST create': {
        this.#uploadCount += 1;
        const id = `${key}#${this.#uploadCount}`;
        this.uploads.set(id, new Map());
        const result = `<UploadId>${id}</UploadId>`;
        return sendXml(response, `<InitiateMultipartUploadResult>${result}</InitiateMultipartUploadResult>`);
      }
      case 'DELETE upload':
        if (!this.uploads.delete(uploadId)) return sendError(response, 404, 'NoSuchUpload');
        return response.writeHead(204).end();
    }
    if (parts === undefined) return sendError(response, 404, 'NoSuchUpload');
    if (operation === 'PUT part') {
      parts.set(Number(query.get('partNumber')), body);
      return response.writeHead(200, { etag: etagOf(body) }).end();
    }
    this.objects.set(key, Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)));
    this.uploads.delete(uploadId);
    return sendXml(
      response,
      '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>',
    );
  }
}

/** Undefined if the client hung up while it was sending: nobody waits for an answer then. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    if (request.destroyed) return undefined;
    throw error;
  }
}

function subjectOf(method: string, key: string, query: URLSearchParams): string {
  if (query.has('uploads')) return method === 'POST' ? 'create' : 'uploads';
  if (query.has('partNumber')) return 'part';
  if (query.has('uploadId')) return method === 'POST' ? 'complete' : 'upload';
  if (key !== '') return 'object';
  return method === 'HEAD' ? 'bucket' : 'list';
}

function sendObject({ headers }: FaultyRequest, response: ServerResponse, object: Buffer): ServerResponse {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (range === null) {
    return response.writeHead(200, { etag: etagOf(object), 'content-length': object.byteLength }).end(object);
  }
  const first = Number(range[1]);
  if (first >= object.byteLength) return sendError(response, 416, 'InvalidRange');
  const part = object.subarray(first, Number(range[2]) + 1);
  const last = first + part.byteLength - 1;
  return response
    .writeHead(206, {
      etag: etagOf(object),
      'content-length': part.byteLength,
      'content-range': `bytes ${first}-${last}/${object.byteLength}`,
    })
    .end(part);
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

export function sendXml(response: ServerResponse, xml: string, status = 200): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${xml}`);
}

export function sendError(response: ServerResponse, status: number, code: string): ServerResponse {
  return sendXml(response, `<Error><Code>${code}</Code><Message>as told</Message></Error>`, status);
}

/** @param escapedKeys already fit for XML. */
export function sendList(
  response: ServerResponse,
  escapedKeys: readonly string[],
  nextToken?: string,
  sizeOf: (key: string) => number = () => 1,
): ServerResponse {
  const entries = escapedKeys.map(
    (key) => `<Contents><Key>${key}</Key><Size>${sizeOf(key)}</Size></Contents>`,
  );
  const next = nextToken === undefined ? '' : `<NextContinuationToken>${nextToken}</NextContinuationToken>`;
  const head = `<KeyCount>${escapedKeys.length}</KeyCount><IsTruncated>${nextToken !== undefined}</IsTruncated>`;
  return sendXml(response, `<ListBucketResult>${head}${next}${entries.join('')}</ListBucketResult>`);
}
