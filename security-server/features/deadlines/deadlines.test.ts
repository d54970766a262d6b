/**
 * Letters ahead of what ends: once each, over a real database and a real mail server, with nodes, restarts
 * and outages.
 */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import path from 'node:path'
import t from 'tap'
import { DAY_MS, thresholdOf } from '#core/mail/threshold.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import { parseServiceId } from '#schemas/identifiers.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { certificatePem } from '../../local-systems/view.ts'
import { certificateEnds } from './certificate-ends.ts'
import { at, certificate, contract, createDeadlines, START } from './deadlines-fixture.ts'
import { deadlineHandlers } from './handlers.ts'
import { lookForDeadlines } from './look.ts'
import { contractName, renderLetter } from './render-letter.ts'
import type { LetterRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'
import { checkDeadlines, LETTER_LANGUAGES } from './settings.ts'

const CERTIFICATES = ['SIGNING', 'AUTHENTICATION', 'SYSTEM_CERTIFICATE', 'SERVICE_CERTIFICATE'] as const
const KINDS = [...CERTIFICATES, 'CONTRACT', 'PIN', 'BACKUP', 'BACKUP_PROOF'] as const
void t.test('the threshold that was passed last counts, and none too near the beginning', async (t) => {
  const of = (begins: number, left: number) =>
    thresholdOf({ begins: START + begins * DAY_MS, ends: START + left * DAY_MS }, START)
  t.equal(of(-300, 61), undefined)
  t.same(
    [60, 59.9, 30, 14, 7, 1.5, 1, 0, -5].map((left) => of(-300, left)),
    [60, 60, 30, 14, 7, 7, 1, 0, 0],
  )
  t.equal(of(0, 60), undefined, 'a life of 60 days: not told at its beginning')
  t.equal(of(-31, 29), 30)
  t.equal(of(-2, 1), 1, 'a life of three days is told of a day ahead')
  t.equal(thresholdOf({ begins: START, ends: START + 2 * DAY_MS }, START), undefined)
})

void t.test('metrics say when certificates in use end, those of files in the settings too', async (t) => {
  const { world, node } = await createDeadlines(t)
  world.certificates = [
    certificate('short', { from: -300, to: 10 }),
    certificate('longer', { from: -300, to: 20 }),
    certificate('first', { from: -300, to: 50, member: 'A' }),
    certificate('other', { from: -300, to: 30, member: 'B' }),
    certificate('acme', { from: -60, to: 29, member: 'C' }),
  ]
  world.renewals = { acme: { overdue: undefined } }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'ss1.example', ipAddresses: [] }
  const pem = certificatePem(selfSignedCertificate({ privateKey, names, at: new Date(START) }))
  const later = certificatePem(selfSignedCertificate({ privateKey, names, at: new Date(START + 5 * DAY_MS) }))
  const both = t.testdir({ 'admin.pem': pem + later, 'clients.pem': pem + later })
  const settings = {
    admin: { certificateFile: path.join(both, 'admin.pem') },
    listen: { clientCertificateFile: path.join(both, 'clients.pem') },
    deep: [{ clientCertificateFile: '/nowhere.pem' }],
  }
  const metrics = createMetrics()
  await watchCertificates({
    metrics,
    settings,
    clock: () => world.now,
    others: () => certificateEnds(node('a')),
  })
  const text = await metrics.registry.metrics()
  const said = Object.fromEntries(
    [...text.matchAll(/^concordat_certificate_ends_seconds\{of="(.*)"\} (.*)$/gm)].map(([, of, value]) => [
      of,
      Number(value),
    ]),
  )
  t.strictSame(said, {
    authentication: (20 * DAY_MS) / 1000,
    signing: (30 * DAY_MS) / 1000,
    signing_renewing: (29 * DAY_MS) / 1000,
    'admin.certificateFile': (new X509Certificate(pem).validToDate.getTime() - START) / 1000,
    'listen.clientCertificateFile': (new X509Certificate(later).validToDate.getTime() - START) / 1000,
  })
})

