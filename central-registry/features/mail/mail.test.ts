import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { isAddress } from '#core/mail/mail-address.ts'
import { createSendMail, type MailServer } from '#platform/mail/client.ts'
import { FLEET_DOCUMENT } from '#schemas/fleet.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { type FakeMailServer, headerOf, startMailServer } from '#test/fakes/mail-server.ts'
import { ocspFor } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { actsOf, approve, authority, OWNER, owner, type RequestWorld } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { MAIL_LANGUAGES, render } from './rules.ts'

type Row = {
  id: number
  text: string
  subject: string
  recipient: string
  state: string
  attempts: number
  lastError?: string
}

const DAY = 86_400_000

async function start(t: Test, url: string | undefined, mailServer: MailServer): Promise<RequestWorld> {
  const world = registryWorld(t, url)
  const node = await world.start({ registration: true, mailServer })
  await setUp(node, authority)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  await node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', {
    addresses: ['ops@agency.example', 'desk@agency.example'],
  })
  return { world, node, ...actsOf(world, node) }
}
const outbox = async ({ node }: RequestWorld, query = ''): Promise<Row[]> =>
  (await node.must('GET', `/mail-messages${query}`)) as Row[]
// A message that failed is tried again up to five minutes later, by a clock that each look moves by a second.
const PASSING_MS = 400_000
/** The back-off uses the world's clock. */
const passing = ({ world }: RequestWorld, holds: () => boolean | Promise<boolean>): Promise<boolean> =>
  until(
    `${holds}`,
    async () => {
      world.clock.now += 1000
      return holds()
    },
    { deadlineMs: PASSING_MS },
  )

