/**
 * SOAP services in the catalogue: listed and described through a real registry, and answers that are none.
 */
import t from 'tap'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { soapIdentifier, writeSoap } from '#core/transport/write-soap.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { wsdl } from '#test/fakes/soap-service.ts'
import { at, CLIENT, collect, ID, list, method, POP, type Service, start } from './catalogue-fixture.ts'
import { createCollecting } from './collect.ts'
import { MAX_DOCUMENT_BYTES } from './read-answers.ts'
import { readWsdlOperations } from './read-description.ts'
import { readSoapMethods, readWsdlAnswer, writeQuestion } from './soap-answers.ts'
import type { FoundService } from './store.ts'

void t.test('SOAP services, with their WSDL', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node, provider } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    const said =
      '<wsdl:documentation><xrd:title>Get \u202eone</xrd:title><xrd:notes>By code</xrd:notes></wsdl:documentation>'
    const shared = wsdl('http://example.org/', ['getPerson/v1', 'list', 'other/v2']).replace(
      '<wsdl:operation name="getPerson">',
      `$&${said}`,
    )
    provider.wsdls = {
      'getPerson/v1': shared,
      list: shared,
      'lone/v1': wsdl('http://example.org/', ['lone/v1']),
      away: '',
    }
    await collect(node)
    t.same(
      provider.asked.filter((line) => line.includes('SOAP')).map((line) => line.split('SOAP/')[1]),
      ['listMethods', 'getWsdl getPerson/v1', 'getWsdl lone/v1', 'getWsdl away'],
      'a document that describes several services is asked for once',
    )
    const all = (await node.must('GET', '/catalogue?sort=id')) as (Service & Record<string, unknown>)[]
    t.match(
      all.map(({ id, type, title, serviceVersion, documentSha256 }) => [
        id,
        type,
        title,
        serviceVersion,
        documentSha256,
      ]),
      [
        ['DEV:GOV:1234:pop ä:away', 'WSDL', '', null, null],
        ['DEV:GOV:1234:pop ä:getPerson:v1', 'WSDL', 'Get  one', 'v1', /^[0-9a-f]{64}$/],
        ['DEV:GOV:1234:pop ä:list', 'WSDL', '', null, all[1]!.documentSha256],
        ['DEV:GOV:1234:pop ä:lone:v1', 'WSDL', '', 'v1', /^[0-9a-f]{64}$/],
        [ID, 'OPENAPI', 'Persons', null, /./],
      ],
    )
    const soapAt = `/catalogue/${encodeURIComponent('DEV:GOV:1234:pop ä:getPerson:v1')}`
    t.match(await node.must('GET', soapAt), { description: 'By code', endpoints: [], failure: null })
    const file = await node.call('GET', `${soapAt}/document`)
    t.equal(file.bytes.toString(), shared)
    t.match(file.headers, { 'content-disposition': /"wsdl-[0-9a-f]{16}\.txt"/ })
    const terms = await node.must('POST', `${soapAt}/contract-terms`, {
      ...{ client: 'DEV:GOV:1234:plain', purpose: 'p', legalBasis: 'l', personalData: false },
      ...{ contactName: 'c', contactEmail: 'c@c.example' },
    })
    t.match(terms, {
      terms: { services: [{ serviceCode: 'getPerson', endpoints: [{ method: '*', path: '**' }] }] },
    })

    provider.wsdls = { 'getPerson/v1': '', 'lone/v1': shared }
    world.clock.now += 1000
    await collect(node)
    t.match(
      await node.must('GET', soapAt),
      { status: 'offered', title: 'Get  one', documentSha256: all[1]!.documentSha256, changes: [] },
      'what cannot be fetched now stays as it was',
    )
    t.same((await list(node, '?status=withdrawn')).map(({ id }) => id.split(':').at(-1)).sort(), [
      'away',
      'list',
    ])
    t.match(await node.must('GET', `/catalogue/${encodeURIComponent('DEV:GOV:1234:pop ä:lone:v1')}`), {
      changes: [{ what: 'document' }],
    })
    provider.wsdls = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`gone${i}`, '']))
    const before = provider.asked.length
    world.clock.now += 1000
    await collect(node)
    t.equal(provider.asked.slice(before).filter((line) => line.includes('getWsdl')).length, 3, 'not for ever')
    t.equal((await list(node, '?q=gone&status=offered')).length, 6, 'and listed all the same')
    provider.methods = { service: [method('persons', 'OPENAPI', [{ method: 'QUERY', path: '/p' }])] }
    await collect(node)
    const asked = { client: 'DEV:GOV:1234:plain', purpose: 'p', legalBasis: 'l', personalData: false }
    const draft = await node.call('POST', `${at}/contract-terms`, {
      ...asked,
      contactName: 'c',
      contactEmail: 'c@c.example',
    })
    t.equal(draft.status, 409, 'no contract names a method that is not carried')
  })
})

