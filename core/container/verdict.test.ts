import { hash } from 'node:crypto'
import t from 'tap'
import * as F from '#core/signature/signature-fixture.ts'
import { Fault } from '#schemas/fault.ts'
import type { ContainerParts } from './container.ts'
import { AT, attachment, body, judge, NOW, parts, written } from './container-fixture.ts'
import { readContainer } from './read-container.ts'
import { verifyContainer } from './verify-container.ts'

t.test('verdicts with their sub-indications', async (t) => {
  const outcome = async (container: ContainerParts, o: Parameters<typeof judge>[1] = {}): Promise<string> => {
    const { verdict, subIndication, code } = await judge(await written(container), o)
    return [verdict, subIndication, code].filter((word) => word !== undefined).join(' ')
  }
  const good = await parts()
  const direct = await parts({ bodies: [] })
  const other = await parts()
  const revoked = { status: 'revoked', revokedAt: new Date('2027-02-01T00:00:00Z') } as const
  const rows: [why: string, container: ContainerParts, expected: string, o?: Parameters<typeof judge>[1]][] =
    [
      ['good', good, 'TOTAL-PASSED'],
      [
        'message altered',
        { ...good, message: Buffer.concat([F.REQUEST, Buffer.from(' ')]) },
        'TOTAL-FAILED HASH_FAILURE malformed_signature.invalid_hash_chain_ref',
      ],
      [
        'message altered, direct',
        { ...direct, message: Buffer.from('x') },
        'TOTAL-FAILED HASH_FAILURE invalid_signature_value',
      ],
      [
        'body altered',
        { ...good, attachments: [attachment(Buffer.from('{"persons":[1]}'))] },
        'TOTAL-FAILED HASH_FAILURE malformed_signature.invalid_hash_chain_ref',
      ],
      ['body left out', { ...good, attachments: [] }, 'TOTAL-PASSED'],
      [
        'body added',
        { ...direct, attachments: [attachment(body)] },
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE uncovered_part',
      ],
      [
        'second body added',
        { ...good, attachments: [attachment(body), attachment(body, 2)] },
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE uncovered_part',
      ],
      [
        'unsigned chain',
        { ...direct, hashChain: good.hashChain, hashChainResult: good.hashChainResult },
        'TOTAL-PASSED',
      ],
      [
        'unsigned chain that names a body',
        {
          ...direct,
          hashChain: good.hashChain,
          hashChainResult: good.hashChainResult,
          attachments: [attachment(body)],
        },
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE uncovered_part',
      ],
      [
        'unsigned words in the place of a chain',
        { ...direct, hashChain: Buffer.from('<pay>1000</pay>'), hashChainResult: good.hashChainResult },
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE uncovered_part',
      ],
      ...[
        ['<DataRef', 'The undersigned owes 1000 EUR.<DataRef'],
        ['</HashChain>', 'The undersigned owes 1000 EUR.</HashChain>'],
        ['STEP0', 'owes.1000.EUR'],
        ['xmlns:ds=', 'xmlns:owes="https://example.org/1000-EUR" xmlns:ds='],
      ].map(([from, to]): [string, ContainerParts, string] => [
        `unsigned words in an unused chain: ${to}`,
        {
          ...direct,
          hashChain: Buffer.from(good.hashChain!.toString().replaceAll(from!, to!)),
          hashChainResult: good.hashChainResult,
        },
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE uncovered_part',
      ]),
      [
        'chain left out',
        { ...good, hashChain: undefined, hashChainResult: undefined },
        'TOTAL-FAILED HASH_FAILURE malformed_signature.invalid_hash_chain_ref',
      ],
      [
        'another signature',
        { ...good, signatures: direct.signatures },
        'TOTAL-FAILED FORMAT_FAILURE malformed_signature',
      ],
      [
        'another time-stamp',
        { ...good, timestampToken: other.timestampToken },
        'INDETERMINATE NO_POE timestamp_invalid',
      ],
      [
        'broken time-stamp',
        { ...good, timestampToken: Buffer.from('x') },
        'INDETERMINATE NO_POE malformed_timestamp',
      ],
      [
        'no time-stamp',
        {
          ...good,
          timestampToken: undefined,
          timestampHashChain: undefined,
          timestampHashChainResult: undefined,
        },
        'INDETERMINATE NO_POE timestamp_invalid',
      ],
      [
        'another chain to the time-stamp',
        { ...good, timestampHashChain: other.timestampHashChain },
        'TOTAL-FAILED FORMAT_FAILURE malformed_signature',
      ],
      [
        'authority unknown',
        good,
        'INDETERMINATE NO_POE timestamp_invalid',
        { configuration: F.configuration({ approvedTsas: [] }) },
      ],
      [
        'CA unknown',
        good,
        'INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND invalid_cert_path',
        { configuration: F.configuration({ approvedCas: [] }) },
      ],
      [
        'instance unknown',
        good,
        'INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND invalid_cert_path',
        { configuration: F.configuration({ instance: 'OTHER' }) },
      ],
      [
        'several instances',
        good,
        'TOTAL-PASSED',
        {
          configuration: new Map([
            ['A', F.configuration({ instance: 'A' })],
            ['GOLD', F.configuration()],
          ]),
        },
      ],
      [
        'stamped in the future',
        good,
        'INDETERMINATE TIMESTAMP_ORDER_FAILURE timestamp_invalid',
        { now: new Date('2027-01-01') },
      ],
      [
        'signed after the stamp',
        await parts({ at: new Date(AT.getTime() + 3_000_000) }),
        'INDETERMINATE TIMESTAMP_ORDER_FAILURE timestamp_invalid',
      ],
      [
        'revoked',
        await parts({ identity: F.freshSigner(AT, revoked) }),
        'INDETERMINATE REVOKED_NO_POE incorrect_validation_info',
      ],
      [
        'CA revoked',
        await parts({ identity: F.freshSigner(AT, undefined, revoked) }),
        'INDETERMINATE REVOKED_CA_NO_POE incorrect_validation_info',
      ],
      [
        'status unknown',
        await parts({ identity: F.freshSigner(AT, { status: 'unknown' }) }),
        'INDETERMINATE TRY_LATER incorrect_validation_info',
      ],
      [
        'status too old',
        await parts({ stamped: new Date(AT.getTime() + 4_000_000) }),
        'INDETERMINATE TRY_LATER incorrect_validation_info',
      ],
      [
        'status just fresh enough',
        await parts({ stamped: new Date(AT.getTime() + 3_570_000) }),
        'TOTAL-PASSED',
      ],
      [
        'status just fresh enough, or just not',
        await parts({ stamped: new Date(AT.getTime() + 3_570_000), accuracySeconds: 59 }),
        'INDETERMINATE TRY_LATER incorrect_validation_info',
      ],
      [
        'stamped within an hour',
        await parts({ accuracySeconds: 3600 }),
        'INDETERMINATE NO_POE timestamp_invalid',
      ],
      [
        'certificate not yet valid',
        await parts({ at: new Date('2026-10-01'), stamped: new Date('2026-10-01') }),
        'INDETERMINATE NO_POE timestamp_invalid',
      ],
      [
        'signed by another member',
        await parts({ message: Buffer.from(F.REQUEST.toString().replace('GOV/1234', 'GOV/999')) }),
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE incorrect_certificate',
      ],
      [
        'no message of X-Road',
        await parts({ message: Buffer.from('hello\r\n') }),
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE invalid_message',
      ],
      [
        'malformed SOAP',
        await parts({ message: Buffer.from('<soap/>') }),
        'INDETERMINATE SIG_CONSTRAINTS_FAILURE invalid_soap',
      ],
    ]
  for (const [why, container, expected, o] of rows) t.equal(await outcome(container, o), expected, why)
})

