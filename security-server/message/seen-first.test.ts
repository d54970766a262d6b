/**
 * Answers in SOAP that a person sees first: what of a document is shown, and what is said of one that cannot
 * be.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { Request } from './message.ts'
import { seenOfSoap } from './seen-first.ts'

const party = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' }
const fields = { client: party, service: { ...party, serviceCode: 'persons' }, id: 'q' }
const MOST = 262_144

/** What comes of an answer with this content to a call with these fields. */
async function seen(content: string, more: { userId?: string; change?: (text: string) => string } = {}) {
  const { userId, change = (text) => text } = more
  const asked = Buffer.from(writeSoap({ ...fields, userId }, '<persons/>'))
  const request = { soap: await parseSoapMessage(asked) } as Request
  const bytes = Buffer.from(change(writeSoap({ ...fields, userId }, content)))
  const messageSha512 = createHash('sha512').update(asked).digest()
  return seenOfSoap(
    {
      ...{ status: 200, reason: 'OK', headers: [], body: undefined },
      message: { contentType: 'text/xml', headers: [], bytes },
    },
    { request, message: asked, messageSha512, body: undefined },
    MOST,
  )
}

t.test('why an answer cannot be shown is said without a word of it', async (t) => {
  const inHeader = (field: string) => (text: string) =>
    text.replace('</SOAP-ENV:Header>', `${field}</SOAP-ENV:Header>`)
  for (const [what, { content = '<personsResponse/>', change = (text: string) => text }] of Object.entries<{
    content?: string
    change?: (text: string) => string
  }>({
    'a tag that is not closed': { content: '<personsResponse><Mari-is-ill></personsResponse>' },
    'a prefix that nobody declared': { content: '<personsResponse><Mari-is-ill:a/></personsResponse>' },
    'an entity': { content: '<personsResponse>&Mari-is-ill;</personsResponse>' },
    'a field in a field': { change: (text) => text.replace('<xrd:id>q', '<xrd:id><Mari-is-ill/>') },
    'a field twice': { change: inHeader('<xrd:id>Mari-is-ill</xrd:id>') },
    'no version': { change: (text) => text.replace('>4.0<', '>Mari-is-ill<') },
    'an id of another type': { change: (text) => text.replace('="SUBSYSTEM"', '="Mari-is-ill"') },
  })) {
    const told = await seen(content, { change })
    t.match(told, { unseen: /^it is no answer in SOAP: [a-z_]+$/ }, what)
  }
})

t.test('only what can leave is shown', async (t) => {
  const userId = 'EE\rP1\r\n\t<&"'
  const told = await seen('<personsResponse>M</personsResponse>', { userId })
  if ('unseen' in told) return t.fail(told.unseen)
  t.match(await parseSoapMessage(told.leaving.message!.bytes), { ...fields, userId, isResponse: true })
  const other = await seen('<otherResponse/>', {
    change: (text) => text.replaceAll('>persons<', '>other<'),
  }).catch((f) => f)
  t.match(other, { code: 'service_failed', what: /service differs/ })
  const declaring = '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
  const between = await seen('<personsResponse/>', {
    change: (text) => text.replace('<SOAP-ENV:Header>', `<!-- ${declaring} --><SOAP-ENV:Header>`),
  })
  t.notOk('unseen' in between, 'whatever stands in a comment before it')
})
