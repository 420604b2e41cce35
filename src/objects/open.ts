import { ClawbackError } from '../errors.ts';
import type { ArchiveLocation } from './location.ts';
import type { ObjectStore } from './object-store.ts';

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