t.test('a response speaks for the provider', async (t) => {
  const lines = [
    '200',
    'OK',
    'x-road-id:GOLD-1',
    'x-road-client:GOLD/GOV/5678/tax',
    'x-road-service:GOLD/GOV/1234/population/persons',
  ]
  const ids = [
    'x-road-request-id:3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba1',
    `x-road-request-hash:${hash('sha512', 'x', 'base64')}`,
  ]
  const message = Buffer.from([...lines, ...ids, ''].join('\r\n'))
  const verdict = await judge(await written(await parts({ message })))
  t.match(verdict, { verdict: 'TOTAL-PASSED', signer: { ...F.MEMBER, subsystemCode: 'population' } })
})

t.test(
  'what a hash chain leaves open is said: a body kept back, a body that passes for a message',
  async (t) => {
    const evil = Buffer.from(F.REQUEST.toString().replace('/persons', '/everything'))
    const good = await parts({ bodies: [evil], single: true })
    const { reason } = await judge(await written(good))
    t.notMatch(reason, /Beside/)
    const [first, second, ...more] = good.hashChain!.toString().match(/<DataRef.*?<\/DataRef>/gs) ?? []
    t.same(more, [])
    const bare = (reference: string) => reference.replace(/(<\/?)DataRef[^>]*/g, '$1HashValue')
    const chain = (text: string) => Buffer.from(good.hashChain!.toString().replace(first! + second!, text))
    const keptBack = { ...good, hashChain: chain(first! + bare(second!)), attachments: [] }
    t.match(await judge(await written(keptBack)), { verdict: 'TOTAL-PASSED', reason: /not shown/ })
    const swapped = chain(bare(first!) + second!.replace('/attachment1', '/message.xml'))
    const passedOff = { ...good, message: evil, hashChain: swapped, attachments: [] }
    t.match(await judge(await written(passedOff)), { verdict: 'TOTAL-PASSED', reason: /not shown/ })

    const two = await parts({ bodies: [body, evil], single: true })
    const third = /<DataRef URI="\/attachment2.*?<\/DataRef>/s
    const hashChain = Buffer.from(two.hashChain!.toString().replace(third, bare))
    const refused = await judge(
      await written({ ...two, hashChain, attachments: two.attachments.slice(0, 1) }),
    )
    t.match(
      refused,
      { verdict: 'TOTAL-FAILED', code: 'malformed_hash_chain' },
      'of several bodies none is hidden',
    )
  },
)