void t.test('each threshold is told once to each, whatever nodes and restarts there are', async (t) => {
  const { world, mail, node, tell } = await createDeadlines(t)
  world.certificates = [certificate('auth', { from: -300, to: 60 })]
  world.contracts = [contract('C-1', 1, 60), contract('C-2', 1, 10), contract('C-2', 2, 400)]
  const [a, b] = [node('a'), node('b')]
  t.same((await tell(a, b)).toSorted(), [
    'Ends in 60 days: the authentication certificate CN=auth (7)',
    'Ends in 60 days: the service contract Title of C-1 (C-1)',
  ])
  const { raw } = mail.received[0]!
  const place = 'https://ss1.agency.example/console/'
  for (const part of ['What stops then:', 'Who has to do what:', 'Where:', place])
    t.match(raw.replace(/=\r\n/g, ''), part)
  t.same(await tell(node('a'), node('b')), [], 'after a restart too')
  t.same(
    await tell(node('a', ['keys@agency.example', 'more@agency.example'])),
    [
      'Ends in 60 days: the service contract Title of C-1 (C-1)',
      'Ends in 60 days: the authentication certificate CN=auth (7)',
    ].toSorted(),
    'somebody new is told what holds now',
  )
  world.now += 53 * DAY_MS
  t.same((await tell(a, b)).length, 2, 'whoever was off for weeks gets one letter, not three')
  for (const days of [3, 3, 0.5]) world.now += days * DAY_MS
  t.match((await tell(a)).join(), 'Ends in 1 day:')
  world.now += 2 * DAY_MS
  t.match((await tell(a)).toSorted(), [
    'Ended: the authentication certificate',
    'Ended: the service contract',
  ])
  t.same(await tell(a, b), [])
  t.notMatch(world.lines.join(), '@', 'no log line has an address')
})

void t.test('what replaced it, or renews itself, needs nobody; a renewal that is late does', async (t) => {
  const { world, mail, node, tell } = await createDeadlines(t)
  const member = 'DEV/GOV/1000'
  world.certificates = [
    certificate('old', { from: -300, to: 14, member }),
    certificate('new', { from: -10, to: 400, member }),
    certificate('acme', { from: -300, to: 14 }),
  ]
  world.renewals = { acme: { overdue: undefined } }
  t.same(await tell(node('a')), [])
  world.renewals = { acme: { overdue: 'ORDERING: the CA\r\nBcc: thief@example.org refuses' } }
  t.match(await tell(node('a')), ['Ends in 14 days: the authentication certificate CN=acme'])
  t.match(
    mail.received[0]!.raw.replace(/=\r\n/g, ''),
    'the renewal is overdue (is being ordered): the CA Bcc: thief@example.org refuses',
  )
  t.same(mail.received[0]!.to, ['keys@agency.example'])
  world.certificates[1]!.ocsp.state = 'revoked'
  t.match(
    await tell(node('a')),
    ['Ends in 14 days: the signing certificate CN=old'],
    'the next one was revoked',
  )
})

void t.test('a mail server that is down loses no letter, and an old one is not sent late', async (t) => {
  const { world, mail, node, tell } = await createDeadlines(t)
  const a = node('a')
  const { store } = a
  world.certificates = [
    certificate('auth', { from: -300, to: 30 }),
    certificate('gone', { from: -300, to: 30, member: 'DEV/GOV/1' }),
  ]
  mail.isDown = true
  t.same(await tell(a), [])
  t.same(await tell(a, node('b')), [])
  const [waits] = await store.list(1)
  t.match(waits, { state: 'WAITING', attempts: 1 })
  t.match(waits!.last_error, 'the mail server answered 451')
  world.now += 16 * DAY_MS
  world.certificates.pop()
  t.same(await tell(a), [], 'still down')
  t.same((await store.list(9)).map(({ state }) => state).toSorted(), ['SETTLED', 'SUPERSEDED', 'WAITING'])
  mail.isDown = false
  world.now += 3_600_000
  t.match(await tell(a), ['Ends in 14 days: the authentication certificate'])
  world.now += 7 * DAY_MS
  mail.refuse = () => 550
  t.same(await tell(a), [])
  t.match((await store.list(1))[0], { state: 'REFUSED', last_error: /550/ })
  mail.refuse = undefined
  const handlers = deadlineHandlers({ ...a, store })
  t.same(await handlers['retryDeadlineLetters']!({} as never), { retried: 1 })
  t.match(await tell(a), ['Ends in 7 days'])
  const told = JSON.stringify(await handlers['getDeadlines']!({} as never))
  t.match(told, '"threshold":7')
  t.notMatch(told, '@', 'nobody is named')
})

