/**
 * The newest backup is read back once a day, by the node that has its file; what cannot be read is no proof.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { openDailyBackups } from '#platform/backups/daily-backups.ts'
import { writeBackup } from '#platform/backups/write-backup.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { serverBackupMigrations } from './migrations.ts'
import { createProofStore } from './proofs-store.ts'
import { proveNewest } from './prove-backups.ts'

const SECRET = 'a secret of the operators'
const HOUR = 3_600_000

void t.test('a backup is proven by reading it', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-proofs-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, serverBackupMigrations)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'backup.example', ipAddresses: [] }
  const certificate = readCertificate(selfSignedCertificate({ privateKey, names, at: new Date() }))
  const world = { now: Date.parse('2026-11-30T04:00:00Z'), errors: [] as string[] }
  const clock = () => world.now
  const log = {
    info: () => undefined,
    error: (said: { code: string }) => void world.errors.push(said.code),
  } as never
  const daily = openDailyBackups({
    ...{ database, clock, log, prefix: 'security-server-a', label: 'server' },
    settings: { directory, keyFile: '', hour: 3, keep: 2 },
    write: (file, at) =>
      writeBackup(
        {
          ...{ file, secret: SECRET, kind: 'security-server', of: 'DEV/GOV/1000/ss1', holdsNot: [] },
          madeAt: new Date(at).toISOString(),
          sign: async (document: object, type: string) =>
            writeSignedJson(document, type, [
              { certificates: [certificate], ocspResponses: [], key: privateKey },
            ]),
        },
        async (add) => {
          await add('rows', Buffer.alloc(100_000, 7))
          return {}
        },
      ),
    audit: {} as never,
    metrics: { watch: () => undefined } as never,
  })
  const proofs = createProofStore(database)
  const prove = (secret = SECRET) => proveNewest({ daily, proofs, secret, clock, log })

  await prove()
  t.equal(await proofs.last(), undefined, 'there is nothing yet')
  t.equal(await daily.newest(), undefined)
  await daily.makeDue()
  await prove('another secret of others')
  t.same([await proofs.last(), world.errors], [undefined, ['backup_invalid']])
  const { name } = (await daily.newest())!.made!
  t.equal(await proofs.failureOf(name), 'backup_invalid')
  await proveNewest({ ...{ daily, proofs, secret: SECRET, clock, log }, signal: AbortSignal.abort() })
  t.equal(await proofs.last(), undefined, 'the server ends meanwhile')
  t.equal(world.errors.length, 1)
  await prove()
  t.same([await proofs.failureOf(name), await proofs.tried()], [undefined, new Date(world.now).toISOString()])
  const first = new Date(world.now).toISOString()
  t.equal(await proofs.last(), first)
  world.now += HOUR
  await prove()
  t.equal(await proofs.last(), first, 'once a day')

  const file = path.join(directory, readdirSync(directory)[0]!)
  const whole = readFileSync(file)
  world.now += 23 * HOUR
  for (const bytes of [whole.subarray(0, -100), Buffer.from(whole).fill(0, 500, 600), Buffer.alloc(0)]) {
    writeFileSync(file, bytes)
    await prove()
  }
  rmSync(file)
  await prove()
  t.same(world.errors.slice(1), [...Array<string>(3).fill('backup_invalid'), 'not_found'])
  t.equal(await proofs.last(), first)
  t.match(await daily.newest(), { since: first, made: { begun_at: first } })
})
