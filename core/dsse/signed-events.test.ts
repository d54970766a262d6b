import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { refusal, structured } from '#core/events/event-fixture.ts'
import { readEvent } from '#core/events/read-event.ts'
import { writeBinary, writeStructured } from '#core/events/write-event.ts'
import type { Fault } from '#schemas/fault.ts'
import { A, ed25519, envelopeOf, KEYS } from './dsse-fixture.ts'
import { readEnvelope, writeEnvelope } from './envelope.ts'
import type { ExtensionType } from './event-digests.ts'
import { PAYLOAD_TYPE, signEvent } from './sign-event.ts'
import { verifyEvent } from './verify-event.ts'

type Golden = {
  keyid: string
  seed: string
  public: string
  payloadType: string
  cases: {
    name: string
    event: string
    signed: string[]
    types: Record<string, ExtensionType>
    payload: string
    dssematerial: string
  }[]
}
const GOLDEN = JSON.parse(
  readFileSync(new URL('../../schemas/golden/events/signed-events.json', import.meta.url), 'utf8'),
) as Golden

void t.test('events that another program signed', async (t) => {
  const key = ed25519(GOLDEN.seed)
  const trusted = [{ key: createPublicKey(key), keyid: GOLDEN.keyid }]
  t.equal(GOLDEN.payloadType, PAYLOAD_TYPE)
  t.ok(GOLDEN.cases.length >= 7)
  for (const { name, event, signed, types: typed, payload, dssematerial } of GOLDEN.cases) {
    const types = new Map(Object.entries(typed))
    const unsigned = structured(event)
    const made = await signEvent(unsigned, [{ key, keyid: GOLDEN.keyid }], signed, types)
    t.equal(made.extensions.get('dssematerial'), dssematerial, name)
    t.equal(readEnvelope(Buffer.from(dssematerial, 'base64')).payload.toString(), payload)
    const document = writeStructured(made)
    const found = verifyEvent(readEvent(document.headers, document.body), trusted, { types })
    t.equal(found.extensions, signed.length === 0 ? 'none' : 'verified')
    t.strictSame(
      [...found.event.extensions.keys()].sort(),
      signed.filter((one) => unsigned.extensions.has(one)).sort(),
    )
    t.strictSame(found.unverified.size, 0)
    if (made.isJsonImplied) continue
    const { headers, body } = writeBinary(made)
    t.equal(
      verifyEvent(readEvent(headers, body), trusted, { types }).extensions,
      found.extensions,
      'in headers, too',
    )
  }
})