void t.test(
  'PINs by their age, backups that are old or not proven; what cannot be looked at is not concluded from',
  async (t) => {
    const { world, node, tell } = await createDeadlines(t)
    const a = node('a')
    world.pins = [{ id: '0', name: 'softToken-0', pin: { setAt: at(-80), endsAt: at(10) } }]
    const [since, triedAt] = [at(-100), at(-4)]
    world.backups = { since, madeAt: at(-2.5), triedAt: undefined, provenAt: undefined }
    world.contracts = [contract('C-1', 1, 14, { secret: {} })]
    t.same((await tell(a)).toSorted(), [
      'Ends in 1 day: the time within which a backup has to be made',
      'Ends in 10 days: the age that the policy allows the PIN of the token softToken-0',
      'Ends in 14 days: the service contract C-1 (secret: its title stands in the console alone)',
    ])
    world.backups = { since, madeAt: at(0), triedAt, provenAt: undefined }
    t.match(await tell(a), ['Ended: the time within which a backup has to be read back whole'])
    world.pins = [{ id: '0', name: 'softToken-0', pin: { setAt: at(0), endsAt: at(90) } }]
    world.contracts = []
    world.areContractsKnown = false
    t.same(await tell(a), [])
    world.pins[0]!.pin = { setAt: at(0), endsAt: at(5) }
    t.same(await tell(a), [], 'too near its beginning')
    world.now += 4.5 * DAY_MS
    t.match(await tell(a), /Ends in 1 day: the age/)
    world.pins[0]!.pin = { setAt: at(0), endsAt: at(5.2) }
    t.match(await tell(a), [/Ends in 1 day: the age/], 'another policy, another end')
  },
)

void t.test(
  'what is settled may come back; what is sent anew is of now, and to those who are there',
  async (t) => {
    const { world, mail, node, tell } = await createDeadlines(t)
    const a = node('a')
    world.certificates = [certificate('acme', { from: -300, to: 20 })]
    world.backups = { since: at(-100), madeAt: at(-2.5), triedAt: undefined, provenAt: undefined }
    world.renewals = { acme: { overdue: 'the CA is silent' } }
    mail.isDown = true
    t.same(await tell(a), [])
    const { backupAges: _, ...blind } = node('b')
    await lookForDeadlines({ ...blind, backupAges: async () => undefined })
    world.renewals = { acme: { overdue: undefined } }
    t.same(await tell(a), [])
    world.renewals = { acme: { overdue: 'the CA is silent again' } }
    mail.isDown = false
    world.now += 3_600_000
    t.match((await tell(a)).toSorted(), [/Ends in 1 day: the time/, /Ends in 20 days: the authentication/])
    world.renewals = { acme: { overdue: undefined } }
    world.now += 13.5 * DAY_MS
    world.backups = undefined
    t.match(await tell(a), [/Ends in 7 days/], 'in time by its own count, but a week is little')

    const gone = node('a', ['gone@agency.example'])
    mail.refuse = () => 550
    world.certificates = [
      certificate('old', { from: -300, to: 74 }),
      certificate('dead', { from: -300, to: 74 }),
    ]
    for (const days of [0, 30, 16, 7]) {
      world.now += days * DAY_MS
      t.same([...(await tell(a)), ...(await tell(gone))], [])
    }
    mail.refuse = undefined
    world.certificates.pop()
    const retry = async (rooms: LetterRooms) =>
      deadlineHandlers({ ...rooms, store: a.store })['retryDeadlineLetters']!({} as never)
    t.same(await retry(a), { retried: 1 }, 'one threshold, one thing, one person')
    t.same(await retry(a), { retried: 0 })
    await sendLetters(node('a', ['new@agency.example']))
    t.equal((await a.store.list(99)).filter(({ state }) => state === 'WAITING').length, 0)
    const { length } = mail.received
    t.same(await retry(gone), { retried: 1 })
    await sendLetters(a)
    t.equal(mail.received.length, length, 'nobody who was removed is written to')
    const [sent] = await a.store.list(99).then((all) => all.filter(({ state }) => state === 'SENT'))
    await a.store.end(sent!.id, 'SETTLED', { error: null, now: world.now })
    t.ok((await a.store.list(99)).some(({ id, state }) => id === sent!.id && state === 'SENT'))
  },
)