t.test(
  'bits flipped anywhere in the file: it passes only with the same message, signer and times',
  async (t) => {
    const bytes = await written(await parts())
    const good = await judge(bytes)
    let passed = 0
    for (let bit = 0; bit < bytes.length * 8; bit += 53) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      try {
        const container = await readContainer(flipped)
        const verdict = await verifyContainer({ container, configuration: F.configuration(), now: NOW })
        if (verdict.verdict !== 'TOTAL-PASSED') continue
        passed++
        t.same(
          [container.message, verdict.signer, verdict.signingTime, verdict.timeStamp?.time, verdict.covers],
          [F.REQUEST, good.signer, good.signingTime, good.timeStamp?.time, good.covers],
          `bit ${bit}`,
        )
      } catch (thrown) {
        t.ok(thrown instanceof Fault && thrown.code === 'malformed_container', `bit ${bit}: ${thrown}`)
      }
    }
    t.ok(passed < 40, `${passed} flips in fields of the directory that nobody reads`)
  },
)

t.test('what nobody signs says only what is there: the manifests', async (t) => {
  const whole = await readContainer(await written(await parts({ bodies: [body, body] })))
  const text = whole.manifest!.toString()
  const line = (name: string): string => text.split('\n').find((one) => one.includes(`"${name}"`))!
  const judged = async (change: Partial<typeof whole>): Promise<string> => {
    const container = { ...whole, ...change }
    const { verdict, subIndication, code } = await verifyContainer({
      container,
      configuration: F.configuration(),
      now: NOW,
    })
    return [verdict, subIndication, code].filter((word) => word !== undefined).join(' ')
  }
  const listing = (manifest: string): Promise<string> => judged({ manifest: Buffer.from(manifest) })
  const sound = [
    text,
    text.replace(/\n */g, ''),
    text.replace(' manifest:version="1.2"', ''),
    text.replace(`${line('/')}\n`, ''),
    text
      .replace(line('attachment1'), 'X')
      .replace(line('attachment2'), line('attachment1'))
      .replace('X', line('attachment2')),
  ]
  for (const manifest of sound) t.equal(await listing(manifest), 'TOTAL-PASSED', manifest)
  t.equal(await judged({ manifest: undefined }), 'TOTAL-PASSED', 'none at all')
  const refused = 'TOTAL-FAILED FORMAT_FAILURE malformed_signature'
  const strange = [
    '',
    'paid in full',
    `${text}<!-- paid in full -->`,
    text.replace('\n ', '\n<!-- paid in full -->'),
    text.replace('\n ', '\npaid in full'),
    text.replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>'),
    text.replace(`${line('attachment2')}\n`, ''),
    text.replace(line('attachment2'), line('attachment1')),
    text.replace('"attachment2"', '"attachment3"'),
    text.replace(line('attachment2'), `${line('attachment2')}\n${line('attachment2')}`),
    text.replace(line('attachment2'), `${line('attachment2')}\n${line('attachment2').replace('2', '3')}`),
    text.replace('application/octet-stream', 'text/html'),
    text.replace(line('message.xml'), ''),
    text.replace('full-path="/"', 'full-path="/" manifest:note="paid in full"'),
    text.replace('manifest:version="1.2"', 'manifest:version="1.3"'),
    text.replaceAll('manifest:1.0', 'manifest:2.0'),
    text.replace('</manifest:manifest>', ''),
    `${text.replace('\n ', '\n'.padEnd(200_000))}`,
  ]
  for (const manifest of strange) t.equal(await listing(manifest), refused, manifest.slice(0, 2_000))
  const single = await readContainer(await written(await parts({ single: true })))
  const asicManifest = whole.asicManifest
  const stray = await verifyContainer({
    container: { ...single, asicManifest },
    configuration: F.configuration(),
    now: NOW,
  })
  t.equal(stray.code, 'malformed_signature', 'an ASiC manifest without the time-stamp that it is about')
})
