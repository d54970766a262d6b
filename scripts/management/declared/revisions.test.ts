/**
 * What drift compares with: each part as the newest revision has it that speaks of it, and no text but the
 * one on record.
 */
import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { tallyOf } from '../../command-line/tally.ts'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import { readCommands } from '../commands.ts'
import { exitCodeOf } from '../program-fixture.ts'
import { apply } from './apply.ts'
import { failureOf, whyTooLarge } from './apply-kept.ts'
import { contentOf, type Declared, NOTHING, readContent, wholeOf } from './read-file.ts'
import type { Present } from './read-present.ts'
import { appliedParts, readRevision } from './revisions.ts'
import { SERVER_FILE } from './server/kind.ts'
import { underneathAt as underneathAtServer } from './server/underneath.ts'
import { stopsBySignal } from './stops-by-signal.ts'
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
  const merge = underneathAtServer(new Set(['a', 'b']))
  const underneath = (...of: Parameters<typeof merge>) => merge(...of).both
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
  t.match(await applied(whole, small, {}), { from: 2, unread: [] }, 'the oldest adds nothing')
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
  t.match(await applied(...many), { unread: [/^revision 1 and older ones are not compared$/] })

  // One that nobody can read hides none of the others.
  const texts = [JSON.stringify(small), 'junk', '{"members":[]}', JSON.stringify(whole)]
  const { from, unread, declared } = await appliedParts(keeping(texts), SERVER_FILE)
  t.equal(from, 1)
  t.match(unread, [/^revision 3 is not compared: .*cannot be read/, /^revision 2 is not compared: /])
  t.equal(declared.clients?.length, 2)
  const damaged = keeping(texts)
  const send: ManagementApi['send'] = async (call) => {
    if (call.url.includes('4/content')) throw new CommandError(1, 'refused with 500', undefined, 500)
    if (call.url.includes('3/content')) throw new CommandError(1, 'does not answer')
    return damaged.send(call)
  }
  t.equal(await exitCodeOf(appliedParts({ send }, SERVER_FILE)), 1, 'a server that does not answer')
  const two = keeping(texts.slice(2))
  const first: ManagementApi['send'] = async (call) => {
    if (call.url.includes('2/content')) throw new CommandError(1, 'refused with 500', undefined, 500)
    return two.send(call)
  }
  t.match(await appliedParts({ send: first }, SERVER_FILE), { unread: [/^revision 2 .*its log says why/] })
})

void t.test('what is gone, and no newer file accounts for, is told with its acts', async (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ clients: [{ id }] }))
  const api = keeping(
    [a, b].map((one) => JSON.stringify(one)),
    ['a'],
  )
  t.match(await appliedParts(api, SERVER_FILE), { from: 1, declared: a! })
  const together = { clients: [...a!.clients, ...c!.clients] }
  const next = keeping(
    [a, together].map((one) => JSON.stringify(one)),
    ['a'],
  )
  t.match(await appliedParts(next, SERVER_FILE), { from: 2 }, 'the next version of a file leaves it out')
  const member = (code: string) => ({ id: `DEV:GOV:${code}`, name: code, subsystems: [] })
  const there = { ...NOTHING, members: [member('2')], subsystems: [], readAt: '' } as object as Present
  const merge = underneathAt(there)
  const of = (...codes: string[]): Declared => ({ ...NOTHING, members: codes.map(member) })
  const gone = ['["members","DEV:GOV:1"]']
  t.match(merge(of('2'), of('1')), { gone, isNext: false }, 'a file about another')
  t.match(merge(of('2'), of('1', '2')), { gone, isNext: true })
  t.match(merge(of('2'), of('2')), { gone: [], isNext: true })
  const parts = [a, b, { clients: [...a!.clients, ...b!.clients] }].map((one) => JSON.stringify(one))
  t.match(await appliedParts(keeping(parts, ['a']), SERVER_FILE), { from: 3 }, 'left out of a version')
})