void t.test(
  'decisions and suspensions reach those whom they concern, whatever the mail server does',
  async (t) => {
    await eachRegistryDatabase(t, async (database, t, url) => {
      const mail = await startMailServer(t)
      const all = await start(t, url, mail.server)
      const { node, file, world } = all
      const told = (subject: string): string[] =>
        mail.received.filter(({ raw }) => headerOf(raw, 'Subject')?.includes(subject)).flatMap(({ to }) => to)

      const declined = (await file({ kind: 'addressChange', address: 'b.example' })).body.request
      const reason = 'Not yours.\r\nBcc: thief@evil.example\r\n\r\nPay here'
      t.equal((await node.call('POST', `/management-requests/${declined}/decline`, { reason })).status, 400)
      const two = 'Not yours.\nBcc: thief@evil.example\n\nPay here'
      await node.must('POST', `/management-requests/${declined}/decline`, { reason: two })
      await passing(all, () => mail.received.length >= 2)
      t.same(told('was declined').sort(), ['desk@agency.example', 'ops@agency.example'])
      const [first] = mail.received
      t.match(first, { from: 'registry@dev.example', to: { length: 1 }, isSecure: true, user: 'registry' })
      t.match(
        first!.raw.replace(/=\r\n/g, ''),
        /Reason: Not yours\. Bcc: thief@evil\.example Pay here/,
        'in its line',
      )
      t.equal(headerOf(first!.raw, 'Bcc'), undefined)
      t.equal(headerOf(first!.raw, 'Auto-Submitted'), 'auto-generated')
      t.match(headerOf(first!.raw, 'Message-ID'), /^<registry-mail-\d+@dev\.example>$/)
      t.match(first!.raw, /central registry of DEV/)
      await passing(all, async () => (await outbox(all, '?state=SENT')).length === 2)

      mail.isDown = true
      const approved = (await file({ kind: 'addressChange', address: 'c.example' })).body.request
      t.equal((await approve(all, approved)).status, 200, 'a decision does not wait for a mail server')
      await passing(all, async () =>
        (await outbox(all, '?state=WAITING')).every(({ attempts }) => attempts > 1),
      )
      t.match(await outbox(all, '?state=WAITING'), [{ lastError: /answered 451/ }, { recipient: /agency/ }])
      mail.isDown = false
      await passing(all, () => told('was approved').length >= 2)

      mail.refuse = (recipient) => (recipient.startsWith('desk') ? 550 : undefined)
      const subject = { kind: 'server', subject: 'DEV:GOV:1234:SS1', reason: 'Stolen.' }
      const { id } = (await node.must('POST', '/suspensions', subject)) as { id: number }
      await passing(all, async () => (await outbox(all, '?state=REFUSED')).length === 1)
      await passing(all, () => told('Suspended').length === 1)
      t.same(told('Suspended: DEV:GOV:1234:SS1'), ['ops@agency.example'])
      const [refused] = await outbox(all, '?state=REFUSED')
      t.match(refused, {
        recipient: 'desk@agency.example',
        lastError: /answered 550/,
        text: 'suspension.suspended',
        subject: 'Suspended: DEV:GOV:1234:SS1',
      })
      t.match(await outbox(all, '?state=UNDELIVERED&q=DESK%40agency'), [{ id: refused!.id }])
      t.same(await outbox(all, '?state=UNDELIVERED&q=ops%40agency'), [])
      t.match(await node.must('GET', '/overview'), { mail: { undelivered: 1 } })
      t.match(await node.must('GET', '/overview/last-day'), {
        failures: { jobs: [], proposals: [], mail: 1 },
      })
      mail.refuse = undefined
      t.equal((await node.call('POST', `/mail-messages/${refused!.id}/retry`)).status, 204)
      await passing(all, () => told('Suspended').length === 2)
      t.equal((await node.call('POST', `/mail-messages/${refused!.id}/retry`)).status, 409, 'it was sent')

      mail.isDown = true
      await node.must('DELETE', `/suspensions/${id}`)
      await passing(all, async () => (await outbox(all, '?state=WAITING')).length === 2)
      world.clock.now += 3 * DAY
      await passing(all, async () => (await outbox(all, '?state=GIVEN_UP')).length === 2)
      t.match(await node.must('GET', '/mail-delivery'), { isConfigured: true, messages: { GIVEN_UP: 2 } })
      const [forgotten] = await outbox(all, '?state=UNDELIVERED')
      t.equal((await node.call('DELETE', `/mail-messages/${forgotten!.id}`)).status, 204)
      t.equal((await outbox(all, '?state=UNDELIVERED')).length, 1)
      const [sent] = await outbox(all, '?state=SENT')
      t.equal((await node.call('DELETE', `/mail-messages/${sent!.id}`)).status, 409, 'what was sent is kept')
      mail.isDown = false
      t.same(await node.must('POST', '/mail-messages/retry'), { retried: 1, left: 0 })
      await passing(all, () => told('No longer suspended').length === 1)
      t.same(await node.must('POST', '/mail-messages/retry'), { retried: 0, left: 0 })
      // The mail server receives it before the outbox marks it as sent.
      await passing(all, async () => (await outbox(all, '?state=WAITING')).length === 0)
      world.clock.now += 31 * DAY
      await node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', { addresses: ['new@agency.example'] })
      await node.must('POST', '/suspensions', { ...subject, reason: 'Again.' })
      await passing(all, () => told('Suspended').length === 3)
      // By the clock alone nothing is deleted: a server signs the time. That of PostgreSQL is the machine's,
      // and has not come so far.
      const report = reportAt(OWNER, world.clock.now)
      const ocsp = ocspFor({ ...owner, authority: { ...authority, clock: () => world.clock.now } })
      const reported = signedReport(report, owner, FLEET_DOCUMENT.report, ocsp)
      t.ok((await outbox(all)).length > 1)
      t.equal((await node.register('/registration/v1/server-reports', reported)).status, 200)
      if (database.dialect === 'sqlite')
        await until('one message left', async (saw) => saw(await outbox(all)).length === 1)
      else t.ok((await outbox(all)).length > 1)
      const lines = world.lines.join('\n')
      t.notMatch(lines, /@agency|@evil|Stolen|Not yours/, 'no personal datum in a log line')
      t.match(lines, /"fault":"mail_address_refused"/)
      const audit = JSON.stringify(await node.must('GET', '/audit-log'))
      t.match(audit, /setMailAddresses/)
      t.notMatch(audit, /@agency/)
    })
  },
)

