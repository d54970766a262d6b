/**
 * "Why can X not call Y?" at a real registry, on both databases: each step bad and good, with a real
 * responder and a real server.
 */
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createServer as createTls } from 'node:tls'
import t, { type Test } from 'tap'
import { buildOcspError } from '#core/certificate/ocsp-response.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { authenticationParty, type Party } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { publish } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, OWNER } from '#test/fakes/request-world.ts'
import type { ContractFacts } from './contract-step.ts'
import { type CaFacts, type CallFacts, judge, type Step, verdictOf } from './rules.ts'

type Explanation = { verdict: string; steps: Step[] }
const CALL = 'consumer=DEV:GOV:5678:tax&provider=DEV:GOV:1234:plain&serviceCode=persons'
const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'
const officeOf = (member: string) => ({ member, name: 'Office', email: 'o@gov.example' })
const [asker, answerer] = [await authenticationParty(authority), await authenticationParty(authority)]

const explain = async (node: Node, more = ''): Promise<Explanation> =>
  (await node.must('GET', `/explanation?${CALL}${more}`)) as Explanation
const stepOf = ({ steps }: Explanation, step: string, side?: string): Step =>
  steps.find((one) => one.step === step && (side === undefined || one.side === side))!

/**
 * A responder whose answers are bad while `revoked` is set. By the registry's clock, which stands while a
 * busy machine works for minutes.
 */
