/**
 * Values as personal as those of real messages are put into every place of a message, in exchanges that
 * succeed and that fail. Afterwards no file, log line or database dump of the instance contains one of them,
 * or a key of the message log.
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import path from 'node:path'
import type { Test } from 'tap'
import { readLogKeys } from '#security-server/message-log/keys/log-keys.ts'
import { addService, type Behaviour, startProviderSystem } from '../fakes/provider-system.ts'
import { filesBelow } from '../files-below.ts'
import type { PostgresqlServer } from '../postgresql.ts'
import { colons } from '../world.ts'
import { SIDES, type TwoStores } from './two-stores.ts'

/** A value that cannot occur anywhere else. */
const planted = (place: string): string => `XPLANTED${place}${randomBytes(6).toString('hex')}`

export async function checkUnreadable(
  t: Test,
  world: TwoStores,
  postgresql: PostgresqlServer,
): Promise<void> {
  const kept = planted('ID')
  const values = await plantValues(t, world, kept)
  const here = await whereReadable({ world, postgresql, values: [kept] })
  for (const place of ['the dump', 'tax/message-log.db'])
    t.ok(
      here.some((one) => one.startsWith(place)),
      `a message id is found in ${place}: the search sees what is there`,
    )
  t.same(await whereReadable({ world, postgresql, values }), [])
  await checkReports(t, world, values)
}

/** A report for support has none of the values, no secret of the server, and no key of its log. */
async function checkReports(t: Test, { admin, servers }: TwoStores, values: string[]): Promise<void> {
  for (const side of SIDES) {
    const report = await admin[side].send<{ parts: object[]; lastFaults: object[] }>(
      'POST',
      '/diagnostics/reports',
    )
    t.ok(report.parts.length > 10 && report.lastFaults.length > 0, 'faults were met, and are told by code')
    const bytes = Buffer.from(JSON.stringify(report))
    const isSecret = (file: string): boolean => /pin|api-key|secret/i.test(path.basename(file))
    const secrets = [...filesBelow(servers[side].directory, isSecret)].map(({ bytes: found }) =>
      found.toString().trim(),
    )
    t.ok(secrets.length > 0, 'there are secrets to look for')
    const { byId, checkpointKey } = readLogKeys(path.join(servers[side].directory, 'log-keys'))
    const keys = [...[...byId.values()].map(({ key }) => key), seedOf(checkpointKey)]
    const wanted = [...[...values, ...secrets].map((one) => Buffer.from(one)), ...keys]
    const found = wanted.filter((one) => formsOf(one).some((form) => bytes.includes(form)))
    t.same(found.map(String), [], `the report of ${side}`)
    t.notMatch(bytes.toString(), /PRIVATE KEY|password|@/i)
  }
}

/**
 * Calls the provider with such a value in each part of the request, once with this message id; returns the
 * values.
 */
