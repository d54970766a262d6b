/** What credentials say and how long they live, on a database without a server. */
import { generateKeyPairSync } from 'node:crypto'
import { tablesOf } from '#platform/database/open-database.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { createLogStore } from '../../configuration/transparency-log/store.ts'
import { createCatalogueStore } from '../catalogue/store.ts'
import type { Tables } from '../catalogue/tables.ts'
import { createCredentials } from './credentials.ts'
import { createCredentialStore } from './credentials-store.ts'
import { begin, HOUR, ID, iso, onSqlite, URL } from './histories-fixture.ts'

onSqlite('how long credentials live', async (database, t) => {
  const { tables, clock } = await begin(database)
  const id = '00000000-0000-4000-8000-000000000001'
  const put = (version: number, from: number, until: number) =>
    tables
      .insertInto('contract_version')
      .values({
        ...{ contract: id, version, hash: `h${version}`, state: 'ACTIVE', title: '', content: '{}' },
        ...{ parties: '', global_group: null, critical: 0, valid_from: iso(from), valid_until: iso(until) },
        ...{ review_at: iso(until), proposed_at: iso(0), proposed_by: '', changed_at: iso(0) },
        ...{ reason: null, origin: null, agreed_at: null },
      })
      .execute()
  const start = clock.now
  await put(1, start, start + 100 * HOUR)
  await put(2, start + 30 * HOUR, start + 50 * HOUR)
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const log = createLogStore(database)
  const signer = { ...{ number: 1, name: 'credentials', madeAt: null, acceptedUntil: null }, publicKey, key }
  const store = createCredentialStore(database)
  let closed: string | undefined
  const catalogue = createCatalogueStore(database, async () => {
    throw new Error('nothing is changed')
  })
  const credentials = createCredentials({
    ...{ store, log, keys: { signers: async () => [signer] }, url: URL, clock: () => clock.now, catalogue },
    isClosed: async () => closed,
  })
  const read = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
      validUntil: string
      credentialSubject: object
    } & Record<string, unknown>
  const contract = async () => read(await credentials.contract(id))
  t.match(await contract(), {
    '@context': [/v2$/, 'https://www.w3.org/ns/credentials/undefined-terms/v2'],
    type: ['VerifiableCredential', 'ConcordatContract'],
    issuer: 'did:web:registry.example',
    validUntil: iso(start + 24 * HOUR),
    credentialSubject: { id: `urn:uuid:${id}`, version: 1, hash: 'h1', state: 'ACTIVE' },
  })
  clock.now = start + 20 * HOUR
  t.equal((await contract()).validUntil, iso(start + 30 * HOUR), 'until the next version begins')
  clock.now = start + 30 * HOUR
  t.match(await contract(), { validUntil: iso(start + 50 * HOUR), credentialSubject: { version: 2 } })
  clock.now = start + 50 * HOUR
  t.match(await contract(), { credentialSubject: { version: 1 } })
  clock.now = start + 90 * HOUR
  t.equal((await contract()).validUntil, iso(start + 100 * HOUR), 'no longer than the contract')
  clock.now = start + 100 * HOUR
  await t.rejects(credentials.contract(id), { code: 'not_found' })

  const member = read(await credentials.membership('GOV', '1234'))
  t.match(member, { validUntil: iso(clock.now + 24 * HOUR), credentialSubject: { memberCode: '1234' } })
  const subsystem = idText(parseSubsystemId(`${ID}/register`))
  await tables
    .insertInto('subsystem')
    .values({ id: subsystem, member: ID, name: 'Register', created_at: iso(0) })
    .execute()
  const offer = (code: string, more: object = {}) =>
    tablesOf<Tables>(database)
      .insertInto('catalogue_service')
      .values({
        ...{ id: `${subsystem}/${code}`, provider: subsystem, service_code: code, type: 'OPENAPI' },
        ...{
          endpoints: '[]',
          contact: '{}',
          access: '"everybody"',
          title: '',
          description: '',
          version: '1',
        },
        ...{ document: 'aa', status: 'offered', search: '', first_seen: iso(0), last_seen: iso(0) },
        ...{ changed_at: iso(0), ...more },
      })
      .execute()
  await offer('persons')
  await offer('secret', { access: '"nobody"' })
  await offer('some', { access: '{"memberClasses":["GOV"],"globalGroups":[]}' })
  await offer('gone', { status: 'withdrawn' })
  await offer('plain', { document: null, version: '', type: 'REST' })
  const services = async () => read(await credentials.services('GOV', '1234'))
  t.match(await services(), { type: ['VerifiableCredential', 'ConcordatServices'] })
  t.same((await services()).credentialSubject, {
    id: 'did:web:registry.example:members:GOV:1234',
    offered: [
      { service: `${subsystem}/persons`, type: 'OPENAPI', version: '1', documentSha256: 'aa' },
      { service: `${subsystem}/plain`, type: 'REST' },
    ],
  })
  for (let n = 0; n < 160; n++) await offer(`more${n}`)
  t.match((await services()).credentialSubject, { offered: { length: 150 }, more: 12 })
  const catalogued = tablesOf<Tables>(database)
  await catalogued
    .updateTable('catalogue_service')
    .set({ version: '9'.repeat(100) })
    .execute()
  for (let n = 0; n < 160; n++) await offer(`${'\u{1f600}'.repeat(125)}${n}`)
  await catalogued.deleteFrom('catalogue_service').where('service_code', 'like', 'more%').execute()
  const { offered, more } = (await services()).credentialSubject as unknown as {
    offered: object[]
    more: number
  }
  t.equal(offered.length + more, 162, 'who is cut is counted')
  t.ok(offered.length > 30 && offered.length < 150)
  t.ok((await credentials.services('GOV', '1234')).length < 65_536, 'verifiers read it')
  await t.rejects(credentials.services('GOV', 'none'), { code: 'not_found' })
  const closedCatalogue = createCredentials({
    ...{ store, log, url: URL, clock: () => clock.now, catalogue: undefined },
    keys: { signers: async () => [signer] },
    isClosed: async () => undefined,
  })
  await t.rejects(closedCatalogue.services('GOV', '1234'), { code: 'not_found' })
  closed = 'restored'
  await t.rejects(credentials.services('GOV', '1234'), { code: 'registry_restored' })
  await t.rejects(credentials.membership('GOV', '1234'), { code: 'registry_restored' })
  await t.rejects(credentials.contract(id), { code: 'registry_restored' })
  closed = undefined
  await tables.deleteFrom('subsystem').execute()
  await tables.deleteFrom('member').execute()
  await t.rejects(credentials.membership('GOV', '1234'), { code: 'not_found' })
})