void t.test('addresses, and members without', async (t) => {
  const mail = await startMailServer(t)
  const all = await start(t, undefined, mail.server)
  const { node } = all
  const at = '/members/DEV:GOV:5678/mail-addresses'
  for (const address of [
    ...[
      'a@b\r\nBcc: c@d',
      'a,b@c.example',
      '"a b"@c.example',
      'a@b@c.example',
      'A <a@b.example>',
      '@c.example',
    ],
    ...[
      'a@',
      'a b@c.example',
      'a@-c.example',
      'ä@c.example',
      'a@c.example,d@e.example',
      `${'a'.repeat(65)}@c.example`,
    ],
  ]) {
    const reply = await node.call('PUT', at, { addresses: [address] })
    t.equal(reply.status, 400, address)
    t.notOk(reply.bytes.toString().includes(address))
    t.notOk(isAddress(address))
  }
  t.equal((await node.call('PUT', at, { addresses: ['a@b.example', 'a@b.example'] })).status, 400)
  await node.must('PUT', at, { addresses: ["o'brien+x@b.example"] })
  t.same(await node.must('GET', at), { addresses: ["o'brien+x@b.example"] })
  await node.must('PUT', at, { addresses: [] })
  t.same(await node.must('GET', at), { addresses: [] })
  await node.must('POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:5678', reason: 'x' })
  t.same(await outbox(all), [], 'who has no address is told nothing')
  t.equal((await node.call('POST', '/mail-messages/9/retry')).status, 404)
  t.equal((await node.call('DELETE', '/mail-messages/9')).status, 404)
  await node.must('PUT', at, { addresses: ['a@b.example'] })
  t.equal((await node.call('DELETE', '/members/DEV:GOV:5678')).status, 204, 'addresses go with their member')
})

void t.test('a connection that is not what the settings say carries no message', async (t) => {
  const message = { id: 'x', to: 'a@b.example', subject: 's', text: 't' }
  const codeOf = async (server: MailServer): Promise<string> => {
    try {
      await createSendMail(server)(message)
      return 'sent'
    } catch (thrown) {
      const { code, message: text } = thrown as { code: string; message: string }
      t.notMatch(text, /a@b|registry@dev/)
      return code
    }
  }
  const received = (fake: FakeMailServer): number => fake.received.length
  const starttls = await startMailServer(t)
  t.equal(await codeOf(starttls.server), 'sent')
  t.equal(await codeOf({ ...starttls.server, ca: undefined }), 'mail_failed', 'a certificate of nobody')
  t.equal(
    await codeOf({ ...starttls.server, host: '127.0.0.1' }),
    'mail_failed',
    'a certificate of another host',
  )
  t.equal(
    await codeOf({ ...starttls.server, password: 'wrong' }),
    'mail_failed',
    'tried again when it is mended',
  )
  t.equal(received(starttls), 1)
  const stripped = await startMailServer(t, { offersTls: false })
  t.equal(await codeOf(stripped.server), 'mail_failed', 'STARTTLS was taken out on the way')
  t.equal(received(stripped), 0)
  const tls = await startMailServer(t, { tls: 'tls' })
  t.equal(await codeOf(tls.server), 'sent')
  t.equal(await codeOf({ ...tls.server, tls: 'starttls', port: 1 }), 'mail_failed')
  const clear = await startMailServer(t, { tls: 'none', offersTls: false })
  t.equal(await codeOf(clear.server), 'sent', 'only by settings that say so')
  starttls.refuse = () => 552
  t.equal(await codeOf(starttls.server), 'mail_address_refused')
})

