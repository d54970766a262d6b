/**
 * A channel of the operator's own: a program that gets signed messages and brings them on, without a line of
 * the server's code.
 */
import { createHmac } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { AskedNotice, Notices } from '#schemas/notices.ts'
import { createTrackerWorld } from '../tracker/tracker-fixture.ts'
import { noticeHandlers } from './handlers.ts'
import { createNotices } from './notices-fixture.ts'
import { openOwnChannels } from './open-own-channels.ts'
import type { OwnChannel } from './settings.ts'

const CODE = '131052-308T'
const PHONE = '+3725550042'
const SECRET = Buffer.alloc(32, 5).toString('base64')
const NOTICES = `/concordat/v1/notices?userCode=EE${CODE}`
const TITLES = { en: 'Text message', et: 'Tekstisõnum' }

type Told = { type: string; data: { to: string; language: string; subject: string; text: string } }

/** The operator's program: `status` is what it answers. */
async function startProgram(t: Test) {
  const program = { url: '', status: 204, posted: [] as { headers: Record<string, unknown>; body: string }[] }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      program.posted.push({ headers: request.headers, body })
      response.writeHead(program.status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  program.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`
  return program
}

function fileOf(t: Test, secret: string): string {
  const file = path.join(t.testdirName, `secret-${secret.length}`)
  writeFileSync(file, secret)
  chmodSync(file, 0o600)
  return file
}

const sms = (t: Test, url: string, more: Partial<OwnChannel> = {}): OwnChannel => ({
  ...{
    name: 'sms',
    url,
    secretFile: fileOf(t, `whsec_${SECRET}`),
    address: '\\+[1-9][0-9]{7,14}',
    titles: TITLES,
  },
  ...more,
})

t.test(
  'a program gets the code, the messages and nothing of content, and says when an address is gone',
  async (t) => {
    t.testdir({})
    const program = await startProgram(t)
    const world = await createTrackerWorld(t)
    const own = await openOwnChannels([sms(t, program.url)], [])
    const { rooms, tell } = await createNotices(t, world, { own })
    const q = { userId: `EE${CODE}` }
    const list = async () => (await world.ask(NOTICES, q)).body as unknown as Notices
    const ask = (address: string) =>
      world.ask(NOTICES, { ...q, body: { channel: 'sms', address, mode: 'at_once', language: 'et' } })

    const channels = { channels: ['email', 'webhook', 'sms'], titles: { sms: TITLES } }
    t.match(await list(), channels)
    t.match(await noticeHandlers(rooms)['getNotices']!({} as never), channels, 'who runs the server')
    for (const wrong of ['5550042', `${PHONE}; rm`, `x${PHONE}`, `+${'1'.repeat(200)}`])
      t.equal((await ask(wrong)).status, 400, wrong)
    const { notice } = (await ask(PHONE)).body as unknown as AskedNotice
    t.match(notice, { channel: 'sms', address: '+3…42', state: 'asked' })
    await tell()
    const { headers, body } = program.posted.at(-1)!
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const mac = createHmac('sha256', Buffer.from(SECRET, 'base64')).update(signed).digest('base64')
    t.equal(headers['webhook-signature'], `v1,${mac}`)
    const first = JSON.parse(body) as Told
    t.match(first, { type: 'notice.code', data: { to: PHONE, language: 'et', text: /\d{4} \d{4}/ } })
    const code = /\d{4} \d{4}/.exec(first.data.text)![0]
    const confirmation = NOTICES.replace('notices', 'notices/confirmation')
    t.equal((await world.ask(confirmation, { ...q, body: { id: notice.id, code } })).status, 200)
    await tell()
    await world.use(CODE)
    await tell()
    const { type, data } = JSON.parse(program.posted.at(-1)!.body) as Told
    t.match([type, data], ['notice.uses', { to: PHONE, subject: /.+/, text: /notices\/stop\?/ }])
    t.notMatch(JSON.stringify(data), new RegExp(CODE), 'nobody is named')

    program.status = 410
    await world.use(CODE)
    world.now.at += 60 * 60_000
    await tell()
    t.match((await list()).notices, [{ state: 'failed' }], 'the program says that the address is gone')

    const token = /token=([\w-]{43})/.exec(data.text)![1]!
    rooms.channels.splice(0)
    const stopped = await world.ask('/concordat/v1/notices/stop', { userId: '', body: { token } })
    t.match(
      stopped,
      { status: 200, body: { stopped: true } },
      'also once the channel is gone from the settings',
    )
  },
)

t.test('what the settings say of a channel has to be possible', async (t) => {
  t.testdir({})
  const url = 'http://127.0.0.1:9700/'
  const refusals: [Partial<OwnChannel>, RegExp][] = [
    [{ name: 'email' }, /another channel/],
    [{ url: 'http://sms.example/' }, /https/],
    [{ address: '(' }, /regular expression/],
    [{ secretFile: fileOf(t, 'short') }, /24 octets/],
  ]
  for (const [more, what] of refusals)
    await t.rejects(openOwnChannels([sms(t, url, more)], []), { code: 'invalid_configuration', what })
  await t.rejects(openOwnChannels([sms(t, url), sms(t, url)], []), {
    code: 'invalid_configuration',
    what: /another channel/,
  })
})
