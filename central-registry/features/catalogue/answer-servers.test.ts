/** Whom a real registry tells of which services, on both databases, and questions that it refuses. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { readSignedJson, writeSignedJson } from '#core/signature/signed-json.ts'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import {
  CATALOGUE_DOCUMENT,
  type CatalogueList,
  type CatalogueQuery,
  type CatalogueService,
} from '#schemas/catalogue.ts'
import { eachDatabase } from '#test/databases.ts'
import { headOf, ocspFor, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import type { Node, RegistryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { collect, method, openApi, POP, start } from './catalogue-fixture.ts'
import { catalogueMigrations } from './migrations.ts'
import type { CatalogueServiceRow, Tables } from './tables.ts'

const LISTS = '/registration/v1/catalogue/lists'
const COMPANY = 'DEV/COM/77'
const company = await signingParty(authority, COMPANY)

type Q = {
  by?: Party
  signer?: string
  server?: string
  at?: number
  id?: string
  more?: object
  type?: string
}

function asking(world: RegistryWorld, node: Node) {
  const signed = (q: Q, path: string): Buffer => {
    const { by = owner, signer = OWNER, server = `${signer}/SS1`, at = world.clock.now, more = {} } = q
    const { query, serviceQuery } = CATALOGUE_DOCUMENT
    const type = q.type ?? (path === LISTS ? query : serviceQuery)
    const head = { ...headOf(signer, at), ...(q.id !== undefined && { id: q.id }), server }
    const signers = [{ certificates: [by.certificate], ocspResponses: ocspFor(by), key: by.key }]
    return Buffer.from(writeSignedJson({ ...head, ...more }, type, signers))
  }
  const post = (q: Q, path = LISTS) => node.register(path, signed(q, path))
  return {
    post,
    async codes(q: Q = {}, more: Partial<CatalogueQuery> = {}): Promise<string[]> {
      const { bytes } = await post({ ...q, more: { offset: 0, limit: 200, ...more } })
      const list = readSignedJson(bytes, CATALOGUE_DOCUMENT.list).document as CatalogueList
      return list.services.map(({ service }) => service.split('/').at(-1)!).sort()
    },
    async found(service: string, q: Q = {}): Promise<CatalogueService['found']> {
      const { bytes } = await post({ ...q, more: { service } }, '/registration/v1/catalogue/services')
      return (readSignedJson(bytes, CATALOGUE_DOCUMENT.service).document as CatalogueService).found
    },
  }
}

void t.test(
  'a service is told to the servers of those who may ask for access, and to no others',
  async (t) => {
    await eachRegistryDatabase(t, async (database, t, url) => {
      const { world, node, provider } = await start(t, database.dialect === 'sqlite' ? undefined : url)
      await node.must('POST', '/member-classes', { code: 'COM', description: 'Companies' })
      for (const [memberClass, memberCode] of [
        ['COM', '77'],
        ['GOV', '5678'],
      ]) {
        await node.must('POST', '/members', { memberClass, memberCode, name: 'x' })
        await node.must('POST', `/members/DEV:${memberClass}:${memberCode}/subsystems`, {
          subsystemCode: 'own',
        })
        await node.must('POST', '/security-servers', {
          id: `DEV:${memberClass}:${memberCode}:SS1`,
          address: 'x.example',
        })
      }
      const accesses: Record<string, unknown> = {
        all: 'everybody',
        none: 'nobody',
        companies: { memberClasses: ['COM'] },
        owners: { globalGroups: ['owners'] },
        hospitals: { globalGroups: ['hospitals'] },
        // As a group; as a class nobody has that code.
        classy: { globalGroups: ['COM'], memberClasses: ['com', 'owners', '%', 'C_M'] },
        odd: { memberClasses: ['GOV', '\u202e"GOV', 'GOV', '\0', '\ud800', '\udbff'] },
        broken: { memberClasses: 'GOV' },
      }
      const codes = Object.keys(accesses)
      // The last one has an id too long for a page.
      const long = method('ä'.repeat(255), 'REST')
      provider.methods = { service: [...codes.map((code) => method(code)), long] }
      // As YAML: in JSON half a character is refused.
      for (const code of codes)
        provider.documents[code] = `--- ${openApi({ 'x-access-requests': accesses[code] })}`
      await collect(node)
      const { codes: told, found, post } = asking(world, node)
      t.strictSame(await told(), ['all', 'odd', 'owners'])
      const theirs = { by: company, signer: COMPANY }
      t.strictSame(await told(theirs), ['all', 'companies'])
      t.strictSame(await told({ by: guest, signer: GUEST }), ['all', 'odd'])
      t.match(await found(`${POP}/all`), { title: 'Persons', access: 'everybody', endpointCount: 1 })
      t.match(await found(`${POP}/odd`), { access: { memberClasses: ['GOV', '"GOV', 'GOV'] } })
      t.equal(await found(`${POP}/companies`), undefined, 'not even by its id')
      t.ok(await found(`${POP}/companies`, theirs))
      t.equal(await found(`${POP}/none`), undefined)
      const suspension = {
        kind: 'certificate',
        subject: company.certificate.sha256,
        reason: 'It was stolen.',
      }
      const { id } = (await node.must('POST', '/suspensions', suspension)) as { id: number }
      t.match(await post({ ...theirs, more: { offset: 0, limit: 1 } }), {
        ...{ status: 403, body: { type: 'suspended' } },
      })
      t.equal((await node.call('DELETE', `/suspensions/${id}`)).status, 204)

      // A client of another member at the server asks, too; a disabled one does not.
      await node.must('POST', '/global-groups', { code: 'hospitals', description: 'Hospitals' })
      await node.must('POST', '/global-groups/hospitals/members', { client: 'DEV:COM:77:own' })
      await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client: 'DEV:COM:77:own' })
      t.strictSame(await told(), ['all', 'companies', 'hospitals', 'odd', 'owners'])
      t.strictSame(await told({}, { q: 'HOSPI' }), ['hospitals'])
      t.strictSame(await told({}, { limit: 2, offset: 1 }).then((all) => all.length), 2)

      provider.documents['all'] = openApi({ 'x-access-requests': 'nobody' })
      provider.documents['none'] = openApi({})
      provider.methods = { service: codes.map((code) => method(code)) }
      world.clock.now += 1000
      await collect(node)
      t.strictSame(await told(theirs), ['companies', 'none'], 'as it is said now, and nothing that is gone')

      // As a node of an older version writes that a provider has changed its mind.
      const beside = await openRegistryDatabase(node.settings.database)
      t.teardown(() => beside.close())
      await tablesOf<Tables>(beside)
        .updateTable('catalogue_service')
        .set({ access: JSON.stringify('nobody') })
        .where('service_code', '=', 'companies')
        .execute()
      t.strictSame(await told(theirs), ['none'], 'whom it was for before, nobody is told')
      t.equal(await found(`${POP}/companies`, theirs), undefined)
      await collect(node)
      t.strictSame(await told(theirs), ['companies', 'none'], 'asked again')
    })
  },
)

void t.test('only questions that the owner of a registered server signed are answered, once', async (t) => {
  const { world, node } = await start(t)
  await collect(node)
  const { post } = asking(world, node)
  const page = { offset: 0, limit: 50 }
  const refusals: [string, Q, RegExp][] = [
    ['a server that is not registered', { server: `${OWNER}/SS9` }, /access_denied.*is not registered/],
    ["another member's server", { server: `${GUEST}/SS1` }, /access_denied/],
    ["another member's signature", { by: guest }, /incorrect_certificate.*is of DEV.GOV.5678/],
    ['an old one', { at: world.clock.now - 600_000 }, /stale_request/],
    ['another document', { type: CATALOGUE_DOCUMENT.list }, /malformed_signature/],
    ['too large a page', { more: { offset: 0, limit: 201 } }, /invalid_input/],
    ['no page', { more: { offset: -1, limit: 1 } }, /invalid_input/],
    ['a control character', { more: { ...page, q: 'a\u0000' } }, /invalid_input/],
    ['a long search', { more: { ...page, q: 'x'.repeat(511) } }, /invalid_input/],
    ['more fields', { more: { ...page, member: GUEST } }, /invalid_input/],
  ]
  for (const [what, q, wanted] of refusals) {
    const { status, bytes } = await post({ more: page, ...q })
    t.ok(status >= 400 && status < 500, `${what}: ${status}`)
    t.match(bytes.toString(), wanted, what)
  }
  const long = { ...page, q: '\u{1f600}'.repeat(255) }
  t.equal((await post({ more: long })).status, 200, 'the bound is in characters')
  const id = randomUUID()
  t.equal((await post({ id, more: page })).status, 200)
  t.match((await post({ id, more: page })).body, { type: /replayed_request/ })
  t.match((await node.register(LISTS, Buffer.from('{}'))).status, 400)
})

void t.test('services that were there before are told to the same servers after the migration', (t) =>
  eachDatabase(t, async (database, t) => {
    const [first, ...later] = Object.entries(catalogueMigrations)
    await migrate(database, Object.fromEntries([first!]))
    const tables = tablesOf<Tables>(database)
    const row = { provider: 'p', service_code: 's', type: 'REST', endpoints: '[]', contact: '{}', title: '' }
    const more = { description: '', version: '', status: 'offered', search: '', document: null }
    const times = { first_seen: '', last_seen: '', changed_at: '' }
    const insert = (id: string, access: unknown) =>
      tables
        .insertInto('catalogue_service')
        .values({ ...row, ...more, ...times, access: JSON.stringify(access), id } as CatalogueServiceRow)
        .execute()
    const accesses = ['everybody', 'nobody', { memberClasses: ['GOV'], globalGroups: ['a', 'b'] }]
    for (let i = 0; i < 501; i++) await insert(`s${String(i).padStart(3, '0')}`, accesses[i % 3])
    // Whatever strangers once wrote: what no database takes, what becomes the same there, and an id too long
    // for a page.
    const strange = ['\0', 'GOV\0', '\ud800', '\udbff', 'GOV']
    await insert('strange', { memberClasses: strange, globalGroups: strange })
    const long = Array.from({ length: 255 }, (_, i) => String.fromCharCode(0x4e00 + 61 * i)).join('')
    await insert(`s/${encodeURIComponent(long)}`, { memberClasses: [long], globalGroups: [] })
    await migrate(database, Object.fromEntries([first!, ...later]))
    const rows = await tables.selectFrom('catalogue_audience').selectAll().execute()
    t.strictSame(
      rows.flatMap(({ service, kind, code }) => (/^s\d/.test(service) ? [] : [`${kind} ${code}`])).sort(),
      ['globalGroup GOV', 'memberClass GOV'],
    )
    t.equal(rows.length, 167 + 3 * 167 + 2)
    t.strictSame(rows.filter(({ service }) => service === 's001').length, 0)
    const { kept } = await tables
      .selectFrom('catalogue_service')
      .select(({ fn }) => fn.countAll().as('kept'))
      .whereRef('audience_access', '=', 'access')
      .executeTakeFirstOrThrow()
    t.equal(Number(kept), 503)
  }),
)
