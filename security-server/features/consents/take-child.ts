/**
 * A node that takes one consent after the other until it is killed. It prints the number of each that it
 * took, and nothing else.
 */
import { writeSync } from 'node:fs'
import { openDatabase } from '#platform/database/open-database.ts'
import { createKeyStore } from './key-store.ts'
import { createOwnSource } from './own-source.ts'
import { createPeopleKey, createPeopleNames } from './people-names.ts'
import { createConsentStore } from './store.ts'
import { ask, seals } from './taking-fixture.ts'

const [url, codes] = process.argv.slice(2) as [string, string]
const database = await openDatabase(url)
const nameOf = createPeopleNames(createPeopleKey(createKeyStore(database), seals, Date.now))
const source = createOwnSource({ store: createConsentStore(database), nameOf, clock: Date.now })
const waiting = codes.split(' ')

async function work(): Promise<void> {
  for (let code = waiting.shift(); code !== undefined; code = waiting.shift()) {
    const found = await source.find(ask(code)).catch(() => undefined)
    if (found !== undefined) writeSync(1, `${found.number}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, work))
