import fastify from 'fastify'
import t, { type Test } from 'tap'
import { multihashOf, multikeyOf } from '#core/did/multikey.ts'
import { readHistory } from '#core/did/read-history.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { signedDocument } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { authority, owner, stranger } from '#test/fakes/request-world.ts'
import { createIdentityKeyStore } from '../../configuration/identity-keys/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { claimAddress } from './claim-address.ts'
import { createFactsStore } from './facts-store.ts'
import {
  begin,
  entryKey,
  HOUR,
  ID,
  iso,
  onSqlite,
  PATH,
  registerMember,
  state,
  URL,
} from './histories-fixture.ts'
import { identityKeyHandlers } from './replace-key.ts'
import { identityRoutes } from './routes.ts'
import type { IdentityStore } from './store.ts'

async function served(t: Test, store: IdentityStore, clock: { now: number }) {
  const app = fastify()
  t.teardown(() => app.close())
  const no = async (): Promise<string> => 'none'
  const credentials = { membership: no, contract: no, services: no }
  await identityRoutes(app, { store, credentials, clock: () => clock.now })
  return (url: string) => app.inject(url)
}

async function approveAuthority(database: Database, name: string, certificate: Buffer): Promise<void> {
  const tables = tablesOf<RegisterTables>(database)
  const service = await tables
    .insertInto('certification_service')
    .values({ name, profile: 'p', authentication_only: 0, created_at: iso(0) })
    .returning('id')
    .executeTakeFirstOrThrow()
  await tables
    .insertInto('certification_authority')
    .values({ sha256: name, service: Number(service.id), is_top: 1, certificate })
    .execute()
}