/** A mail server whose answer never ends. */
async function endless(t: Test) {
  let connections = 0
  const listener = createServer((socket) => {
    connections++
    let timer: NodeJS.Timeout | undefined
    const end = () => {
      connections--
      clearInterval(timer)
    }
    socket.on('error', () => undefined).on('close', end)
    sockets.push(socket)
    socket.write('220 hello\r\n')
    socket.on('data', (line) => {
      if (/^(EHLO|MAIL)/.test(String(line))) socket.write('250 fine\r\n')
      else timer ??= setInterval(() => socket.write('250-wait\r\n'), 20)
    })
  })
  const sockets: { destroy(): void }[] = []
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  }
  t.teardown(close)
  const { port } = listener.address() as AddressInfo
  const server: MailServer = { host: '127.0.0.1', port, tls: 'none', from: 'registry@dev.example' }
  return { server, connections: () => connections, close }
}

void t.test('a mail server that never ends its answer holds up nothing but mail', async (t) => {
  const slow = await endless(t)
  const message = { id: 'x', to: 'a@b.example', subject: 's', text: 't' }
  await t.rejects(createSendMail(slow.server, { totalMs: 200 })(message), { code: 'mail_failed' })
  await until('the end of the slow connection', (saw) => saw(slow.connections()) === 0)

  const mute = await endless(t)
  const { node } = await start(t, undefined, mute.server)
  await node.must('PUT', '/members/DEV:GOV:5678/mail-addresses', {
    addresses: Array.from({ length: 10 }, (_, i) => `a${i}@b.example`),
  })
  const numberOf = async (): Promise<number> => {
    const text = (await node.get('/internalconf-suspensions')).bytes.toString()
    const { number } = JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()) as {
      number: number
    }
    return number
  }
  await publish(node)
  const subject = { kind: 'member', subject: 'DEV:GOV:5678', reason: 'r' }
  for (let i = 0; i < 2; i++) {
    const { id } = (await node.must('POST', '/suspensions', subject)) as { id: number }
    await node.must('DELETE', `/suspensions/${id}`)
  }
  await until('two connections', (saw) => saw(mute.connections()) === 2)
  const before = await numberOf()
  await node.must('POST', '/suspensions', subject)
  await until('another list', async (saw) => saw(await numberOf()) > before)
  const rows = (await node.must('GET', '/mail-messages?state=WAITING&limit=100')) as { attempts: number }[]
  t.equal(rows.length, 50)
  t.ok(
    rows.every(({ attempts }) => attempts === 0),
    'none of them had to end for that',
  )
  t.equal(mute.connections(), 2)
  // Otherwise the registry would wait for them.
  mute.close()
})

void t.test('texts', (t) => {
  const texts = JSON.parse(readFileSync(new URL('texts/en.json', import.meta.url), 'utf8')) as object
  const hostile = 'x\r\nBcc: a@b\u202e\u2028{reason}'
  const fields = Object.fromEntries(
    [
      'request',
      'kind',
      'server',
      'at',
      'reason',
      'contract',
      'version',
      'title',
      'validUntil',
      'days',
      'event',
      'subject',
      'instance',
    ].map((name) => [name, hostile]),
  )
  const names = Object.keys(texts)
    .map((name) => name.replace(/_other$/, ''))
    .filter((name) => name.endsWith('.subject'))
  t.ok(names.length > 10)
  for (const [language, name] of MAIL_LANGUAGES.flatMap((each) => names.map((one) => [each, one] as const))) {
    const { subject, text } = render(name.replace(/\.subject$/, ''), fields, language)
    t.notMatch(subject, /[\r\n\u2028\u202e]/, name)
    t.ok(subject.length <= 200)
    const own = (texts as Record<string, string>)[name.replace('.subject', '.body')]!
    const lines = own.split('\n').length + 4
    t.equal(text.split('\n').length, lines, `${name}: no line more than its text has`)
    t.notMatch(
      render(name.replace(/\.subject$/, ''), {}, language).text,
      /\{/,
      'what is missing shows as such',
    )
  }
  t.throws(() => render('constructor', {}, 'en'))
  t.end()
})
