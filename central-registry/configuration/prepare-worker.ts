/** The thread's side of prepare-publication.ts: reads the register at one moment, writes what is large of it, stores that. */
import { parentPort, workerData } from 'node:worker_threads'
import { type CrossedFault, crossFault } from '#platform/threads/crossed-fault.ts'
import { instanceIn, type SharedSettings } from './assemble.ts'
import { openPreparationStore } from './store.ts'
import { type WrittenShared, writeShared } from './write-shared.ts'

/** What the thread is started with. */
export type ToPrepare = Omit<SharedSettings, 'instance'> & { database: string }

/** The shared parameters of the register as it was at one revision; they are stored. */
export type Prepared = { revision: number; shared: WrittenShared[] }

/** The one message of the thread; nothing is prepared where the register has no instance yet. */
export type FromPreparer = { prepared: Prepared | undefined } | { failed: CrossedFault }

const port = parentPort!

async function prepare({ database: url, ...settings }: ToPrepare): Promise<Prepared | undefined> {
  const store = await openPreparationStore(url)
  try {
    const { rows, revision } = await store.read()
    const instance = instanceIn(rows)
    if (instance === undefined) return undefined
    const shared = writeShared(rows, { ...settings, instance })
    // One at a time: nobody else's change waits for more than one of them.
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
