/**
 * The settings of X-Road's REST adapter service, every kind of them and worse ones, as settings that adapters
 * take.
 */
import { copyFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { publishedDocument, readSettings } from '#adapters/kit/serve-adapter.ts'
import { soapAdapter } from '../adapter.ts'
import { restAsSoapAdapter } from '../rest-as-soap/adapter.ts'
import { EXAMPLES } from '../soap-fixture.ts'
import { importGateway } from './import-gateway.ts'
import { readProperties } from './read-properties.ts'

/** Every kind of setting that a gateway has. */
const KEYS = (name: string): string =>
  [
    'namespace.serialize=http://land.example/producer\nnamespace.prefix.serialize=p\nnamespace.deserialize=http://land.example/producer',
    `wrappers=false\nkeyLength=128\npublicKeyFile=/keys/${name}.jks\npublicKeyFilePassword=secret-of-${name}-trust`,
    `privateKeyFile=/keys/${name}-own.jks\nprivateKeyFilePassword=secret-of-${name}-store\nprivateKeyAlias=secret-of-${name}-alias`,
    `privateKeyPassword=secret-of-${name}-key\n`,
  ].join('\n')
const GATEWAY = {
  'consumer-gateway.properties': `id.client=DEV.GOV.1002.tax\nss.url=<address>/adapter/Provider\nserviceCallsByXRdServiceId.enabled=true\n${KEYS('consumer')}`,
  'consumers.properties': [
    '0.id=DEV.GOV.1001.land.listParcels.v1\n0.id.client=DEV.GOV.1002.trial\n0.path=/land.example/v1/parcels/\n0.verb=get',
    '1.id=DEV.GOV.1001.land.getParcel.v1\n1.path=/land.example/v1/parcel/{resourceId}\n1.verb=get',
    '2.id=DEV.GOV.1001.land.getMap.v1\n2.path=/maps.example/v3/map/\n2.verb=get',
    '3.id=DEV.GOV.1001.land.search.v1\n3.path=/search.example/v1/\n3.response.modurl=true',
    '4.id=DEV.GOV.1001.land.sealed.v1\n4.path=/sealed.example/\n4.request.encrypted=true\n4.response.encrypted=true\n',
  ].join('\n'),
  'provider-gateway.properties': `wsdl.path=/elsewhere/provider.wsdl\n${KEYS('provider')}`,
  'providers.properties': [
    '0.id=DEV.GOV.1001.land.listParcels.v1\n0.url=https://land.example/v1/parcels/',
    '1.id=DEV.GOV.1001.land.getParcel.v1\n1.url=https://land.example/v1/parcel/\n1.request.encrypted=true',
    '2.id=DEV.GOV.1001.land.getMap.v1\n2.url=https://maps.example/v3/map?format=xml\n2.request.xrdheaders=false',
    '3.id=DEV.GOV.1001.land.search.v1\n3.url=http://search.example/v1/search',
    '4.id=DEV.GOV.1001.listParcels\n4.url=http://land.example/v1/parcels/\n',
  ].join('\n'),
}

/** Files of a gateway in a folder of their own, whose settings are imported. */
async function imported(t: Test, files: Record<string, string>) {
  const folder = emptyFolder(t)
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content)
  copyFileSync(path.join(EXAMPLES, 'parcels.wsdl'), path.join(folder, 'parcels.wsdl'))
  const has = (name: string) => (name in files ? path.join(folder, name) : undefined)
  const written = await importGateway({
    consumer: has('consumer-gateway.properties'),
    provider: has('provider-gateway.properties'),
  })
  for (const one of written) writeFileSync(path.join(folder, one.name), one.text)
  return { folder, written: new Map(written.map((one) => [one.name, one.text])) }
}