void t.test('who breaks an applying off ends it', async (t) => {
  const process = Object.assign(new EventEmitter(), { exit: (code: number) => codes.push(code) })
  const [codes, ends]: [number[], string[]] = [[], []]
  const stop = stopsBySignal(async (failure) => ends.push(failure), process)
  const api = stop.through(keeping(['{}']))
  const call = { method: 'GET', url: '/revisions', headers: {}, body: undefined }
  t.equal((await api.send(call)).status, 200)
  process.emit('SIGINT', 'SIGINT')
  t.equal(process.listenerCount('SIGINT'), 0, 'the second ends the process at once')
  t.equal(await Promise.race([api.send(call), turn('no step')]), 'no step')
  t.same([ends, codes], [['broken off by SIGINT'], [130]])
  const failed = stopsBySignal(() => Promise.reject(new Error('gone')), process)
  process.emit('SIGTERM', 'SIGTERM')
  t.equal(await turn('later'), 'later')
  t.same(codes, [130, 143])
  failed.off()
  const other = stopsBySignal(async () => ends.push('x'), process)
  other.off()
  t.equal(process.listenerCount('SIGTERM'), 0)
})

void t.test('a terminal shows how many steps were looked at; lines of steps stand whole', async (t) => {
  const step = (name: string) => ({
    says: `keep class ${name}`,
    call: { operation: 'putRetentionClass', params: { name }, body: {} },
  })
  const plans = [[step('a'), step('b'), { says: 'switch on' }], [{ says: 'switch on' }]]
  const said: string[] = []
  const terminal = { isTTY: true, columns: 80, write: (text: string) => said.push(text) }
  let now = 0
  const ended = await apply({
    api: { send: async () => ({ status: 200, type: '', total: undefined, bytes: Buffer.alloc(0) }) },
    commands: await readCommands('security-server-api.yaml'),
    look: async () => ({
      plan: { steps: plans.shift()!, differences: [], undeclared: [] },
      proposed: new Set(),
    }),
    ...{ reason: 'decree 7', revision: 1, say: (line) => said.push(`${line}\n`) },
    tally: (work) => tallyOf(work, terminal, () => (now += 1000)),
  })
  t.same(ended, { done: 2, waiting: 1 })
  t.equal(
    said.join(''),
    [
      '\r\u001b[Klooking at: 0 of 3 steps (0 %)',
      '\r\u001b[Kdone: keep class a\n',
      '\r\u001b[Klooking at: 1 of 3 steps (33 %), 0.5 steps/s, 4 s left',
      '\r\u001b[Kdone: keep class b\n',
      '\r\u001b[Klooking at: 2 of 3 steps (66 %), 0.7 steps/s, 2 s left',
      '\r\u001b[K\r\u001b[Klooking at: 0 of 1 steps (0 %)',
      '\r\u001b[Klater: switch on\n',
    ].join(''),
  )
})

void t.test('what is said of a refusal for good, and of a file that is too large', (t) => {
  const error = new CommandError(
    1,
    'tell A of decisions at https://x:y@hook.example:8443/s3cret?k=1: refused',
  )
  t.equal(failureOf(error), 'tell A of decisions at https://hook.example:8443 refused')
  t.equal(failureOf(new Error('x'.repeat(3000))).length, 2000)
  t.equal(whyTooLarge('x'.repeat(8_388_608)), undefined)
  t.match(whyTooLarge('x'.repeat(8_388_609)), /divide the file/)
  t.match(whyTooLarge('"'.repeat(7_000_000)), /divide the file/, 'it is sent in JSON')
  t.end()
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
  const mergeAt = underneathAt(present)
  const merge = (...of: Parameters<typeof mergeAt>) => mergeAt(...of).both
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
  t.match(wholeOf(declared), 'one.example')
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
    '{"members":[{"id":"a","name":"b","mailAddresses":["a@one.example"]}]}',
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