async function plantValues(t: Test, world: TwoStores, id: string): Promise<string[]> {
  const { population, tax } = world.servers
  const values: string[] = []
  const value = (place: string): string => {
    const made = planted(place)
    values.push(made)
    return made
  }
  const system = await startProviderSystem(world.address(41))
  t.teardown(() => system.close())
  const granted = { provider: population.client, grants: [{ client: tax.client }] }
  const { url } = system
  const admin = world.admin.population
  await addService(admin, { ...granted, serviceCode: 'planted', url })
  await addService(admin, { ...granted, serviceCode: 'silent', url, timeoutMs: 1500 })
  await addService(admin, { ...granted, serviceCode: 'nowhere', url: `http://${world.address(42)}:1/` })
  const ask = async (q: {
    target: string
    body?: string
    answer?: Behaviour
    more?: Record<string, string>
  }): Promise<number> => {
    system.answer(q.answer)
    const { status } = await world.ask('tax', `/r1/${population.client}/${q.target}`, {
      method: q.body === undefined ? 'GET' : 'POST',
      ...(q.body === undefined ? {} : { body: q.body }),
      headers: {
        'X-Road-Client': tax.client,
        'X-Road-UserId': value('USER'),
        'X-Road-Represented-Party': `GOV/${value('PARTY')}`,
        'X-Person': value('HEADER'),
        Authorization: `Bearer ${value('TOKEN')}`,
        Cookie: `person=${value('COOKIE')}`,
        ...q.more,
      },
    })
    return status
  }
  const target = (service = 'planted'): string => `${service}/${value('PATH')}?code=${value('QUERY')}`
  const says =
    (status: number, bytes: () => string): Behaviour =>
    (_, response) => {
      response.writeHead(status, { 'Content-Type': 'text/plain', 'X-Person': value('REPLYHEADER') })
      response.end(bytes())
    }
  const large = (place: string) => (): string => `${value(place)} `.repeat(5000)
  t.equal(
    await ask({
      target: target(),
      body: value('BODY'),
      answer: says(200, () => value('REPLY')),
      more: { 'X-Road-Id': id },
    }),
    200,
    'small bodies',
  )
  const answer = says(200, large('REPLYFILE'))
  t.equal(await ask({ target: target(), body: large('BODYFILE')(), answer }), 200, 'bodies in files')
  t.equal(await ask({ target: target(), answer: says(404, () => value('NOTFOUND')) }), 404)
  t.equal(await ask({ target: target(), answer: says(500, () => value('FAILURE')) }), 500)
  const fails: [string, Parameters<typeof ask>[0]][] = [
    ['garbage', { target: target(), answer: (_, response) => response.socket?.end(value('GARBAGE')) }],
    [
      'a header that is none',
      {
        target: target(),
        answer: (_, response) => response.socket?.end(`HTTP/1.1 200 OK\r\n${value('NOHEADER')}\r\n\r\n`),
      },
    ],
    ['silence', { target: target('silent'), body: value('SILENCE'), answer: () => undefined }],
    ['nobody there', { target: target('nowhere') }],
    ['no such service', { target: target('no-such') }],
    ['a path of two meanings', { target: `planted/..%2f${value('BADPATH')}` }],
    ['an encoding that is none', { target: `planted/%zz${value('BADENCODING')}` }],
    ['no right to ask', { target: target('persons'), body: value('NORIGHT') }],
    [
      'a header that is wrong',
      { target: target(), more: { 'X-Road-Represented-Party': `a/b/${value('PARTY')}` } },
    ],
  ]
  for (const [what, q] of fails) t.ok((await ask(q)) >= 400, what)
  const none = await world.ask('tax', `/${value('NOROUTE')}?code=${value('NOROUTE')}`)
  t.ok(none.status >= 400, 'no such address')
  const listed = await admin.call('GET', `/clients/${colons(population.client)}?code=${value('ADMIN')}`)
  t.ok(listed.status > 0)
  await searchByActors(t, world, values)
  return values
}

/** Searches find both values; neither the search nor an export writes them anywhere. */
async function searchByActors(t: Test, { admin }: TwoStores, values: string[]): Promise<void> {
  const first = (place: string): string => values.find((one) => one.startsWith(`XPLANTED${place}`))!
  for (const side of SIDES) {
    const names = { userId: first('USER'), representedParty: `GOV/${first('PARTY')}` }
    const terms = await admin[side].send<Record<string, string>>('POST', '/message-log/actor-terms', names)
    const { userTerm, representedPartyTerm } = terms
    const query = new URLSearchParams({ userTerm: userTerm!, representedPartyTerm: representedPartyTerm! })
    const found = await admin[side].get<object[]>(`/message-log/records?${query}`)
    t.equal(found.length, 2, `request and reply at ${side}`)
    const filter = { userTerm, representedPartyTerm }
    await admin[side].send('POST', '/message-log/exports', { format: 'jsonl', filter })
  }
}

/**
 * Each place where one of the values, or a key of a log, can be read: a file, or the dump of the databases.
 */
async function whereReadable(q: {
  world: TwoStores
  postgresql: PostgresqlServer
  values: string[]
}): Promise<string[]> {
  const { directory, servers } = q.world
  const keys = SIDES.flatMap((side) => {
    const { byId, checkpointKey } = readLogKeys(path.join(servers[side].directory, 'log-keys'))
    return [...[...byId.values()].map(({ key }) => key), seedOf(checkpointKey)]
  })
  const secrets: { what: string; forms: Buffer[]; isKey: boolean }[] = [
    ...q.values.map((value) => ({ what: value, forms: formsOf(Buffer.from(value)), isKey: false })),
    ...keys.map((key) => ({ what: 'a key of the log', forms: formsOf(key), isKey: true })),
  ]
  const found: string[] = []
  const look = (where: string, bytes: Buffer): void => {
    for (const { what, forms, isKey } of secrets)
      if (!(isKey && where.includes('log-keys/')) && forms.some((form) => bytes.includes(form)))
        found.push(`${where}: ${what}`)
  }
  for (const { file, bytes } of filesBelow(directory)) look(path.relative(directory, file), bytes)
  const dump = q.postgresql.dump()
  look('the dump', dump)
  if (dump.includes('PRIVATE KEY')) found.push('the dump: a private key')
  return found
}

/** The bytes themselves, and as the hex and base64 that a program may write. */
function formsOf(bytes: Buffer): Buffer[] {
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64').slice(0, -4))]
}

function seedOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url')
}
