/**
 * The thread of prepare-publication.ts: reads the register in one snapshot, writes the shared parameters and
 * stores them.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import { instanceIn, type SharedSettings } from './assemble.ts'
import { openPreparationStore } from './store.ts'
import { type WrittenShared, writeShared } from './write-shared.ts'

/** The `workerData` of the thread. */
export type ToPrepare = Omit<SharedSettings, 'instance'> & { database: string }

/** The shared parameters of the register at one revision; the database already has their contents. */
export type Prepared = { revision: number; shared: WrittenShared[] }

/** The only message that the thread sends; `prepared` is undefined while the register has no instance. */
export type FromPreparer = { prepared: Prepared | undefined } | { failed: CrossedFault }

const port = parentPort!

async function prepare({ database: url, ...settings }: ToPrepare): Promise<Prepared | undefined> {
  const store = await openPreparationStore(url)
  try {
    const { rows, revision } = await store.read()
    const instance = instanceIn(rows)
    if (instance === undefined) return undefined
    const shared = writeShared(rows, { ...settings, instance })
    // One at a time, so that a change by somebody else waits for at most one of them.
    for (const { digest, content } of shared) await store.keep(digest, content)
    return { revision, shared: shared.map(({ content, ...known }) => known) }
  } finally {
    await store.close()
  }
}

try {
  port.postMessage({ prepared: await prepare(workerData as ToPrepare) } satisfies FromPreparer)
} catch (thrown) {
  port.postMessage({ failed: crossFault(thrown) } satisfies FromPreparer)
}
