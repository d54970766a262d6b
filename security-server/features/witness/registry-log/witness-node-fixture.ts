/** For tests only: a node of a security server that witnesses the registry's log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createWitnessStore } from '#platform/witness/store.ts'
import { openWitnessKey } from '#platform/witness/witness-key.ts'
import { ocspFor } from '#test/fakes/management-requests.ts'
import { owner } from '#test/fakes/request-world.ts'
import type { Keys } from '../../../keys/keys.ts'
import { createRegistryLogWitness } from './cosign-registry-log.ts'
import { openCosignedHeads } from './cosigned-heads.ts'

const SERVER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'SS1' }
export const NAME = 'DEV/GOV/1234/SS1/witness'
const silent = createLog({ name: 'test', level: 'silent' })
const keys: Pick<Keys, 'signJson'> = {
  signJson: async ({ document, type }) =>
    writeSignedJson(document as object, type, [
      { certificates: [owner.certificate], ocspResponses: ocspFor(owner), key: owner.key },
    ]),
}

export function folder(t: Test): string {
  const made = mkdtempSync(path.join(tmpdir(), 'concordat-registry-log-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** One node of a server; several share a database and have folders of their own. */
export async function nodeOf(
  database: Database,
  directory: string,
  {
    registryLog,
    post,
    clock = Date.now,
  }: Pick<Parameters<typeof createRegistryLogWitness>[0], 'registryLog' | 'post'> & { clock?: () => number },
) {
  const store = createWitnessStore(database)
  const key = await openWitnessKey({ file: path.join(directory, 'witness-key.pem'), name: NAME, store })
  const heads = await openCosignedHeads(directory)
  const witness = createRegistryLogWitness({
    ...{ server: SERVER, store, heads, keys, log: silent, clock, key, registryLog, post },
  })
  return { store, key, heads, witness }
}
