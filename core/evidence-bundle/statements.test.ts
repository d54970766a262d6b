/**
 * What a provider's server states of a request that got no reply, as evidence: a refusal, or a fault of its
 * system.
 */
import { hash } from 'node:crypto'
import t from 'tap'
import { body, NOW } from '#core/container/container-fixture.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { faultStatement, readFaultStatement } from '#core/transport/fault-statement.ts'
import { readRefusalStatement, refusalStatement } from '#core/transport/refusal-statement.ts'
import { requestHash } from '#core/transport/rest-response.ts'
import type { BundleVerdict } from './bundle.ts'
import { bytesOf, LOG, type Made, make } from './evidence-fixture.ts'
import { judgeBundle } from './judge-bundle.ts'
import { readBundle } from './read-bundle.ts'

const configuration = new Map([['GOLD', F.configuration()]])
const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')
/** Of the request to which the statements belong. */
const whole = requestHash({ message: sha512(F.REQUEST), body: sha512(body) })

async function judge(made: Made): Promise<BundleVerdict> {
  return judgeBundle({ bundle: await readBundle(bytesOf(made)), configuration, now: NOW })
}

t.test('a refusal is judged by who had the right to refuse', async (t) => {
  const service = 'GOLD/GOV/1234/population/persons'
  const other = 'GOLD/GOV/9/other/persons'
  const by = async (refusedBy: NonNullable<Parameters<typeof make>[0]>['refusedBy']) =>
    (await judge(await make({ refusedBy: refusedBy! }))).records[1]
  t.match(await by({ service, peer: 'GOLD/GOV/9/ss' }), {
    verdict: 'TOTAL-PASSED',
    container: { signer: F.MEMBER },
  })
  t.match(await by({ service: other, peer: LOG }), { verdict: 'TOTAL-PASSED' }, "the refusing server's owner")
  t.match(await by({ service: other, peer: 'GOLD/GOV/9/ss' }), { verdict: 'INDETERMINATE' }, 'neither')
  t.match(await by({ service, peer: LOG, requestId: 'another' }), { verdict: 'TOTAL-FAILED' })
  t.match(await by({ service: 'nonsense', peer: LOG }), { verdict: 'TOTAL-FAILED' })
  t.match(await by({ service, peer: LOG, requestHash: whole }), { verdict: 'TOTAL-PASSED' })
  t.match(
    await by({ service, peer: LOG, requestHash: hash('sha512', 'x', 'base64') }),
    { verdict: 'TOTAL-FAILED', reason: /no reply/ },
    'the refusal of another request of the same id',
  )
  for (const text of [
    '',
    'concordat-refusal-v1',
    'concordat-refusal-v2\r\nr\r\n\r\nt\r\nd\r\n',
    'concordat-refusal-v1\r\nr\r\n\r\nt\r\nd\r\nx\r\n',
    'concordat-refusal-v1\r\nr\r\n\r\nt\r\nd',
  ]) {
    t.throws(() => readRefusalStatement(Buffer.from(text)), { code: 'invalid_message' }, text)
  }
})

t.test("a system's own fault is proved, and the outcome stays unknown", async (t) => {
  const refusedBy = { service: 'GOLD/GOV/1234/population/persons', peer: 'GOLD/GOV/9/ss' }
  const document = Buffer.from(
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>a</faultcode><faultstring>b</faultstring></s:Fault></s:Body></s:Envelope>',
  )
  const right = { requestId: 'r', requestHash: whole, document }
  const of = async (fault: Buffer, by = refusedBy) =>
    (await judge(await make({ refusedBy: by, fault }))).records[1]
  t.match(await of(faultStatement(right)), {
    verdict: 'TOTAL-PASSED',
    form: { kind: 'outcome-unknown' },
    container: { signer: F.MEMBER },
  })
  const other = { service: 'GOLD/GOV/9/other/persons', peer: 'GOLD/GOV/9/ss' }
  t.match(await of(faultStatement(right), other), { verdict: 'INDETERMINATE' }, 'signed by somebody else')
  const failed = { verdict: 'TOTAL-FAILED' }
  t.match(await of(faultStatement({ ...right, requestId: 'another' })), failed)
  const elsewhere = faultStatement({ ...right, requestHash: hash('sha512', 'x', 'base64') })
  t.match(await of(elsewhere), { ...failed, reason: 'It is no reply to the message of record 1.' })
  const refused = (type: string, named: string): Buffer =>
    refusalStatement({ requestId: 'r', requestHash: named, fault: { type, message: '', detail: 'd' } })
  t.match(await of(refused('server.serverproxy.access_denied', whole)), failed, 'a refusal is none')
  for (const named of [whole, ''])
    t.match(
      await of(refused('server.serverproxy.replayed_request', named)),
      { verdict: 'TOTAL-PASSED', form: { kind: 'outcome-unknown' } },
      'the refusal of a copy says nothing of the first one',
    )
  const foreign = refused('server.serverproxy.replayed_request', hash('sha512', 'x', 'base64'))
  t.match(await of(foreign), { ...failed, reason: /no reply/ }, 'a copy of another request')

  t.strictSame(readFaultStatement(faultStatement(right)), { requestId: 'r', requestHash: whole })
  const text = faultStatement(right).toString()
  for (const wrong of [
    '',
    'concordat-fault-v1',
    'concordat-fault-v1\r\nr\r\n',
    text.replace('v1', 'v2'),
    text.replace('\r\n\r\n', '\r\n'),
    text.replace('\r\nr\r\n', '\r\nr\r\nr\r\n'),
    text.replace('\r\nr\r\n', '\r\n\r\n'),
    text.replaceAll('\r\n', '\n'),
    text.replace(whole, 'ü'),
    text.replace('<s:Fault>', '<s:Other>').replace('</s:Fault>', '</s:Other>'),
    `<!DOCTYPE a>${text}`,
    text.replace('<s:Envelope', '<!DOCTYPE a><s:Envelope'),
    `${text}x`,
    `${text}${' '.repeat(70_000)}`,
  ])
    t.throws(() => readFaultStatement(Buffer.from(wrong)), { code: 'invalid_message' }, wrong.slice(0, 60))
})