async function responder(
  t: Test,
  clock: { now: number },
): Promise<{ url: string; revoked: boolean; down: boolean }> {
  const state = { url: '', revoked: false, down: false }
  const server = createHttp(async (request, reply) => {
    const question = await buffer(request)
    if (state.down) return reply.writeHead(503).end()
    const at = new Date(clock.now)
    reply.end(state.revoked ? buildOcspError('tryLater') : authority.ocspAnswer(question, { at }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return state
}

/** The two ports of a security server, at an address of its own and with this certificate. */
async function listening(t: Test, address: string, by: Party): Promise<() => void> {
  const pem = {
    cert: certificatePem(by.certificate.der),
    key: by.key.export({ type: 'pkcs8', format: 'pem' }),
  }
  const message = createTls({ ...pem, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' })
  message.on('tlsClientError', () => undefined)
  const ocsp = createTcp((socket) => socket.destroy())
  for (const [server, port] of [
    [message, 5500],
    [ocsp, 5577],
  ] as const)
    await new Promise<void>((resolve) => server.listen(port, address, resolve))
  const close = (): void => {
    message.close()
    ocsp.close()
  }
  t.teardown(close)
  return close
}

void t.test('from nothing registered to everything good, and back step by step', async (t) => {
  let at = 0
  await eachRegistryDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start()
    const address = `127.77.${process.pid % 250}.${++at}`
    const ocsp = await responder(t, world.clock)
    await node.must('PUT', '/system', { instance: 'DEV' })
    await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
    const nothing = await explain(node)
    t.equal(nothing.verdict, 'bad')
    t.match(stepOf(nothing, 'registration', 'consumer'), {
      state: 'bad',
      what: /nor its member/,
      remedy: /admit/,
    })
    t.match(stepOf(nothing, 'configuration'), { state: 'bad' })
    t.match(stepOf(nothing, 'accessRights'), { state: 'unknown', knownBy: /security server/ })

    const ocspResponders = [{ url: ocsp.url, certificate: authority.ocspResponder.der.toString('base64') }]
    const { id } = (await node.must('POST', '/certification-services', {
      ...{ name: 'CA', certificateProfileInfo: PROFILE, ocspResponders },
      certificate: authority.root.der.toString('base64'),
    })) as { id: number }
    await node.must('POST', `/certification-services/${id}/intermediate-cas`, {
      ...{ ocspResponders, certificate: authority.intermediate.der.toString('base64') },
    })
    await node.must('POST', '/member-classes', { code: 'GOV', description: 'Government' })
    for (const [memberCode, subsystemCode] of [
      ['1234', 'plain'],
      ['5678', 'tax'],
    ]) {
      await node.must('POST', '/members', { memberClass: 'GOV', memberCode, name: 'A member' })
      t.match(stepOf(await explain(node), 'registration', memberCode === '1234' ? 'provider' : 'consumer'), {
        what: /its subsystem .* is not/,
      })
      await node.must('POST', `/members/DEV:GOV:${memberCode}/subsystems`, { subsystemCode })
    }
    await node.must('PUT', '/system/management-service-provider', { client: 'DEV:GOV:1234:plain' })
    t.match(stepOf(await explain(node), 'servers', 'provider'), { state: 'bad', what: /no security server/ })
    for (const [server, client, party] of [
      ['DEV:GOV:1234:SS1', 'DEV:GOV:1234:plain', answerer],
      ['DEV:GOV:5678:SS1', 'DEV:GOV:5678:tax', asker],
    ] as const) {
      await node.must('POST', '/security-servers', { id: server, address })
      await node.must('POST', `/security-servers/${server}/clients`, { client })
      t.match(
        stepOf(
          await explain(node),
          'authenticationCertificates',
          client.includes('1234') ? 'provider' : 'consumer',
        ),
        {
          state: 'bad',
          what: /no registered authentication certificate/,
          remedy: /authCertReg/,
        },
      )
      await node.must(
        'POST',
        `/security-servers/${server}/authentication-certificates`,
        party.certificate.der,
      )
    }
    await publish(node)
    t.match(stepOf(await explain(node), 'reachability'), { state: 'bad', what: /5500 does not answer/ })
    const close = await listening(t, address, answerer)
    const good = await explain(node, '&method=GET&path=/persons/1')
    t.same(
      good.steps.filter(({ state }) => state === 'bad'),
      [],
    )
    t.equal(good.verdict, 'unknown', 'rights and signing keys are known to servers only')
    t.match(stepOf(good, 'ocsp', 'provider'), { state: 'good', what: /good until/ })
    t.match(stepOf(good, 'configuration'), { state: 'good' })
    t.match(stepOf(good, 'reachability'), { state: 'good', what: /shows its registered certificate/ })
    t.match(stepOf(good, 'contract'), { state: 'good', what: /none is required/ })
    t.match(stepOf(good, 'signingCertificate', 'consumer'), { state: 'unknown', knownBy: /security server/ })

    await node.must('PUT', '/contract-policy', { contractRequired: true, approveAll: false })
    t.match(stepOf(await explain(node), 'contract'), { state: 'bad', remedy: /propose/ })
    ocsp.down = true
    t.match(stepOf(await explain(node), 'ocsp', 'consumer'), {
      state: 'unknown',
      what: /503/,
      knownBy: /server/,
    })
    ocsp.down = false
    ocsp.revoked = true
    t.match(stepOf(await explain(node), 'ocsp', 'consumer'), { state: 'bad', remedy: /CA/ })
    ocsp.revoked = false
    await node.must('POST', '/suspensions', {
      kind: 'member',
      subject: 'DEV:GOV:5678',
      reason: 'its key was stolen',
    })
    t.match(stepOf(await explain(node), 'suspensions', 'consumer'), { state: 'bad', what: /suspended/ })
    await node.must('POST', '/suspensions', {
      ...{ kind: 'certificate', subject: answerer.certificate.sha256, reason: 'stolen as well' },
    })
    t.match(stepOf(await explain(node), 'authenticationCertificates', 'provider'), {
      what: /it is suspended/,
    })

    close()
    await listening(t, address.replace('127.77', '127.78'), asker)
    await node.must('PATCH', '/security-servers/DEV:GOV:1234:SS1', {
      address: address.replace('127.77', '127.78'),
    })
    t.match(stepOf(await explain(node), 'reachability'), { state: 'bad', what: /not registered for it/ })
    world.clock.now += 700_000
    await node.stop()
  })
})

void t.test('bad questions are refused', async (t) => {
  const node = await registryWorld(t).start()
  t.equal((await node.call('GET', `/explanation?${CALL}`)).status, 409, 'before there is an instance')
  await node.must('PUT', '/system', { instance: 'DEV' })
  for (const query of [
    '',
    'consumer=DEV:GOV:1:a&provider=DEV:GOV:1:a',
    CALL.replace('DEV:GOV:5678:tax', 'DEV:GOV:5678'),
    CALL.replace('DEV:GOV:5678:tax', 'OTHER:GOV:5678:tax'),
    CALL.replace('DEV:GOV:5678:tax', 'DEV:GOV:5678:..'),
    CALL.replace('persons', '%00'),
    CALL.replace('persons', 'x'.repeat(256)),
    `${CALL}&method=GET`,
    `${CALL}&path=/a`,
    `${CALL}&method=CONNECT&path=/a`,
    `${CALL}&method=GET&path=a`,
    `${CALL}&method=GET&path=/a/../b`,
    `${CALL}&method=GET&path=/%2500`,
    `${CALL}&more=1`,
  ])
    t.equal((await node.call('GET', `/explanation?${query}`)).status, 400, query)
})

t.test('contracts: which one is named, and why it does not do', (t) => {
  const now = Date.now()
  const side = {
    subsystem: 'A/B/C/D',
    memberExists: true,
    exists: true,
    suspended: [],
    servers: [],
    signing: undefined,
  }
  const content = contentAt(now)
  const facts = (more: Partial<CallFacts>): CallFacts => ({
    now: new Date(now).toISOString(),
    call: { serviceCode: 'persons', method: 'GET', path: '/persons/1' },
    sides: { consumer: side, provider: side },
    signingCas: [],
    ocsp: { consumer: [], provider: [] },
    published: undefined,
    contractRequired: true,
    contracts: [],
    reachability: [],
    ...more,
  })
  const one = {
    contract: content.contract,
    state: 'ACTIVE' as const,
    content,
    isConsumer: true,
    waitsFor: [],
    isAgreed: false,
  }
  const later = { ...content, validFrom: new Date(now + 1000).toISOString() }
  const provided = { ...content, contacts: [...content.contacts, officeOf(OWNER)] }
  const open = { ...one, state: 'ACCEPTED' as const, content: provided }
  for (const [contracts, state, what, remedy] of [
    [[one], 'good', /covers it until/],
    [[{ ...one, state: 'SUSPENDED' as const }], 'bad', /is suspended/],
    [[{ ...one, state: 'EXPIRED' as const }], 'bad', /is EXPIRED/],
    [[{ ...one, content: later }], 'bad', /begins on/],
    [[{ ...one, isConsumer: false }], 'bad', /has not joined/],
    [[], 'bad', /no contract names both/],
    [
      [{ ...open, state: 'PROPOSED', waitsFor: [OWNER] }],
      'bad',
      /for the seal of DEV\/GOV\/1234$/,
      /accept it/,
    ],
    [[open], 'bad', /ACCEPTED and waits for the approval of the registry$/, /^approve it/],
    [[{ ...open, isAgreed: true }], 'bad', /waits for the registry of the other instance/],
    [
      [{ ...open, contacts: { missing: ['provider'], states: ['CONFIRMED', 'REFUSED'] } }],
      'bad',
      /is confirmed of the provider: "Office" <o@gov\.example> of DEV\/GOV\/1234 \(the address takes no e-mail\)$/,
      /with one that takes e-mail$/,
    ],
    [
      [
        { ...open, content, contacts: { missing: ['provider', 'consumers'], states: ['ASKED'] } },
        { ...open, state: 'PROPOSED', waitsFor: [OWNER] },
      ],
      'bad',
      /of the provider, which has none in it; and of the consumers: "Contract desk" <desk@tax\.example> of DEV\/GOV\/5678 \(asked/,
      /propose the contract again with a contact of the provider; let .* give back the code/,
    ],
  ] as [ContractFacts[], string, RegExp, RegExp?][]) {
    const step = judge(facts({ contracts: [...contracts] })).find((each) => each.step === 'contract')!
    t.match(step, { state, what, ...(remedy === undefined ? {} : { remedy }) })
  }
  const other = facts({
    contracts: [one],
    call: { serviceCode: 'persons', method: 'POST', path: '/persons/1' },
  })
  t.match(
    judge(other).find((each) => each.step === 'contract'),
    { state: 'bad', what: /does not cover/ },
  )
  const suspendedToo = [{ ...one, state: 'SUSPENDED' as const }, one]
  t.match(
    judge(facts({ contracts: suspendedToo })).find((each) => each.step === 'contract'),
    { state: 'good' },
  )
  const ca = { name: 'CA', profile: 'org.example.Own', isKnown: false, issuers: ['CN=CA'] }
  const signing = { sha256: 'ab'.repeat(32), issuer: 'CN=CA', notAfter: '2099', at: '2026' }
  const step = (signingCas: CaFacts[], seen?: typeof signing): Step =>
    judge(facts({ signingCas, sides: { consumer: { ...side, signing: seen }, provider: side } })).find(
      (each) => each.step === 'signingCertificate',
    )!
  const known = { ...ca, isKnown: true, issuers: ['CN=Other'] }
  t.match(step([ca]), {
    state: 'bad',
    what: /profile: CA \(org.example.Own\)$/,
    remedy: /add the certificate/,
  })
  t.match(step([ca, known], signing), { state: 'bad', what: /last signed here/ })
  t.match(step([ca, known]), {
    state: 'unknown',
    remedy: /add the certificate/,
    knownBy: /Keys and certificates/,
  })
  t.match(step([known], signing), { state: 'unknown', remedy: undefined })
  t.equal(verdictOf([{ state: 'good' }]), 'good')
  t.end()
})