void t.test('contracts: what has no end, what ended, and what begins too late to replace it', async (t) => {
  const { world, node, tell } = await createDeadlines(t)
  const a = node('a')
  world.certificates = [
    certificate('old', { from: -300, to: 14 }),
    { ...certificate('new', { from: -10, to: 400 }), ocsp: { state: 'unknown' } },
  ]
  world.isConfigured = false
  world.certificates[1]!.state = 'saved'
  t.same(await tell(a), [], 'before the configuration is there')
  world.isConfigured = true
  world.certificates[1]!.state = 'registered'
  world.contracts = [
    contract('C-1', 1, 14, { critical: true }),
    contract('C-2', 1, 14),
    contract('C-2', 2, 400, { validFrom: at(20) }),
    contract('C-3', 1, 14),
    contract('C-3', 2, 400, { validFrom: at(14) }),
  ]
  t.match(await tell(a), [/Ends in 14 days: .*C-2/], 'a gap between two versions')
  world.now += 14 * DAY_MS + 1
  for (const one of world.contracts.slice(0, 2)) one.listed.state = 'EXPIRED'
  t.match((await tell(a)).join(), /^Ended: .*C-2[^,]*$/)
  world.now += 31 * DAY_MS
  t.same(await tell(a), [])
})

void t.test('the certificate of a service is told of while its system has to show it', async (t) => {
  const { world, node, tell } = await createDeadlines(t)
  const { certificate: der } = createConfigurationSigner('Land system')
  const id = parseServiceId('DEV/GOV/1000/land/parcels')
  const service = { id, verifyTls: true, url: 'https://10.0.0.1/' }
  world.services.set(7, { key: 7, service, certificates: [{ sha256: 'ab', der }] })
  world.now = Date.parse('2048-12-25T12:00:00Z')
  const said = 'Ends in 7 days: the certificate of the system of the service DEV:GOV:1000:land:parcels'
  t.match((await tell(node('a'), node('b'))).join(), new RegExp(`^${said} \\(CN=Land system\\)$`))
})

void t.test('each language has each text, and settings without a way to send are refused', async (t) => {
  for (const language of LETTER_LANGUAGES)
    for (const kind of KINDS) {
      const q = { kind, name: 'N{server}\nX: y', endsAt: at(3), overdue: null, node: 'ss1-a' }
      const place = { server: 'DEV:GOV:1000:ss1', console: 'https://c', now: START }
      const { subject, text } = renderLetter(q, { language, ...place })
      t.notMatch(subject, '\n')
      t.notMatch(`${subject} ${text}`, /undefined|\{(?!server)/)
      t.match(text, 'https://c/')
      const secret = contractName({ id: 'C-1', title: 'secret thing', isSecret: true }, language)
      t.match(secret, /^C-1 (?!.*secret thing)/)
    }
  const settings = { to: ['a@b.example'], language: 'en', backupDays: 3 } as const
  t.doesNotThrow(() => checkDeadlines({ ...settings, to: ['a@b.example'] }, true))
  for (const [to, hasMail] of [
    [['a@b.example'], false],
    [['A <a@b.example>'], true],
    [['a@b.example\r\nBcc: x@y'], true],
  ] as const)
    t.throws(() => checkDeadlines({ ...settings, to: [...to] }, hasMail), { code: 'invalid_configuration' })
})