t.test('each kind of setting is carried over, or named', async (t) => {
  const { written: texts } = await imported(t, GATEWAY)
  const written = [...texts].map(([name, text]) => ({ name, text }))
  t.strictSame(
    written.map(({ name }) => name),
    ['soap.yaml', 'rest-as-soap.yaml', 'rest-as-soap-2.yaml', 'rest-as-soap-3.yaml'],
  )
  const [consumer, provider] = written as unknown as [{ text: string }, { text: string }]
  t.match(parse(consumer.text), {
    xRoadProvider: 'DEV/GOV/1001/land',
    consumer: { clients: ['DEV/GOV/1002/trial', 'DEV/GOV/1002/tax'] },
    operations: [
      { name: 'listParcels', path: '/land.example/v1/parcels' },
      { name: 'getParcel', path: '/land.example/v1/parcel' },
      { name: 'getMap' },
      { name: 'search' },
      { name: 'sealed' },
    ],
  })
  for (const line of [
    /^# - id.client: callers send X-Road-Client: DEV\/GOV\/1002\/tax,/m,
    /^# - ss.url=<address>.*is no address/m,
    /^# - 0.id.client: .*trial$/m,
    /^# - 1.path: .*resourceId/m,
    /^# - 3.response.modurl: /m,
    /^# - 4.response.encrypted: /m,
    /^# - keys and passwords of the encryption/m,
  ])
    t.match(consumer.text, line)
  t.notMatch(written.map(({ text }) => text).join(''), /secret-of/, 'no secret')
  t.match(parse(provider.text), {
    system: { url: 'https://land.example' },
    operations: [{ name: 'listParcels', method: 'GET', path: '/v1/parcels' }, { name: 'getParcel' }],
  })
  t.match(provider.text, /^# - wsdl.path: it is not read/m)
  t.match(provider.text, /^# - 4.id=DEV.GOV.1001.listParcels: no service of a subsystem: left out$/m)
  t.match(written[2]?.text, /^# - 2.url: what is always in the query \(\?format=xml\)/m)
  t.match(written[2]?.text, /^# - 2.request.xrdheaders: /m)

  const folder = emptyFolder(t)
  for (const { name, text: content } of written) {
    const file = path.join(folder, name)
    writeFileSync(file, content)
    const adapter = name.startsWith('soap') ? soapAdapter : restAsSoapAdapter
    const settings = readSettings(adapter as typeof soapAdapter, file, {})
    if (!content.includes('is not encrypted')) t.ok(await settings, `${name} is taken`)
    else await t.rejects(settings, { message: /must be https/ }, 'as its comment says')
  }
})

t.test('with its WSDL each parameter gets its place', async (t) => {
  const { written, folder } = await imported(t, {
    'provider-gateway.properties': 'wsdl.path=./parcels.wsdl\nwrappers = false\n',
    'providers.properties': [
      '0.id=DEV.GOV.1001.land.getParcel.v1\n0.url=https://land.example/api/parcels/',
      '1.id=DEV.GOV.1001.land.findParcels.v1\n1.url=https://land.example/api/parcels\n1.verb=get',
      '1.reqParamNameFilterCondition=(use)\n1.reqParamNameFilterOperation=$1[]\n1.reqParamValueFilterCondition=a',
      '2.id=DEV.GOV.1001.land.changeOwners.v1\n2.url=https://land.example/api/changes\n2.verb=post',
      '2.accept=application/xml\n2.response.attachment=true\n2.unheard=1',
      '3.id=DEV.GOV.1001.land.other.v1\n3.url=https://land.example/x\n3.verb=PATCH\n',
    ].join('\n'),
  })
  const only = written.get('rest-as-soap.yaml') ?? ''
  t.match(parse(only), {
    provider: 'DEV/GOV/1001/land',
    operations: [
      { name: 'getParcel', method: 'GET', path: '/api/parcels', query: { number: 'number' } },
      { name: 'findParcels', query: { 'use[]': 'use', leastArea: 'leastArea' }, leftOut: ['@on'] },
      {
        name: 'changeOwners',
        method: 'POST',
        bodyFrom: 'price',
        query: { number: 'number', owner: 'owner' },
      },
      { name: 'other', method: 'GET', path: '/x' },
    ],
  })
  for (const line of [
    /0.url: the slash/,
    /1.reqParamValueFilter/,
    /2.accept=application\/xml: only JSON/,
    /2.response.attachment/,
    /2.unheard: not known/,
    /3.verb=PATCH: not known/,
    /3.id: not in the WSDL/,
  ])
    t.match(only, line)
  const settings = await readSettings(restAsSoapAdapter, path.join(folder, 'rest-as-soap.yaml'), {})
  await t.rejects(
    publishedDocument(restAsSoapAdapter, settings),
    { message: /no operation other/ },
    'what is missing is named',
  )
  const whole = {
    ...settings,
    operations: settings.operations.slice(0, 2),
    consumer: { service: 'a', clients: [] },
  }
  t.match(await publishedDocument(restAsSoapAdapter, whole), { type: 'WSDL' })
})

t.test('other settings, and files that are none', async (t) => {
  const { written } = await imported(t, {
    'consumer-gateway.properties': 'id.client=DEV.GOV.1002.tax\nss.url=http://ss.example/\nmore=1\n',
    'consumers.properties': [
      '0.id=DEV.GOV.1001.land.a.v1\n0.path=/x\n0.verb=post\n0.convertPost=true',
      '1.id=DEV.GOV.1001.land.b\n1.path=/x/{resourceId}',
      '2.id=DEV.GOV.1003.other.c.v2\n2.path=/y?z',
      '3.id=../../etc\n3.path=/e\n4.id=a.b.c.d.x/y',
      '5.path=\\u202e\\u000a# /no\n',
    ].join('\n'),
  })
  t.strictSame([...written.keys()], ['soap.yaml', 'soap-2.yaml'])
  const first = written.get('soap.yaml') ?? ''
  t.match(parse(first), {
    system: { url: 'http://ss.example' },
    operations: [{ name: 'a', path: '/x' }, { name: 'b' }],
  })
  t.match(first, /ss.url: is not encrypted/)
  t.match(first, /1.path=\/x\/\{resourceId\}: is \/b now/)
  t.match(first, /3.id=..\/..\/etc: no service/)
  t.match(first, /4.id=a.b.c.d.x\/y: no service/)
  t.match(first, /more: not known/)
  t.notMatch(first, /\u202e|^# \/no/m)
  t.match(written.get('soap-2.yaml'), /listen: each of these files/)
  await t.rejects(importGateway({ consumer: '/nowhere', provider: undefined }), {
    message: /\/nowhere cannot be read/,
  })
  await t.rejects(imported(t, { 'consumer-gateway.properties': '', 'consumers.properties': '0.id=x' }), {
    message: /no service of a subsystem/,
  })

  const read = (content: string) => Object.fromEntries(readProperties(Buffer.from(content), 'a'))
  t.strictSame(
    read(
      '# a=1\n! b\n c : 2 \nd\\ e=f\\=g\nh i\\\n   j\nk\nl=\\u00e4\\t|\nm=1\nm=2\nn=a\\\\\no==p\n__proto__=q',
    ),
    Object.fromEntries([
      ...[
        ['c', '2'],
        ['d e', 'f=g'],
        ['h', 'ij'],
        ['k', ''],
        ['l', 'ä\t|'],
        ['m', '2'],
      ],
      ...[
        ['n', 'a\\'],
        ['o', '=p'],
        ['__proto__', 'q'],
      ],
    ]),
  )
  t.strictSame(read('\\'), {})
  t.equal(Object.keys(read(`${'\\'.repeat(200_001)}a\n${' '.repeat(200_000)}=`)).length, 2, 'in linear time')
  t.strictSame(read('a=b\\'), { a: 'b' })
  t.throws(() => read('a'.repeat(1024 * 1024 + 1)), { message: /larger than/ })
})
