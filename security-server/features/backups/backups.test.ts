/**
 * Makes a backup while the server runs, checks who signed it, and checks who can log in after a restore, on
 * both stores.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createPeopleStore } from '#platform/people/store.ts'
import { createProposalStore, type ProposalRow } from '#platform/proposals/store.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import type { SessionTables } from '#platform/sessions/store.ts'
import { onEachDatabase } from '#test/databases.ts'
import { postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { serverMigrations } from '../../features.ts'
import { second } from '../../keys/keys-fixture.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { createExportStore } from '../exports/store.ts'
import { writeInitialApiKey } from '../people/initial-api-key.ts'
import { by, make, question, type Sign, stage, trusted } from './backups-fixture.ts'
import { comesBackIn, decideAccess } from './comes-back.ts'
import { restoreServerBackup, verifyServerBackup } from './restore-backup.ts'
import { dumpServer } from './store.ts'

const ISSUER = 'https://login.example'
const DAY = 24 * 3_600_000

t.test('a file that is deleted, and files that are written aside', async (t) => {
  const one = await stage(t)
  const { at } = one
  const own = readdirSync(at('keys'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(at(), path.join(parentPath, name)))
  mkdirSync(at('keys', 'ocsp'), { recursive: true })
  // Large enough that reading it takes a noticeable time.
  writeFileSync(at('keys', 'a.json'), randomBytes(20_000_000))
  for (const name of [
    'b.json',
    'c.json',
    'c.json.0a1b2c3d.unfinished',
    'pin-tries.json',
    'ocsp/d.der',
    'ocsp/d.der.unfinished',
  ])
    writeFileSync(at('keys', name), name)
  for (const name of ['anchor.xml', 'marks.json.new', 'marks.json.tmp'])
    writeFileSync(at('configuration', name), name)
  const making = make(one, by(one))
  const size = (): number => statSync(`${at('backup')}.begun`, { throwIfNoEntry: false })?.size ?? 0
  await until('its first bytes', (saw) => saw(size()) > 200_000, { pauseMs: 1 })
  unlinkSync(at('keys', 'b.json'))
  await making
  const { files } = await verifyServerBackup(question(one))
  t.strictSame(
    [...files.keys()].sort(),
    [
      ...['configuration/anchor.xml', 'keys/a.json', 'keys/c.json', 'keys/ocsp/d.der', 'settings.yaml'],
      ...own,
    ].sort(),
  )
})

t.test('who signed it: what is proved, and what is not', async (t) => {
  const one = await stage(t)
  const { world, at } = one
  const judge = (more: object = {}) => verifyServerBackup({ ...question(one), ...more })
  const refused = (more: object, what: RegExp): Promise<void> =>
    t.rejects(judge(more), { code: 'backup_invalid', message: what }).then(() => undefined)
  await make(one, by(one))
  const alone = (await judge()).signer
  t.match(alone, {
    member: 'DEV/GOV/1000',
    proved: [/itself holds/],
    notProved: [/Name a configuration/, /no time-stamp/],
  })
  const known = (await judge(trusted(one))).signer
  t.match(known, {
    proved: [/DEV\/GOV\/1000.*configuration of this test/, /valid and not revoked/],
    notProved: [/no time-stamp/],
  })
  t.match((await judge({ acceptedSigner: known.sha256 })).sha256, /^[0-9a-f]{64}$/)
  await refused({ acceptedSigner: '0'.repeat(64) }, /another certificate/)
  await refused({ trust: { indexes: new Map(), origin: 'configuration' } }, /another instance/)

  // Ten years later the certificate has expired. Its signatures from before still count as proved.
  t.match((await judge({ ...trusted(one), now: new Date(world.now + 3650 * DAY) })).signer.proved.length, 2)
  const { now } = world
  world.now += 3650 * DAY
  const late: Sign = (document, type) => {
    world.now = now
    return by(one)(document, type)
  }
  await make(one, late)
  await refused({}, /was not valid at 2036/)
  await refused(trusted(one), /not the owner/)

  // Refused: another member's key on the same server, a certificate with the owner's name but an unknown
  // issuer, and a listener's key.
  await make(one, by(one, second))
  await refused({}, /no such signing certificate of DEV\/GOV\/1000/)
  await refused(trusted(one), /of DEV\/COM\/4000/)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'backup.example', ipAddresses: [] }
  const foreign = readCertificate(selfSignedCertificate({ privateKey, names, at: new Date(world.now) }))
  const signers = [{ certificates: [foreign], ocspResponses: [], key: privateKey }]
  await make(one, async (document, type) => writeSignedJson(document, type, signers))
  await refused({}, /not for signing/)
  await refused(trusted(one), /not for signing/)

  // A forger who knows the backup key makes a certification service of their own and adds its certificate to
  // the keys.
  const forger = await stage(t)
  await make(forger, by(forger))
  cpSync(forger.at('backup'), at('backup'))
  t.match((await judge()).signer.notProved[0], /whoever has the key of backups/)
  await refused(trusted(one), /not the owner/)

  // Other files, and hostile ones, do not count as keys. A certification service that nobody trusts does not
  // count either.
  const contents = [
    '[',
    '{}',
    '{"usage":"SIGNING","certificates":{}}',
    '{"usage":"SIGNING","certificates":[null]}',
  ]
  for (const content of contents) writeFileSync(at('keys', `x${randomUUID()}.json`), content)
  await make(one, by(one))
  t.match((await judge(trusted(one))).signer.proved.length, 2)
  t.match((await judge()).signer.proved.length, 1)
  world.reconfigure({ approvedCas: [] })
  await refused(trusted(one), /not the owner/)
})

t.test('who comes in again is decided before anything is written', async (t) => {
  const person = (id: string, state: string, roles: string) => ({
    id,
    name: id,
    state,
    roles,
    last_login_at: null,
  })
  const of = new Map<string, Record<string, unknown>[]>([
    [
      'person',
      [
        person('anna', 'active', 'XROAD_SYSTEM_ADMINISTRATOR'),
        person('ben', 'active', 'XROAD_AUDITOR'),
        person('carl', 'invited', 'XROAD_SYSTEM_ADMINISTRATOR'),
        person('dora', 'locked', 'XROAD_SYSTEM_ADMINISTRATOR'),
        person('emil', 'removed', 'XROAD_AUDITOR'),
      ],
    ],
    [
      'api_key',
      [
        { id: 'k', name: 'k', roles: 'A,B', revoked_at: null },
        { id: 'l', revoked_at: '2026' },
      ],
    ],
  ])
  const back = comesBackIn({ of })
  t.match(back, {
    people: [{ id: 'anna' }, { id: 'ben' }, { id: 'carl' }],
    apiKeys: [{ id: 'k', roles: ['A', 'B'] }],
  })
  t.same(comesBackIn({ of: new Map() }), { people: [], apiKeys: [] }, 'of an older version')
  const q = { letIn: [], hasLogin: true, hasInitialKey: true }
  t.same(decideAccess(back, q), {
    letIn: [],
    locked: ['anna', 'ben'],
    removed: ['carl'],
    endedApiKeys: ['k'],
  })
  t.match(decideAccess(back, { ...q, letIn: ['ben', 'carl'] }), { locked: ['anna'], removed: [] })
  t.throws(
    () => decideAccess(back, { ...q, letIn: ['dora'] }),
    { code: 'invalid_input' },
    'who was locked stays so',
  )
  const without = { ...q, hasInitialKey: false }
  t.throws(() => decideAccess(back, without), { code: 'invalid_configuration', message: /--let-in/ })
  t.throws(() => decideAccess(back, { ...without, letIn: ['ben'] }), { code: 'invalid_configuration' })
  t.throws(() => decideAccess(back, { ...without, letIn: ['anna'], hasLogin: false }), /nobody could come in/)
  t.match(decideAccess(back, { ...without, letIn: ['anna'] }), { letIn: ['anna'] })
})

onEachDatabase('nobody comes in with a restored server but whom its operator names', async (t, url) => {
  const one = await stage(t)
  const { at, world } = one
  const isEmbedded = url.startsWith('sqlite')
  const clock = (): number => world.now
  const roomsOf = (database: Database) => {
    const sessions = createSessions({ database, clock })
    return {
      apiKeys: createApiKeys({ database, clock }),
      people: createPeopleStore({ database, sessions, issuer: ISSUER, indispensable: [] }),
      audit: createAuditLog({ database, clock }),
      sessions,
    }
  }
  const database = await openDatabase(url)
  await migrate(database, serverMigrations)
  const dumped: string[] = []
  await dumpServer(url, async (line) => void dumped.push(line))
  t.ok(dumped.some((line) => line.includes('"table":"person"')))
  t.notOk(
    dumped.find((line) => /"table":"(consent|notice|preview|deadline_letter|backup_proof)/.test(line)),
    'withdrawn consents and ended wishes do not come back',
  )
  const before = roomsOf(database)
  const first = at('initial-api-key')
  await writeInitialApiKey(first, before.apiKeys)
  const old = readFileSync(first, 'utf8').trim()
  const now = new Date(world.now).toISOString()
  const login = (people: typeof before.people, subject: string) =>
    people.admit({ issuer: ISSUER, subject, name: subject, email: undefined }, now, false)
  const invite = async (subject: string, role: string): Promise<string> =>
    (await before.people.invite({ email: null, subject, roles: [role] }, now)).id
  const ids: Record<string, string> = {}
  for (const name of ['anna', 'ben', 'carl', 'dora']) {
    ids[name] = await invite(name, 'XROAD_SYSTEM_ADMINISTRATOR')
    if (name !== 'carl') await login(before.people, name)
  }
  await before.people.act(ids['dora']!, 'lock', now)
  const late = new Date(world.now + 86_400_000).toISOString()
  const waiting: ProposalRow = {
    ...{ id: randomUUID(), operation: 'eraseRecord', target: '/x', content: '{}', sha256: '', reason: 'x' },
    ...{ proposer_kind: 'person', proposer_id: ids['anna']!, proposer_name: 'anna', proposer_maker: null },
    ...{ proposed_at: now, expires_at: late, state: 'proposed', decider_id: null, decider_name: null },
    ...{ decided_at: null, decision_reason: null, finished_at: null, result: null, failure: null },
  }
  await createProposalStore(database).insert(waiting, 1)
  await before.audit.before({ caller: { id: '', name: 'x' }, operation: 'x', target: '/x' })
  type Monitored = {
    operational_data: Record<'id' | 'content', string> & Record<'written_at' | 'secret' | 'records', number>
  }
  const record = { id: 'a', written_at: 1, secret: 1, records: 1, content: '{}' }
  await tablesOf<Monitored>(database).insertInto('operational_data').values(record).execute()
  for (const state of ['waiting', 'running', 'done'])
    await createExportStore(database).add(
      {
        ...{
          id: state,
          state,
          node: 'n',
          stored: null,
          ordered_by_id: '',
          ordered_by_name: 'x',
          ordered_at: now,
        },
        ...{ format: 'records', filter: '{}', clearance: 0, case_number: null, reason: null, checkpoint: '' },
        ...{ size: 0, erased: 0, next_idx: 0, run_at: null, run_from: 0, records: 0, bytes: 0, error: null },
        ...{ ended_at: null, expires_at: late },
      },
      async () => undefined,
    )
  await database.close()
  await make(one, by(one), (write) => dumpServer(url, write))

  const target = isEmbedded ? `sqlite:${at('restored.db')}` : await (await postgresql()).freshDatabase()
  const restore = (letIn: string[], initialApiKeyFile: string | undefined = first) =>
    restoreServerBackup({
      ...{ ...question(one), ...trusted(one), database: target, directory: at('restored') },
      ...{ migrations: serverMigrations, letIn, bringBack: [], hasLogin: true, initialApiKeyFile },
    })
  await t.rejects(restore([randomUUID()]), { code: 'invalid_input' })
  // What stops it after its first steps, as a crash would.
  mkdirSync(at('restored', 'keys'), { recursive: true })
  writeFileSync(at('restored', 'keys', 'keys'), 'a file in the way')
  const held = readFileSync(first, 'utf8')
  await t.rejects(restore([]), { code: 'io_error' })
  t.equal(readFileSync(first, 'utf8'), held)
  const left = await openDatabase(target)
  await t.rejects(migrate(left, serverMigrations), { code: 'database_error', message: /broken off/ })
  await left.close()
  rmSync(at('restored', 'keys', 'keys'))
  renameSync(at('backup'), at('this-backup'))
  await make(one, by(one), (write) => dumpServer(url, write))
  await t.rejects(
    restore([]),
    { code: 'conflict', message: /of another backup/ },
    'what one left is no beginning of another',
  )
  renameSync(at('this-backup'), at('backup'))
  await t.rejects(
    restore([], undefined as never).then(() => restore([])),
    { code: 'conflict' },
    'once',
  )
  const again = await openDatabase(target)
  t.teardown(() => again.close())
  const after = roomsOf(again)
  await t.rejects(after.apiKeys.authenticate(`X-Road-ApiKey token=${old}`), { code: 'unauthorized' })
  t.same(await tablesOf<SessionTables>(again).selectFrom('session').selectAll().execute(), [])
  t.same(await tablesOf<Monitored>(again).selectFrom('operational_data').select('id').execute(), [])
  const exported = Object.fromEntries(
    (await createExportStore(again).all()).map((row) => [row.id, row.state]),
  )
  t.same(exported, { waiting: 'failed', running: 'failed', done: 'done' }, 'what no backup has cannot go on')
  t.match(await createProposalStore(again).find(waiting.id), { state: 'expired' }, 'decided since, perhaps')
  t.match(await login(after.people, 'anna'), { refused: 'locked' })
  t.match(await login(after.people, 'carl'), { refused: 'removed' })
  t.match(await login(after.people, 'dora'), { refused: 'locked' })
  t.match(await after.audit.list({ limit: 1 }), [
    {
      operation: 'restoreServer',
      data: { locked: { length: 2 }, removed: [ids['carl']], letIn: [], endedApiKeys: { length: 1 } },
    },
  ])
  t.match(await after.audit.verify(), { brokenAt: undefined })
  t.equal(readFileSync(first, 'utf8'), '', 'the key that lay there is void')
  chmodSync(first, 0o644)
  const opened = openSync(first, 'r')
  t.teardown(() => closeSync(opened))
  await writeInitialApiKey(first, after.apiKeys)
  t.equal(statSync(first).mode & 0o777, 0o600, 'whatever mode the empty file had')
  t.equal(readFileSync(opened, 'utf8'), '', 'and who had it open reads no key')
  const fresh = readFileSync(first, 'utf8').trim()
  t.match(await after.apiKeys.authenticate(`X-Road-ApiKey token=${fresh}`), { name: 'initial' })
  await after.people.act(ids['ben']!, 'unlock', now)
  t.match(await login(after.people, 'ben'), { id: ids['ben'] }, 'who is unlocked comes in')
})