async function fileRequest(database: Database, at: number): Promise<void> {
  const tables = tablesOf<RegisterTables>(database)
  const texts = { subject: '{}', subject_digest: '', content_hash: '', server: 'DEV/GOV/1234/SS1' }
  const { id } = await tables
    .insertInto('management_request')
    .values({
      ...{ kind: 'clientReg', state: 'APPROVED', owner: ID, client: null, ...texts, filed_at: iso(at) },
      ...{ decided_at: null, decided_by: null, reason: null, changes: null },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const message = signedDocument('file', { at: iso(at) }, owner)
  await tables
    .insertInto('management_request_proof')
    .values({ request: Number(id), signer: ID, facts: '{}', message })
    .execute()
}

const onDatabases = (name: string, act: (database: Database, t: Test) => Promise<void>): void =>
  void t.test(name, (t) =>
    eachRegistryDatabase(t, async (_empty, t, url) => {
      const database = await openRegistryDatabase(url)
      try {
        await act(database, t)
      } finally {
        await database.close()
      }
    }),
  )

onSqlite('one address for all nodes and starts', async (database, t) => {
  const claims = createIdentityKeyStore(database)
  const of = (url: string, did?: string) => claimAddress({ url, claims, did })
  const other = { code: 'invalid_configuration', message: /identity\.url/ }
  await t.rejects(of(URL, 'did:webvh:Qm1:before.example'), other, 'histories of before the claim')
  t.equal(await of(`${URL}/`, 'did:webvh:Qm1:registry.example'), URL)
  t.equal(await of('http://registry.example'), URL, 'as whoever resolves a DID asks')
  for (const url of ['https://two.example', `${URL}:8443`, `${URL}/x`]) await t.rejects(of(url), other, url)

  const { clock, node, history } = await begin(database)
  const [one, two] = [node(), node()]
  await one.run()
  for (let times = 0; times < 3; times++) {
    clock.now += HOUR
    await two.run()
    await one.run()
  }
  const { entries, did } = await history()
  t.equal(entries.length, 1, 'nodes in turn write nothing anew')
  // Whoever calls it with another address all the same cannot change a DID that exists.
  await node('https://two.example').run()
  t.equal((await history()).did, did)
})

onSqlite('no entry is of a time to come', async (database, t) => {
  const { tables, clock, node, history } = await begin(database)
  clock.now += 24 * HOUR
  const update = node()
  await update.run()
  clock.now -= 24 * HOUR
  await tables.deleteFrom('member').execute()
  await update.run()
  t.equal((await history()).entries.length, 1)
  t.equal(await update.isDue(), false, 'it waits, and does not look each second')
  clock.now += 24 * HOUR + 1000
  t.equal(await update.isDue(), true)
  await update.run()
  t.match(await history(), { entries: { length: 2 }, deactivated: true })
  t.equal(await update.isDue(), false)
})

onSqlite(
  'a key that is replaced signs once more, and one that is lost leaves its histories',
  async (database, t) => {
    t.teardown(() => Object.assign(state, { newest: 1, lost: [] }))
    const { clock, store, node, history, tables } = await begin(database)
    const update = node()
    await update.run()
    t.notOk(await update.isDue())
    const hashOf = (of: number, number: number): string => multihashOf(multikeyOf(entryKey(of, PATH, number)))
    const announced = async (at: number): Promise<string[]> => {
      const lines: string[] = []
      for await (const line of store.lines(PATH)) lines.push(line)
      return (JSON.parse(lines[at]!) as { parameters: { nextKeyHashes: string[] } }).parameters.nextKeyHashes
    }
    t.same(await announced(0), [hashOf(1, 2)])
    t.same(await store.keysInUse(), [1], 'its file is asked for')
    state.newest = 3
    t.ok(await update.isDue(), 'nothing else changed')
    clock.now += 2000
    await update.run()
    t.equal((await history()).entries.length, 2, 'read as any history: the old key signed it')
    t.same(await announced(1), [hashOf(3, 3)], 'and announced the new one')
    t.same(await store.keysInUse(), [3])
    const { all } = await store.goingOnBy(3, 0)
    t.match(await store.goingOnBy(3, 0), { byThis: all, before: 0 })
    t.match(await store.goingOnBy(3, clock.now), { before: 0 })
    t.match(await store.goingOnBy(3, clock.now + 1), { before: all })
    clock.now += 2000
    await update.run()
    t.equal((await history()).entries.length, 2, 'once')
    Object.assign(state, { newest: 4, lost: [3] })
    clock.now += 2000
    await update.run()
    t.equal((await history()).entries.length, 2, 'it stays as it is')
    t.equal((await history()).deactivated, false)
    const { did } = (await store.newestOf(PATH))!
    t.match(did, /:again-2$/)
    t.equal((await history(`${PATH}/again-2`)).entries.length, 1)
    await tables.deleteFrom('member').where('id', '=', ID).execute()
    Object.assign(state, { newest: 5, lost: [3, 4] })
    clock.now += 2000
    await update.run()
    t.equal((await history(`${PATH}/again-2`)).deactivated, false, 'nobody can end it')
    t.match(await store.goingOnBy(5, 0), { all: 1, byThis: 1 }, 'the instance alone is left')
  },
)

onSqlite('a history whose newest entries may be lost is left as it is', async (database, t) => {
  const { tables, clock, node, history, store, keysOf } = await begin(database)
  const facts = createFactsStore(database)
  const oneKey = { newest: async () => 1, isLost: async () => false, replace: () => Promise.reject() }
  await approveAuthority(database, 'ours', authority.intermediate.der)
  const update = node()
  await update.run()
  const before = await history()
  clock.now += 10_000
  const numbers = { configuration_index: 9, suspension_list: 1, leaves: 9 }
  await tables
    .insertInto('restoration')
    .values({
      ...{ content: '{}', sha256: '', accepted_at: iso(clock.now), proposed_by: '', accepted_by: '' },
      ...numbers,
    })
    .execute()
  clock.now += 10_000
  await update.run()
  t.match(await store.newestOf(PATH), { path: PATH, entries: 1 }, 'nothing changed')
  await fileRequest(database, clock.now)
  for (let times = 0; times < 2; times++) {
    clock.now += 10_000
    await update.run()
  }
  t.same(await history(), before)
  t.match(await store.newestOf(PATH), { path: `${PATH}/again-2`, entries: 1, ended_at: null })
  const { getIdentityKey } = identityKeyHandlers({ histories: oneKey, store, facts, clock: () => clock.now })
  const shown = { histories: 2, takenOver: 2, ofBeforeRestoration: 1 }
  t.match(await getIdentityKey!({} as never), shown, 'a new key would leave the history of the instance')
  t.equal(await keysOf(`${PATH}/again-2`), 1)
  clock.now += 10_000
  await tables.deleteFrom('certification_authority').execute()
  await update.run()
  t.equal((await history(`${PATH}/again-2`)).entries.length, 2, 'which goes on')

  const signing = { id: 'k', certificate: authority.root.der, is_active: 1, created_at: iso(clock.now) }
  await tables
    .insertInto('signing_key')
    .values({ ...signing, known_at: null, activated_at: null })
    .execute()
  clock.now += 10_000
  await update.run()
  const get = await served(t, store, clock)
  const instance = readHistory((await get('/again-2/did.jsonl')).rawPayload)
  t.match(instance, { did: /:registry\.example:again-2$/, entries: { length: 1 } })
  t.match((await get('/.well-known/did.json')).json(), {
    ...{ id: 'did:web:registry.example', alsoKnownAs: [instance.did] },
  })
})

onDatabases('whose certificates a document has', async (database, t) => {
  const { tables, clock, node, keysOf } = await begin(database)
  await approveAuthority(database, 'ours', authority.intermediate.der)
  await fileRequest(database, clock.now + 1000)
  clock.now += 10_000
  await node().run()
  t.equal(await keysOf(), 1)

  await tables.deleteFrom('member').execute()
  clock.now += 10_000
  await node().run()
  await registerMember(database, clock.now, 'Somebody else')
  clock.now += 10_000
  await node().run()
  t.equal(await keysOf(`${PATH}/again-2`), 0, 'those of the predecessor do not come back, also after a start')
  await fileRequest(database, clock.now)
  clock.now += 10_000
  await node().run()
  t.equal(await keysOf(`${PATH}/again-2`), 1, 'filed since')

  await tables.deleteFrom('certification_authority').execute()
  await approveAuthority(database, 'of the same name', stranger.intermediate.der)
  clock.now += 10_000
  await node().run()
  t.equal(await keysOf(`${PATH}/again-2`), 0, 'its CA is not approved any more')
})

onDatabases('long histories are never cut', async (database, t) => {
  const { tables, clock, node, store } = await begin(database)
  await node().run()
  const number = 5100
  for (let from = 2; from <= number; from += 1000) {
    const rows = Array.from({ length: Math.min(1000, number - from + 1) }, (_, at) => ({
      ...{ path: PATH, number: from + at, version_id: `${from + at}-x`, line: `line ${from + at}` },
      ...{ sha256: '', at: iso(clock.now) },
    }))
    await tables.insertInto('did_entry').values(rows).execute()
  }
  t.equal(await store.newestLine(PATH), `line ${number}`)
  let count = 0
  for await (const _ of store.lines(PATH)) count++
  t.equal(count, number)
  const seen: number[] = []
  for (let from: number | undefined = 1; from !== undefined; ) {
    const rows: { number: number }[] = await store.proofs(PATH, from)
    seen.push(...rows.slice(0, 500).map((row) => Number(row.number)))
    from = rows[500] === undefined ? undefined : Number(rows[500].number)
  }
  t.same(
    seen,
    Array.from({ length: number }, (_, at) => at + 1),
  )

  const get = await served(t, store, clock)
  t.equal((await get(`/${PATH}/did.jsonl`)).payload.split('\n').length, number + 1)
  t.match((await get(`/${PATH}/did-proofs.json`)).json(), { entries: { length: 500 }, next: 501 })
  const end = (await get(`/${PATH}/did-proofs.json?from=5001`)).json() as object
  t.match(end, { entries: { length: 100 } })
  t.notOk('next' in end)

  await tables.deleteFrom('did_entry').where('number', '>', 1).execute()
  for (let times = 0; times < 11; times++) {
    clock.now += 10_000
    await tables.deleteFrom('member').execute()
    await node().run()
    clock.now += 10_000
    await registerMember(database, clock.now)
    await node().run()
  }
  t.match(await store.newestOf(PATH), { path: `${PATH}/again-12`, ended_at: null }, 'behind again-9')
})
