/** How many certificates a client has at most, whatever several nodes add at once. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { selfSignedCertificate } from '../keys/self-signed.ts'
import { createLocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'
import type { Tables } from './tables.ts'

const tax = parseSubsystemId('DEV/GOV/2000/tax')
const NAMES = { hostName: 'system.example', ipAddresses: [] }

const certificate = (): Buffer =>
  selfSignedCertificate({
    ...{ names: NAMES, at: new Date() },
    privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  })

t.test('of two that add the last one, one is refused', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, localSystemsMigrations)
    const one = await createLocalSystems({ database, clock: Date.now })
    await one.addClient(tax)
    const now = new Date().toISOString()
    const rows = Array.from({ length: 99 }, () => ({
      ...{ client: idText(tax), sha256: randomBytes(32).toString('hex'), der: randomBytes(8) },
      ...{ not_before: now, not_after: now },
    }))
    await tablesOf<Tables>(database).insertInto('local_client_certificate').values(rows).execute()
    // Neither has seen what the other one adds.
    const two = await createLocalSystems({ database, clock: Date.now })
    await one.addClientCertificate(tax, certificate())
    await t.rejects(two.addClientCertificate(tax, certificate()), { code: 'conflict' })
    t.equal(one.view().clients.get(idText(tax))!.certificates.length, 100)
  }),
)
