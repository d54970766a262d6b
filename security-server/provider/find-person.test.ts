/**
 * People whom large messages name: read on a thread, with the same result as small ones, while this one goes
 * on.
 */
import t from 'tap'
import type { SubjectPlace } from '#core/subject/place.ts'
import type { Fault } from '#schemas/fault.ts'
import type { RequestMessage } from '../message/codec.ts'
import { findPerson } from './find-person.ts'
import { readPerson } from './read-person.ts'

const place = (where: 'body' | 'header', name: string): SubjectPlace => ({
  ...{ method: '*', path: '**', in: where, name, type: 'person' },
})
const PLACES = [place('body', '/getPerson/code'), place('header', 'X-Road-UserId')]
const MANY = `<rows>${'<row><a>1</a><b>2</b></row>'.repeat(100)}</rows>`.repeat(300)

const CLIENT = { instance: 'DEV', memberClass: 'GOV', memberCode: '1' }
/** Just large enough for a thread. */
const FEW = `<rows>${'<row/>'.repeat(100)}</rows>`.repeat(450)
type Asked = Parameters<typeof findPerson>[0]
const soap = (body: string): Asked => ({
  request: { protocol: 'SOAP', client: CLIENT } as RequestMessage['request'],
  message: Buffer.from(
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd"><s:Header><x:userId>EE2</x:userId></s:Header><s:Body>${body}</s:Body></s:Envelope>`,
  ),
  body: undefined,
})
const rest = (body: string): Asked => ({
  request: {
    ...{ protocol: 'REST', method: 'POST', servicePath: '/persons', query: undefined, client: CLIENT },
    headers: [['content-type', 'application/json']],
  } as unknown as RequestMessage['request'],
  message: Buffer.alloc(0),
  body: { size: body.length, bytes: Buffer.from(body) } as unknown as RequestMessage['body'],
})

t.test('a large message names the same people as a small one, and stops nobody meanwhile', async (t) => {
  const found = {
    subjects: [
      { type: 'person', identifier: 'EE1' },
      { type: 'person', identifier: 'EE2' },
    ],
  }
  const call = (more: string) => soap(`<getPerson><code>EE1</code>${more}</getPerson>`)
  t.match(await findPerson(call(''), PLACES), found)
  const large = call(MANY)
  const before = process.threadCpuUsage()
  t.match(await findPerson(large, PLACES), found)
  const between = process.threadCpuUsage(before)
  t.match(await readPerson({ protocol: 'SOAP', bytes: large.message, places: PLACES }), found)
  const after = process.threadCpuUsage(before)
  // What this thread computes, however long others keep it from its processor.
  t.ok(4 * between.user < after.user, `${between.user} of ${after.user} microseconds`)
  t.match(await findPerson(call(`${MANY}<Code>EE3</Code>`), PLACES), { fault: 'unreadable' })
  await t.rejects(findPerson(call(`${MANY}<open>`), PLACES), { code: 'invalid_soap' })
  await t.rejects(findPerson(call(`${MANY}${'<a>'.repeat(100)}${'</a>'.repeat(100)}`), PLACES), {
    code: 'invalid_soap',
  })

  // One client sends many: it has one place, and more than wait are refused; another goes on beside it.
  const many = Array.from({ length: 6 }, () => findPerson(call(FEW), PLACES))
  const another = call(FEW)
  another.request = { ...another.request, client: { ...CLIENT, memberCode: '2' } }
  const order: string[] = []
  const outcomes = Promise.allSettled(many).then((all) => {
    order.push('many')
    return all
  })
  await findPerson(another, PLACES).then(() => order.push('another'))
  t.same(
    (await outcomes).flatMap((one) => (one.status === 'rejected' ? [(one.reason as Fault).code] : [])),
    ['too_many_requests'],
  )
  t.same(order, ['another', 'many'])

  const [body] = PLACES
  const json = (more: string) => rest(`{"getPerson":{"code":"EE1"${more}}}`)
  const rows = `,"rows":[${'{"a":1},'.repeat(60_000)}null]`
  for (const more of ['', rows])
    t.match(await findPerson(json(more), [body!]), { subjects: [found.subjects[0]] })
  t.match(await findPerson(json(`${rows},"code":"EE4"`), [body!]), { fault: 'unreadable' })
  t.match(await findPerson(json(`${rows},`), [body!]), { fault: 'unreadable' })
})
