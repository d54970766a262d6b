/**
 * An archive that witnesses the registry's transparency log: it cosigns a head only if the log grew from the
 * one that it knows.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createWitness } from '#platform/witness/create-witness.ts'
import { witnessRoutes } from '#platform/witness/routes.ts'
import { openWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import { Fault } from '#schemas/fault.ts'
import { openArchiveStore } from './archive-store.ts'

export type Archive = { address: string; port: number; name: string; directory: string; logKeyFile: string }

export async function serveArchive(q: Archive, log: Log): Promise<{ stop(): Promise<void> }> {
  const { store, close } = await openArchiveStore(q.directory)
  const witness = createWitness({
    store,
    key: await openWitnessKey({ file: path.join(q.directory, WITNESS_KEY_FILE), name: q.name, store }),
    logs: [parseVerifierKey((await readFile(q.logKeyFile, 'utf8')).trim(), 'log')],
    clock: Date.now,
    accepts: async () => false,
    // It knows one log, whose key its operator was told.
    readStatement: () => Promise.reject(new Fault('untrusted_checkpoint')),
    onContradiction: (origin, isFork) =>
      log.error({ origin, isFork }, 'the transparency log contradicts what was cosigned; the proof is kept'),
  })
  const app = createHttpService({ name: 'archive', log, logRequests: false })
  witnessRoutes(app, { prefix: '/witness', witness })
  await app.listen({ host: q.address, port: q.port })
  return {
    async stop() {
      await app.close()
      await close()
    },
  }
}