void t.test('what a signature covers, and what not', async (t) => {
  const event = structured({
    datacontenttype: 'application/json',
    dataschema: 'urn:x',
    subject: 's',
    time: '2026-05-13T10:49:12Z',
    data: { a: 1 },
    sequence: '1',
    own: 'x',
    other: 'y',
  })
  const types = new Map([['own', 'String' as const]])
  const signed = await signEvent(event, [{ key: A, keyid: 'A' }], ['sequence', 'own', 'partitionkey'], types)
  const verify = (changes: Partial<CloudEvent> = {}): string =>
    refusal(() => verifyEvent({ ...signed, ...changes }, [KEYS.A], { types }))
  const withExtension = (name: string, value?: string | number): Partial<CloudEvent> => {
    const extensions = new Map(signed.extensions)
    if (value === undefined) extensions.delete(name)
    else extensions.set(name, value)
    return { extensions }
  }
  const found = verifyEvent(signed, [KEYS.A], { types })
  t.strictSame(
    [...found.event.extensions],
    [
      ['sequence', '1'],
      ['own', 'x'],
    ],
  )
  t.strictSame([...found.unverified], [['other', 'y']])
  const changed: Partial<CloudEvent>[] = [
    ...[
      { id: '2' },
      { source: '/b' },
      { type: 'u' },
      { datacontenttype: 'text/json' },
      { dataschema: 'urn:y' },
      { subject: 'S' },
    ],
    ...[{ time: '2026-05-13T10:49:13Z' }, { data: Buffer.from('{"a": 1}') }],
    ...[withExtension('sequence', '2'), withExtension('own'), withExtension('partitionkey', 'k')],
  ]
  for (const change of changed) t.match(verify(change), /changed/)
  for (const change of [
    { time: '2026-05-13T12:49:12.5+02:00' },
    withExtension('other', 'z'),
    withExtension('more', 'x'),
    withExtension('other'),
  ])
    t.equal(verify(change), 'accepted')
  t.match(verify(withExtension('dssematerial')), /not signed/)
  t.match(verify(withExtension('dssematerial', '')), /not signed/)
  const skipped = verifyEvent(signed, [KEYS.A])
  t.strictSame(
    [skipped.extensions, skipped.event.extensions.size, skipped.unverified.size],
    ['skipped', 0, 3],
  )
  t.match(
    refusal(() => verifyEvent(signed, [KEYS.B])),
    /not enough/,
  )
  t.match(
    refusal(() => verifyEvent(signed, [KEYS.A, KEYS.B], { threshold: 2 })),
    /not enough/,
  )

  const refuse = async (extensions: string[], of: CloudEvent = event): Promise<string | undefined> =>
    signEvent(of, [{ key: A, keyid: 'A' }], extensions, types).then(
      () => 'accepted',
      (fault: Fault) => fault.what,
    )
  t.match(await refuse(['other']), /type is not known/)
  t.match(await refuse(['own', 'own']), /twice/)
  t.match(await refuse(['own'], { ...event, extensions: new Map([['own', '']]) }), /empty/)
  for (const name of ['id', 'specversion', 'time', 'dssematerial'])
    t.match(await refuse([name]), /no extension/)
  for (const name of ['data', 'Own', '']) t.match(await refuse([name]), /not allowed/)
  const wrongly: [ExtensionType, string | number][] = [
    ...([
      ['Integer', '05'],
      ['Integer', '-0'],
      ['Integer', ''],
      ['Boolean', 'TRUE'],
      ['Timestamp', 'now'],
      ['Binary', 'A'],
    ] as [ExtensionType, string][]),
  ]
  for (const [type, value] of wrongly) {
    const of = { ...event, extensions: new Map([['x', value]]) }
    const what = await signEvent(of, [{ key: A, keyid: 'A' }], ['x'], new Map([['x', type]])).catch(
      ({ what }: Fault) => what,
    )
    t.match(what, value === '' ? /empty/ : /not of its type/, `${type} ${value}`)
  }
})

void t.test('payloads that a trusted key signed and that are refused', async (t) => {
  const event = structured({})
  const right = JSON.parse(
    readEnvelope(
      Buffer.from(
        String((await signEvent(event, [{ key: A, keyid: 'A' }])).extensions.get('dssematerial')),
        'base64',
      ),
    ).payload.toString(),
  ) as { core: string }
  const { core } = right
  const verify = async (payload: unknown): Promise<string> => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const material = Buffer.from(writeEnvelope(await envelopeOf(PAYLOAD_TYPE, text, [[A, 'A']]))).toString(
      'base64',
    )
    return refusal(() =>
      verifyEvent({ ...event, extensions: new Map([['dssematerial', material]]) }, [KEYS.A]),
    )
  }
  const other = { ...right, more: 1 }
  t.equal(await verify(other), 'accepted')
  const wrong: [unknown, RegExp][] = [
    [{ core: core.slice(4) }, /core is not/],
    [{}, /core is not/],
    [{ core, ext: core }, /go together/],
    [{ core, signedextattrs: ['a'] }, /go together/],
    [{ core, ext: core, signedextattrs: [] }, /list of names/],
    [{ core, ext: core, signedextattrs: 'a' }, /list of names/],
    [{ core, ext: core, signedextattrs: [1] }, /list of names/],
    [{ core, ext: core, signedextattrs: ['a', 'a'] }, /twice/],
    [{ core, ext: core, signedextattrs: ['a', 'id'] }, /no extension/],
    [{ core, ext: core, signedextattrs: ['dssematerial'] }, /no extension/],
    [{ core, ext: core, signedextattrs: ['A'] }, /not allowed/],
    [{ core, ext: 'AA==', signedextattrs: ['a'] }, /ext is not/],
    [{ core, ext: core, signedextattrs: ['a'] }, /extension was changed/],
    [`{"core":"${core}","core":"${core}"}`, /not JSON/],
    ['"x"', /not an object/],
    ['', /not JSON/],
  ]
  for (const [payload, what] of wrong)
    t.match(await verify(payload), what, JSON.stringify(payload).slice(0, 60))
})
