import t from 'tap'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { digestWithoutHeader } from '#core/transport/soap-without-header.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { Fault } from '#schemas/fault.ts'
import { digestBesideHeader, readSoap } from './read-soap.ts'

const party = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' }
const service = { ...party, serviceCode: 'get' }
const message = (content: string): Buffer =>
  Buffer.from(writeSoap({ client: party, service, id: 'q', userId: 'u' }, `<get>${content}</get>`))

t.test('a large document is read beside exchanges, with the same outcome', async (t) => {
  const many = message('<a>1</a>'.repeat(300_000))
  const acts = [
    [readSoap, parseSoapMessage],
    [digestBesideHeader, digestWithoutHeader],
  ] as const
  for (const [beside, atOnce] of acts) {
    const before = process.threadCpuUsage()
    const read = await beside(many)
    const between = process.threadCpuUsage(before)
    t.strictSame(read, await atOnce(many))
    const after = process.threadCpuUsage(before)
    // What this thread computes, however long others keep it from its processor.
    t.ok(2.5 * between.user < after.user, `${between.user} of ${after.user} microseconds`)
  }
})

t.test('so are its faults', async (t) => {
  const filler = '<!---->'.repeat(100_000)
  const fault =
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:A</faultcode>' +
    `<faultstring>b</faultstring></s:Fault></s:Body>${filler}</s:Envelope>`
  const bad: Buffer[] = [
    message('<a>'.repeat(200_000)),
    message('<a>'.repeat(300) + '</a>'.repeat(300) + filler),
    message('<a/>'.repeat(500_001)),
    Buffer.from(message(filler).toString().replace('<xrd:id>q</xrd:id>', '')),
    Buffer.from(fault),
  ]
  for (const bytes of bad) {
    const [one, other] = await Promise.all(
      [readSoap, parseSoapMessage].map((read) => read(bytes).catch((f: Fault) => f)),
    )
    const { code, what, received } = one as Fault
    t.match(other, { code, what, received }, `${code} ${what}`)
  }
})
