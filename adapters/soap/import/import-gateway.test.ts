/** The settings of X-Road's REST adapter service, its own examples and worse ones, as settings that adapters take. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
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

const VECTORS = path.join(import.meta.dirname, '../../../test/vectors/rest-adapter-service')
const vector = (name: string): string => path.join(VECTORS, name)
const text = (name: string): string => readFileSync(vector(name), 'utf8')

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

t.test('its own examples', async (t) => {
  const written = await importGateway({
    consumer: vector('consumer-gateway.properties'),
    provider: vector('provider-gateway.properties'),
  })
  t.strictSame(
    written.map(({ name }) => name),
    ['soap.yaml', 'rest-as-soap.yaml', ...[2, 3, 4, 5, 6, 7, 8].map((one) => `rest-as-soap-${one}.yaml`)],
  )
  const [consumer, provider] = written as unknown as [{ text: string }, { text: string }]
  t.match(parse(consumer.text), {
    xRoadProvider: 'FI_PILOT/GOV/1019125-0/Demo2Service',
    operations: [
      { name: 'getOrganizationList', path: '/www.hel.fi/palvelukarttaws/rest/v4/organization' },
      { name: 'getDepartment', path: '/www.hel.fi/palvelukarttaws/rest/v4/department' },
      { name: 'getLibrary' },
      ...Array.from({ length: 4 }, () => ({ path: String })),
    ],
  })
  for (const line of [
    /^# - id.client: callers send X-Road-Client: FI_PILOT\/GOV\/0245437-2\/ConsumerService,/m,
    /^# - ss.url=<your-custom-url>.*is no address/m,
    /^# - 0.id.client: .*ConsumerTest$/m,
    /^# - 1.path: .*resourceId/m,
    /^# - 3.response.modurl: /m,
    /^# - 6.response.encrypted: /m,
    /^# - keys and passwords of the encryption/m,
  ])
    t.match(consumer.text, line)
  t.notMatch(consumer.text + provider.text, /consumerks|providerts|consumerpri/, 'no secret')
  t.match(parse(provider.text), {
    system: { url: 'https://www.hel.fi' },
    operations: [
      { name: 'getOrganizationList', method: 'GET', path: '/palvelukarttaws/rest/v4/organization' },
      { name: 'getDepartment' },
    ],
  })
  t.match(provider.text, /^# - wsdl.path: it is not read/m)
  t.match(
    provider.text,
    /^# - 10.id=FI_PILOT.GOV.1019125-0.getOrganizationList: no service of a subsystem: left out$/m,
  )
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
  const own = await imported(t, {
    'provider-gateway.properties': text('provider-gateway.properties').replace(
      /^wsdl.path=.*/m,
      'wsdl.path=own.wsdl',
    ),
    'providers.properties': text('providers.properties'),
    'own.wsdl': text('provider-gateway.wsdl'),
  })
  t.match(
    [...own.written.values()].join(''),
    /0.id: .*holds anything|0.id: .*without a type/,
    'elements without types',
  )
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
