import { ClawbackError } from '../errors.ts';
import type { ArchiveLocation } from './location.ts';
import type { ObjectStore } from './object-store.ts';
import type { ServerProbe } from './server-probe.ts';

/** Opens the adapter that the URL's scheme names. Each is imported only where it is used. */
export async function openObjectStore(location: ArchiveLocation): Promise<ObjectStore> {
  const { url } = location;
  if (url.startsWith('file://')) {
    const { DirectoryObjectStore } = await import('./directory.ts');
    return DirectoryObjectStore.open(url);
  }
  if (url.startsWith('s3://')) {
    const { S3ObjectStore } = await import('./s3.ts');
    return S3ObjectStore.open(url, location.s3);
  }
  throw new ClawbackError('config-invalid', `open archive ${url}: unknown kind of archive`, {
    hint: 'use file:///absolute/dir or s3://bucket/prefix',
  });
}

/** An archive and what there is behind it. */
export interface OpenedArchive {
  readonly objects: ObjectStore;
  /** Where a server keeps the objects. */
  readonly server?: ServerProbe;
  /** Where a folder does. Need not exist yet. */
  readonly folder?: string;
}

/** The same for `doctor`, which looks behind the seam too. */
export async function openForProbe(location: ArchiveLocation): Promise<OpenedArchive> {
  const { url } = location;
  if (url.startsWith('s3://')) {
    const { S3ObjectStore } = await import('./s3.ts');
    const objects = await S3ObjectStore.open(url, location.s3);
    return { objects, server: objects.server };
  }
  const objects = await openObjectStore(location);
  const { rootOf } = await import('./directory.ts');
  return { objects, folder: rootOf(url) };
}
