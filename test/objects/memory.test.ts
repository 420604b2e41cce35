import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { describeObjectStore } from '../conformance/object-store.ts';

describeObjectStore('memory', { open: async () => new MemoryObjectStore(), leavesUploads: false });
