/** A witness process that is killed between storing and answering. */
import { readFileSync } from 'node:fs'
import { openDatabase } from '#platform/database/open-database.ts'
import { createWitness } from './create-witness.ts'
import { createWitnessStore } from './store.ts'
import { readWitnessKey } from './witness-key.ts'

const [url, keyFile, submission] = process.argv.slice(2) as [string, string, string]
const store = createWitnessStore(await openDatabase(url))
const witness = createWitness({
  store: {
    ...store,
    advance: async (origin, decide) => {
      await store.advance(origin, decide)
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => undefined)
    },
  },
  key: await readWitnessKey(keyFile, 'witness.example/w1'),
  clock: Date.now,
  accepts: async () => true,
  readStatement: () => Promise.reject(new Error('none is sent')),
  onContradiction: () => undefined,
})
process.stdout.write(JSON.stringify(await witness.addCheckpoint(readFileSync(submission))))
