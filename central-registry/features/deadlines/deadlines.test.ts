/** Letters ahead of what ends, at a real registry on both databases, with a real mail server. */
import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { headerOf, startMailServer } from '#test/fakes/mail-server.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { MAIL_LANGUAGES, render } from '../mail/rules.ts'
import { checkDeadlines } from './settings.ts'

const DAY = 86_400_000
const KINDS = ['AUTHENTICATION', 'HOSTING_MANDATE', 'TRUST_SERVICE', 'SIGNING_KEY', 'API_KEY', 'LISTENER']
const [ADMIN, OPS, HOSTED] = ['admins@registry.example', 'ops@agency.example', 'desk@guest.example']

void t.test(
  'members are told of what is theirs, administrators of the rest, each threshold once',
  async (t) => {
    await eachRegistryDatabase(t, async (database, t, url) => {
      const mail = await startMailServer(t)
      const world = registryWorld(t, url)
      const start = () =>
        world.start({
          settings: { deadlines: { to: [ADMIN] } },
          ...{ registration: true, mailServer: mail.server },
        })
      let node = await start()
      await setUp(node, authority)
      const told = (): string[] =>
        mail.received
          .map(
            ({ to, raw }) =>
              `${to.join()} ${headerOf(raw, 'Subject')!.replace(/^Ends on \d+ \w+ \d{4} at \d\d:\d\d UTC: /, '')}`,
          )
          .toSorted()
      await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
      await node.must('PUT', '/members/DEV:GOV:5678/mail-addresses', { addresses: [HOSTED] })
      const inDays = (days: number): string => new Date(world.clock.now + days * DAY).toISOString()
      await node.must('POST', '/hosting-mandates', {
        ...{ host: 'DEV:GOV:1234', client: 'DEV:GOV:5678', validUntil: inDays(100) },
      })
      await node.must('POST', '/api-keys', {
        ...{ name: 'nightly', roles: ['XROAD_AUDITOR'], expiresAt: inDays(100) },
      })
      const restart = async (): Promise<void> => {
        await node.stop()
        node = await start()
      }
      world.clock.now += 72 * DAY
      await restart()
      await until('two letters', (saw) => saw(told()).length >= 2)
      t.strictSame(told(), [
        `${ADMIN} the API key nightly`,
        `${HOSTED} the hosting mandate of DEV:GOV:1234 for DEV:GOV:5678`,
      ])
      t.match(mail.received[0]!.raw.replace(/=\r\n/g, ''), /central registry of DEV/)

      await node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', { addresses: [OPS] })
      await restart()
      await until('who is new is told', (saw) => saw(told()).length >= 3)
      t.strictSame(told().slice(-1), [`${OPS} the hosting mandate of DEV:GOV:1234 for DEV:GOV:5678`])
      world.clock.now += 16 * DAY
      await restart()
      await until('the next threshold', (saw) => saw(told()).length >= 6)
      await restart()

      const ends = new X509Certificate(authority.tsa.der).validToDate.getTime()
      const certificate = (sha256: string, server: string, earlierDays: number) =>
        tablesOf<RegisterTables>(database)
          .insertInto('authentication_certificate')
          .values({
            ...{ sha256, server, certificate: authority.tsa.der, created_at: inDays(0) },
            not_after: new Date(ends - earlierDays * DAY).toISOString(),
          })
          .execute()
      // Two connections of one process would lock each other out.
      await node.stop()
      await certificate('replaced', 'DEV/GOV/1234/SS1', 5)
      await certificate('newest', 'DEV/GOV/1234/SS1', 0)
      await tablesOf<RegisterTables>(database)
        .insertInto('timestamping_service')
        .values({ name: 'Damaged TSA', url: 'http://other.example', certificate: Buffer.from('none') })
        .execute()
      world.clock.now = ends - 10 * DAY
      await restart()
      const tsa = `${ADMIN} the certificate of the trust service Test TSA http://tsa.example/`
      await until('the time-stamping service', (saw) => saw(told()).includes(tsa))
      const own = `${OPS} the authentication certificate of DEV:GOV:1234:SS1`
      await until('the certificate', (saw) => saw(told()).includes(own))
      t.equal(told().filter((one) => one === own).length, 1, 'not of what another one has replaced')
      t.match(mail.received.map(({ raw }) => raw).join(), 'newest')
      const failing = async () =>
        JSON.stringify(
          ((await node.must('GET', '/overview/last-day')) as { failures: { jobs: object[] } }).failures.jobs,
        )
      await until('the job that fails is told of', async (saw) =>
        saw(await failing()).includes('1 failed: TRUST_SERVICE Damaged TSA http://other.example: '),
      )

      const { signingKeys } = (await node.must('GET', '/configuration')) as {
        signingKeys: { id: string; notAfter: string }[]
      }
      const [key] = signingKeys
      world.clock.now = Date.parse(key!.notAfter) - 10 * DAY
      await restart()
      for (const last of [
        `${ADMIN} the certificate of the configuration signing key ${key!.id}`,
        `${ADMIN} the certificate of the setting registration.certificateFile`,
      ])
        await until(last, (saw) => saw(told()).includes(last))
      t.notMatch(world.lines.join('\n'), /@agency|@guest|@registry\.example/, 'no log line has an address')
    })
  },
)

void t.test('each language has each text, and settings without a way to send are refused', (t) => {
  for (const language of MAIL_LANGUAGES)
    for (const kind of KINDS) {
      const fields = { name: 'NAME', of: 'DEV:GOV:1', ends: '2026-12-24 12:00 UTC', instance: 'DEV' }
      const { subject, text } = render(`deadline.${kind}`, fields, language)
      t.notMatch(`${subject} ${text}`, /[{}]|undefined/)
      for (const part of [subject, text]) {
        t.match(part, fields.ends)
        t.match(part, /NAME|DEV:GOV:1/)
      }
    }
  t.doesNotThrow(() => checkDeadlines({ to: ['a@b.example'] }, true))
  t.doesNotThrow(() => checkDeadlines(undefined, false))
  for (const [to, hasMail] of [
    ['a@b.example', false],
    ['A <a@b.example>', true],
    ['a@b.example\r\nBcc: x@y', true],
  ] as const)
    t.throws(() => checkDeadlines({ to: [to] }, hasMail), { code: 'invalid_configuration' })
  t.end()
})