void t.test('hostile SOAP answers', async (t) => {
  const question = { client: CLIENT, subsystem: POP }
  const written = Buffer.from(writeQuestion(question))
  const message = await parseSoapMessage(written)
  const answered = (content: string, name = 'listMethods'): Buffer =>
    Buffer.from(writeSoap(message, `<xrd:${name}Response>${content}</xrd:${name}Response>`))
  const named = (more: object, count = 1): string =>
    Array.from({ length: count }, (_, i) =>
      soapIdentifier('service', { ...message.service, serviceCode: `s${i}`, ...more }),
    ).join('')
  const read = (bytes: Buffer) => readSoapMethods({ contentType: 'text/xml', bytes }, POP)
  t.same(
    await read(
      answered(
        `${named({}, 2)}${named({})}${named({ subsystemCode: 'other' })}${named({ subsystemCode: undefined })}`,
      ),
    ),
    [
      { serviceCode: 's0', type: 'WSDL', endpoints: [] },
      { serviceCode: 's1', type: 'WSDL', endpoints: [] },
    ],
  )
  const bad: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['JSON', Buffer.from('{"service":[]}')],
    ['the question', written],
    ['an answer to something else', answered('', 'listMethodsOther')],
    [
      'a fault',
      Buffer.from(
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>x</faultcode><faultstring>y</faultstring></e:Fault></e:Body></e:Envelope>',
      ),
    ],
    [
      'an entity',
      Buffer.from(
        `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>${answered('&e;')
          .toString()
          .replace(/^<\?xml.*?\?>/, '')}`,
      ),
    ],
    ['no services', answered('<a/>')],
    ['a code that is none', answered(named({ serviceCode: '..' }))],
    ['too many', answered(named({}, 501))],
    ['too large', answered(`<!-- ${'x'.repeat(MAX_DOCUMENT_BYTES)} -->`)],
  ]
  for (const [what, bytes] of bad) await t.rejects(read(bytes), { name: 'Fault' }, what)
  const contentType = 'multipart/related; boundary=b'
  const multipart = (...parts: string[]): Buffer =>
    Buffer.from(`${parts.map((one) => `--b\r\nContent-Type: text/xml\r\n\r\n${one}\r\n`).join('')}--b--\r\n`)
  const getWsdl = (bytes: Buffer, type = contentType) => readWsdlAnswer({ contentType: type, bytes })
  const asked = await parseSoapMessage(
    Buffer.from(writeQuestion({ ...question, wsdlOf: { serviceCode: 'a<&', serviceVersion: 'v' } })),
  )
  const whole = writeSoap(asked, '<xrd:getWsdlResponse/>')
  t.equal((await getWsdl(multipart(whole, 'x'))).toString(), 'x')
  for (const [what, bytes, type] of [
    ['no document', Buffer.from(whole), 'text/xml'],
    ['one part', multipart(whole)],
    ['three parts', multipart(whole, 'x', 'y')],
    ['no answer', multipart('x', whole)],
    ['no boundary', multipart(whole, 'x'), 'multipart/related'],
    ['no end', multipart(whole, 'x').subarray(0, -6)],
    ['a large answer', multipart(`${whole}${' '.repeat(70_000)}`, 'x')],
    ['a large document', multipart(whole, 'x'.repeat(MAX_DOCUMENT_BYTES + 1))],
  ] as [string, Buffer, string?][])
    await t.rejects(getWsdl(bytes, type), { name: 'Fault' }, what)
  for (const text of [
    '',
    '<a/>',
    'x'.repeat(MAX_DOCUMENT_BYTES + 1),
    `<!DOCTYPE a>${wsdl('http://a', ['a'])}`,
  ])
    t.equal((await readWsdlOperations(Buffer.from(text))).size, 0, text.slice(0, 20))
  t.same([...(await readWsdlOperations(Buffer.from(wsdl('http://a', ['a', 'b/v1'])))).keys()], ['a', 'b/v1'])
})

t.test('documents of one subsystem are fetched until there are 32 MiB', async (t) => {
  const large = Buffer.alloc(MAX_DOCUMENT_BYTES, ' ')
  const service = (code: string) => ({ service_code: code, service_type: 'OPENAPI', endpoint_list: [] })
  const listed = { service: Array.from({ length: 35 }, (_, i) => service(`s${i}`)) }
  const asked: string[] = []
  const kept: FoundService[] = []
  const collect = createCollecting({
    ...{ everyMinutes: 60, clock: Date.now, log: createLog({ name: 'test', level: 'silent' }) },
    store: {
      due: () => Promise.resolve(['DEV/GOV/1234/pop']),
      keepAnswer: (_, services) => Promise.resolve(void kept.push(...services)),
      keepFailure: (_, failure) => Promise.reject(new Error(failure)),
      withdrawGone: () => Promise.resolve(),
    },
    collector: {
      listMethods: () => Promise.resolve(Buffer.from(JSON.stringify(listed))),
      getOpenApi: (_, code) => Promise.resolve(void asked.push(code)).then(() => large),
      listSoapMethods: () => Promise.resolve([{ serviceCode: 'soap', type: 'WSDL', endpoints: [] }]),
      getWsdl: (_, { serviceCode }) => Promise.resolve(void asked.push(serviceCode)).then(() => large),
    },
  })
  await collect()
  t.equal(asked.length, 32)
  t.equal(kept.length, 36, 'all of them are offered')
  t.same(
    kept.filter(({ isUnread }) => isUnread === true).map(({ serviceCode }) => serviceCode),
    ['s32', 's33', 's34', 'soap'],
    'what is known of the others stays',
  )
})
