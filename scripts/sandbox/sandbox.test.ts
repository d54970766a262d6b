/**
 * What a start of the sandbox finds: folders of other versions, another start, addresses in use; and how the
 * days of a past are drawn.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { lifeEvents } from '#adapters/life-events/adapter.ts'
import { createSendMail } from '#platform/mail/client.ts'
import { FIND_USAGE } from '#schemas/find-usage.ts'
import { holdNetwork } from '#scripts/test/hold-network.ts'
import { openAdministrator } from './administrator.ts'
import { createMailFolder } from './agencies/mail-folder.ts'
import { randomNumbers } from './agencies/people.ts'
import { benefitSettings, benefitsOf, writeBenefitSettings } from './benefits.ts'
import { holdFolder } from './hold-folder.ts'
import { layoutOf } from './layout.ts'
import { DAY_MS, workingDays } from './past/calendar.ts'
import { takenPlaces } from './ports.ts'
import { serveNames } from './serve-names.ts'
import { settle } from './settle.ts'
import { livingContracts } from './terms.ts'
import { beginVersion, SANDBOX_VERSION, writeVersion } from './version.ts'

const stamp = (folder: string): string => readFileSync(path.join(folder, 'sandbox-version'), 'utf8').trim()

void t.test('what lies in the folder decides what a start does', async (t) => {
  const folder = path.join(t.testdir({}), 'sandbox')
  t.match(settle({ directory: folder, fresh: false, kind: 'living' }), {
    isNew: true,
    kind: 'living',
    notes: [],
  })

  beginVersion(folder, 'living')
  t.match(settle({ directory: folder, fresh: false, kind: 'living' }), {
    isNew: true,
    notes: [/did not finish/],
  })

  writeVersion(folder, 'living')
  t.match(settle({ directory: folder, fresh: false, kind: 'living' }), { isNew: false, kind: 'living' })
  t.match(
    settle({ directory: folder, fresh: false, kind: 'lean' }),
    { isNew: false, kind: 'living' },
    'as it is',
  )
  t.match(settle({ directory: folder, fresh: true, kind: 'lean' }), { isNew: true, notes: [/--fresh/] })
  t.ok(existsSync(folder), 'it is deleted when the new one is begun')

  writeVersion(folder, 'lean')
  t.match(settle({ directory: folder, fresh: false, kind: 'living' }), {
    isNew: true,
    notes: [/no past/, /kept in/],
  })
  t.equal(stamp(`${folder}.version-${SANDBOX_VERSION}-lean`), SANDBOX_VERSION)

  for (const aside of [`${folder}.version-14`, `${folder}.version-14-2`]) {
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'sandbox-version'), '14\n')
    const { notes } = settle({ directory: folder, fresh: false, kind: 'lean' })
    t.match(notes.join(' '), 'version 14')
    t.match(notes.join(' '), aside)
    t.equal(stamp(aside), '14')
  }
  t.notOk(existsSync(folder))
})

void t.test('a folder with files of something else is never deleted', async (t) => {
  const folder = t.testdir({ 'thesis.txt': 'years of work' })
  for (const fresh of [true, false])
    t.throws(() => settle({ directory: folder, fresh, kind: 'lean' }), /has files, but no sandbox/)
  t.equal(readFileSync(path.join(folder, 'thesis.txt'), 'utf8'), 'years of work')
})

void t.test('a second start in a folder is told who has it', async (t) => {
  const folder = path.join(t.testdir({}), 'not-there-yet', 'sandbox')
  const place = { network: '127.0.7', instance: 'OTHER' }
  const held = holdFolder(folder, place)
  if ('heldBy' in held) return t.fail('nobody else has it')
  beginVersion(folder, 'lean')
  writeVersion(folder, 'lean')
  const program = path.join(import.meta.dirname, '../concordat')
  const second = spawnSync(program, ['sandbox', '--lean', '--directory', folder], { encoding: 'utf8' })
  t.equal(second.status, 1)
  t.match(second.stderr, `process ${process.pid}.`)
  t.match(second.stdout, 'https://127.0.7.2:8443/r1/OTHER/GOV/', 'where it runs')
  t.notMatch(second.stdout, /127\.0\.1\b|DEV/, 'not where this start would')
  const usual = { network: '127.0.1', instance: 'DEV' }
  t.same(holdFolder(folder, usual), { heldBy: { process: String(process.pid), place } })
  held.release()
  const again = holdFolder(folder, usual)
  t.notOk('heldBy' in again)
  if ('release' in again) again.release()
})

void t.test('an address in use is named with the program that has it', async (t) => {
  const network = await holdNetwork()
  const layout = layoutOf(t.testdir({}), network)
  t.same(await takenPlaces(layout), [])
  const listen = `require('node:net').createServer().listen(4000, '${network}.10', () => console.log('listens'))`
  const child = spawn(process.execPath, ['-e', listen, 'the-other-program'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill()
    await once(child, 'exit')
  })
  await once(child.stdout, 'data')
  const [line, ...others] = await takenPlaces(layout)
  t.same(others, [])
  t.match(line, `${network}.10:4000 is in use: process ${child.pid}, node `)
  t.match(line, 'the-other-program')
})

void t.test('the days of a past: few at first, none twice, the last ones by the hour', async (t) => {
  const until = Date.parse('2026-11-29T14:00:00.000Z')
  const draw = () => [...workingDays(until - 92 * DAY_MS, until, randomNumbers(15))]
  const days = draw()
  t.same(days, draw(), 'the same for the same seed')
  const moments = days.flat().map(({ at }) => at)
  t.same(
    moments,
    [...moments].sort((a, b) => a - b),
  )
  t.ok(moments.every((at) => at >= until - 92 * DAY_MS && at < until))
  const within = (from: number, to: number) =>
    days.filter(([first]) => first!.at >= until - from * DAY_MS && first!.at < until - to * DAY_MS)
  t.ok(within(92, 40).length < within(31, 8).length, 'they begin with a pilot')
  t.ok(days.at(-1)!.length >= 5, 'recent hours have calls')
  const weekend = days.filter(([first]) => [0, 6].includes(new Date(first!.at).getUTCDay())).flat()
  const calls = (some: { calls: number }[]) => some.reduce((sum, one) => sum + one.calls, 0)
  t.ok(calls(weekend) * 4 < calls(days.flat()))
  const short = [...workingDays(until - 12 * DAY_MS, until, randomNumbers(15))]
  t.ok(short.length > 8 && short.every(({ length }) => length <= 2), 'a short past leaps seldom')
  t.ok(calls(short.flat()) > 100, 'and has as many calls')
})

void t.test('a login whose provider gave no answer in time is begun again', async (t) => {
  const asked: string[] = []
  const answers: [number, string][] = [
    [502, 'the provider does not answer'],
    [302, '/login/callback'],
    [503, 'nor now'],
    [302, '/login/callback'],
    [200, 'Welcome'],
    [200, '{"csrfToken":"c"}'],
  ]
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const [status, text] = answers.shift() ?? [500, '']
    response.writeHead(status, status === 302 ? { location: text } : {}).end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close().closeAllConnections())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const person = openAdministrator(base, { subject: 'a', name: 'A', password: 'p' }, '127.0.0.1')
  t.teardown(() => person.close())
  await person.login()
  t.same(asked, ['/login', '/login', '/login/callback', '/login', '/login/callback', '/api/v1/session'])
  answers.push([403, 'nobody knows you'])
  await t.rejects(person.login(), /answered 403/, 'a refusal is one at once')
})

void t.test('the rule of the family benefit is one, in all languages', async (t) => {
  const layout = layoutOf(t.testdir({}), '127.0.9', 'DEV', 12)
  writeBenefitSettings(layout)
  const { rules, languages } = await readSettings(lifeEvents, benefitSettings(layout), {})
  t.strictSame(languages, ['en', 'et', 'ko', 'uk'])
  t.match(rules, [{ name: 'family-benefit', calls: [{ name: 'child' }, { name: 'income' }] }])
  t.equal(benefitsOf(layoutOf('/', '127.0.9')), undefined, 'a lean one has none')
})

void t.test('who may see for somebody does not complain for them', async (t) => {
  const services = livingContracts(layoutOf(t.testdir({}), '127.0.9', 'DEV', 12), 0).flatMap(({ terms }) =>
    terms.services.filter(({ serviceCode }) => serviceCode === FIND_USAGE),
  )
  const rolesOf = (method: string) =>
    services
      .filter(({ endpoints }) => endpoints[0]!.method === method)
      .map(({ representation }) => JSON.stringify(representation))
  t.equal(rolesOf('GET').length + rolesOf('POST').length, services.length)
  t.match(rolesOf('GET'), [/TRACKER:VIEWER/, /TRACKER:VIEWER/])
  for (const roles of rolesOf('POST')) t.notMatch(roles, 'TRACKER:VIEWER')
  t.match(rolesOf('POST'), [/FAMILY:PARENT/, /FAMILY:CUSTODIAN/])
})

void t.test('letters to people lie in a folder', async (t) => {
  const directory = path.join(t.testdir({}), 'mail')
  const mail = createMailFolder({ directory, now: () => 0 }).listen(0, '127.0.0.1')
  await once(mail, 'listening')
  t.teardown(() => mail.close())
  const { port } = mail.address() as AddressInfo
  const send = createSendMail({ host: '127.0.0.1', port, tls: 'none', from: 'a@b.example' })
  await send({ id: 'x', to: 'person@c.example', subject: 'Your code', text: '.1234 5678\n..\nend' })
  await send({ id: 'y', to: 'person@c.example', subject: 'More', text: 'm' })
  const [first, second, ...others] = readdirSync(directory).sort()
  t.same(others, [])
  const letter = readFileSync(path.join(directory, first!), 'utf8')
  t.match(letter, /To: person@c\.example\r\n/)
  t.match(letter, /\r\n\r\n\.1234 5678\r\n\.\.\r\nend/)
  t.match(readFileSync(path.join(directory, second!), 'utf8'), /Subject: More/)
})

void t.test(
  'names of consoles: each connection is passed on to the one that it names, and to no other',
  async (t) => {
    const callers: string[] = []
    const serve = async (name: string) => {
      const server = createServer((request, response) => {
        callers.push(request.socket.remoteAddress ?? '')
        request.pipe(response.setHeader('who', name), { end: true })
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => void server.close().closeAllConnections())
      return { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
    }
    const names = new Map([
      ['one.localhost', await serve('one')],
      ['two.localhost', await serve('two')],
      ['gone.localhost', { address: '127.0.0.1', port: 1 }],
    ])
    const { port } = await serve('a free port')
    const network = await holdNetwork()
    const place = { address: `${network}.1`, port }
    const door = await serveNames(place, names)
    t.teardown(() => door.close())
    await t.rejects(serveNames(place, names), { code: 'EADDRINUSE' })
    /** All that comes back until the connection ends. */
    const say = async (...parts: string[]): Promise<string> => {
      const socket = connect({ host: place.address, port, localAddress: `${network}.9` })
      let heard = ''
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
      })
      socket.on('error', () => undefined)
      for (const part of parts) await new Promise((done) => socket.write(part, done))
      await once(socket, 'close')
      return heard
    }
    const end = 'Connection: close\r\n\r\n'
    for (const name of ['one', 'two'])
      t.match(await say(`GET / HTTP/1.1\r\nHost: ${name}.localhost:${port}\r\n${end}`), `who: ${name}`)
    t.same(callers, [`${network}.9`, `${network}.9`], 'from the address that it came from')
    const body = 'x'.repeat(200_000)
    const long = await say(
      'POST / HTTP/1.1\r\nHo',
      `st:  ONE.localhost\r\nContent-Length: ${body.length}\r\n${end}`,
      body,
    )
    t.ok(long.includes('who: one') && long.includes('xxx'), 'in parts, and with a body')
    for (const host of ['one.localhost.evil.example', 'evil.example', '127.0.0.1', ''])
      t.match(
        await say(`GET / HTTP/1.1\r\nHost: ${host}\r\n${end}`),
        /^HTTP\/1\.1 421 .*one\.localhost, two/s,
      )
    t.match(await say(`GET / HTTP/1.1\r\n${end}`), /^HTTP\/1\.1 421/, 'without a name')
    t.match(
      await say(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`),
      /^HTTP\/1\.1 421/,
      'a header without end',
    )
    t.equal(
      await say(`GET / HTTP/1.1\r\nHost: gone.localhost\r\n${end}`),
      '',
      'who does not run says nothing',
    )
  },
)

void t.test(
  'a living one that is told to end while its past is made ends, with all that it started',
  async (t) => {
    const directory = path.join(t.testdir({}), 'sandbox')
    const network = await holdNetwork()
    const program = path.join(import.meta.dirname, '../concordat')
    const child = spawn(
      program,
      ['sandbox', '--living', '--days', '12', '--directory', directory, '--network', network],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    t.teardown(() => child.kill('SIGKILL'))
    let said = ''
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    child.stdout.on('data', (chunk: Buffer) => {
      const before = said
      said += chunk.toString()
      // Servers start then, and are set up.
      const isTime = (text: string): boolean => /ready {2}central registry/.test(text)
      if (isTime(said) && !isTime(before)) child.kill('SIGTERM')
    })
    const [code] = (await once(child, 'close')) as [number]
    t.equal(code, 1, said)
    t.equal(errors, 'Ended before all of it ran. The next start makes it anew.\n')
    t.same(await takenPlaces(layoutOf(directory, network, 'DEV', 12)), [], 'nothing listens any more')
  },
)
