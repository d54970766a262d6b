/** What drift compares with: each part as the newest revision has it that speaks of it, and no text but the one on record. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { ManagementApi } from '../client.ts'
import { exitCodeOf } from '../program-fixture.ts'
import { contentOf, type Declared, NOTHING, readContent } from './read-file.ts'
import type { Present } from './read-present.ts'
import { appliedParts, readRevision } from './revisions.ts'
import { SERVER_FILE } from './server/kind.ts'
import { underneathAt as underneathAtServer } from './server/underneath.ts'
import { underneathAt } from './underneath.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Answers as a server that keeps these texts, the newest first, and has these clients. */
function keeping(texts: string[], clients = ['a', 'b']): ManagementApi {
  const rows = texts.map((text, index) => ({ number: texts.length - index, sha256: sha256Of(text) }))
  return {
    send: async ({ url }) => {
      const [, number] = /revisions\/(\d+)\/content/.exec(url) ?? []
      const all = /clients/.test(url) ? clients.map((id) => ({ id })) : rows
      const text = number === undefined ? JSON.stringify(all) : texts[texts.length - Number(number)]!
      return {
        status: 200,
        type: 'application/json',
        total: number === undefined ? all.length : 1,
        bytes: Buffer.from(text),
      }
    },
  }
}

void t.test('a part is compared with the newest revision that has it', async (t) => {
  const underneath = underneathAtServer(new Set(['a', 'b']))
  const [a, b] = [
    { id: 'a', tlsCertificates: [] },
    { id: 'b', consents: {} },
  ]
  t.same(underneath({}, { clients: [a] }), { clients: [a] })
  t.same(underneath({ clients: [] }, { clients: [a], eventTypes: [] }), { clients: [a], eventTypes: [] })
  t.same(underneath({ clients: [{ id: 'a', connectionType: 'NOSSL' }, b] }, { clients: [a] }), {
    clients: [{ ...a, connectionType: 'NOSSL' }, b],
  })
  const [small, whole] = [{ clients: [{ id: 'a', connectionType: 'NOSSL' }] }, { clients: [a, b] }]
  const applied = (...all: object[]) =>
    appliedParts(keeping(all.map((one) => JSON.stringify(one))), SERVER_FILE)
  t.match(await applied(whole, small, {}), { from: 2, isWhole: true }, 'the oldest adds nothing')
  t.match(await applied({}, small, whole), {
    from: 1,
    declared: { clients: [{ id: 'a', consents: undefined }, { id: 'b' }] },
  })
  const gone = keeping(
    [small, whole].map((one) => JSON.stringify(one)),
    ['a'],
  )
  t.same((await appliedParts(gone, SERVER_FILE)).declared, { clients: [{ ...a, connectionType: 'NOSSL' }] })
  const many = Array.from({ length: 101 }, (_, n) => ({ clients: [{ id: `c${n}` }] }))
  t.match(await applied(...many), { isWhole: false })
})

void t.test('of a registry, what was taken away and left out of the next file is not missed', async (t) => {
  const file = (more: Partial<Declared>): Declared => ({ ...NOTHING, ...more })
  const member = (code: string, ...subsystems: string[]) => ({
    ...{ id: `DEV:GOV:${code}`, name: `Member ${code}` },
    subsystems: subsystems.map((one) => ({ code: one })),
  })
  const whole = file({
    members: [member('1', 'a', 'b'), member('2'), member('3')],
    memberClasses: [{ code: 'GOV', description: 'Government' }],
    hostingMandates: [{ host: 'h', client: 'c', validUntil: '2030-01-01T00:00:00Z' }],
    contractPolicy: { contractRequired: true, approveAll: true, confirmedContacts: 'none' },
  })
  const present = {
    ...NOTHING,
    ...{ members: [{ id: 'DEV:GOV:1' }, { id: 'DEV:GOV:2' }], subsystems: [{ id: 'DEV:GOV:1:b' }] },
    readAt: '',
  } as object as Present
  const merge = underneathAt(present)
  t.same(merge(NOTHING, whole), whole, 'a file that speaks of nothing hides nothing, not even what is gone')
  const small = file({
    members: [{ ...member('2'), name: 'Renamed', webhook: 'https://two.example/' }],
    contractPolicy: { contractRequired: false, approveAll: true },
  })
  t.same(merge(small, whole), {
    ...whole,
    members: [{ ...member('2'), name: 'Renamed', webhook: 'https://two.example/' }, member('1', 'a', 'b')],
    contractPolicy: { contractRequired: false, approveAll: true, confirmedContacts: 'none' },
  })
  const off = file({ members: [{ ...member('2'), webhook: null }], monitoringClient: null })
  const on = { ...small, monitoringClient: 'DEV:GOV:1:a' }
  t.match(merge(off, on), { members: [{ webhook: null }], monitoringClient: null }, 'none is said by null')
  const one = file({ members: [member('1', 'c')] })
  t.same(
    merge(one, whole).members,
    [member('1', 'c', 'b'), member('2')],
    'a subsystem that is gone is not missed, one that is there is',
  )
  t.same(merge(file({ hostingMandates: [{ host: 'x', client: 'y', validUntil: '' }] }), whole), {
    ...whole,
    hostingMandates: [{ host: 'x', client: 'y', validUntil: '' }],
  })
  t.end()
})

void t.test('what a registry keeps of a file is whole, and holds no mail address', async (t) => {
  const declared = {
    ...NOTHING,
    members: [{ id: 'DEV:GOV:1', name: 'One', subsystems: [], mailAddresses: ['a@one.example'] }],
  }
  const content = contentOf(declared)
  t.notMatch(content, 'one.example')
  t.same(readContent('revision 1', content), {
    ...NOTHING,
    members: [{ id: 'DEV:GOV:1', name: 'One', subsystems: [] }],
  })
  t.equal(contentOf(readContent('revision 1', content)), content)
  const timestamping = { name: 'a', url: 'b', costType: 'FREE', certificate: 'AAAA' }
  for (const text of [
    '',
    '[',
    '[]',
    'null',
    '{"members":{}}',
    '{"clients":[]}',
    '{"certificateProfiles":["own.json"]}',
    '{"certificateProfiles":[{}]}',
    '{"certificateProfiles":[{"__proto__":{"name":"x"}}]}',
    '{"securityServers":[{"id":"a","address":"b","authenticationCertificates":["x"]}]}',
    JSON.stringify({ timestampingServices: [timestamping] }),
    '[' + '['.repeat(100_000),
  ])
    t.ok(
      [1, 2].includes((await exitCodeOf((async () => readContent('revision 1', text))()))!),
      text.slice(0, 100),
    )
  t.end()
})

void t.test('a text that is not the one on record is not compared with', async (t) => {
  const api = keeping(['{"clients":[]}'])
  const one = { number: 1, sha256: sha256Of('{"clients":[]}') }
  const { content } = await readRevision(api, SERVER_FILE, one)
  t.equal(content, '{"clients":[]}')
  t.equal(await exitCodeOf(readRevision(api, SERVER_FILE, { ...one, sha256: sha256Of('{}') })), 1)
})
