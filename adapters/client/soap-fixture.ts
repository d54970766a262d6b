/** A listener that answers SOAP calls as a test says, in place of a security server. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import type { ConnectOptions } from './connect.ts'
import { type Behaviour, listen } from './listener-fixture.ts'
import type { SoapOptions } from './soap-call.ts'

const SERVICE = 'DEV/GOV/1001/population/getPerson/v1'
export const CONTENT = '<p:getPerson xmlns:p="urn:p"><code>P1</code></p:getPerson>'
export const ANSWER = '<p:getPersonResponse xmlns:p="urn:p"><name>Mari &amp; Co</name></p:getPersonResponse>'

const documentIn = (body: Buffer): Buffer => {
  const text = body.toString('latin1')
  return body.subarray(
    text.indexOf('<soapenv:Envelope'),
    text.indexOf('</soapenv:Envelope>') + '</soapenv:Envelope>'.length,
  )
}

/** The request's header with its hash, and another body, as a provider's server makes it. */
export function reply(
  body: Buffer,
  content = ANSWER,
  change: (xml: string) => string = (xml) => xml,
): string {
  const document = documentIn(body)
  const hash = createHash('sha512').update(document).digest('base64')
  const xml = document
    .toString()
    .replace(/<soapenv:Body>.*<\/soapenv:Body>/s, `<soapenv:Body>${content}</soapenv:Body>`)
    .replace(
      '</xro:id>',
      `</xro:id><xro:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${hash}</xro:requestHash>`,
    )
  return change(xml)
}

export const send = (
  response: ServerResponse,
  body: string | Buffer,
  type = 'text/xml;charset=UTF-8',
  status = 200,
) => void response.writeHead(status, { 'content-type': type }).end(body)
export const answering =
  (content?: string, change?: (xml: string) => string): Behaviour =>
  (response, { body }) =>
    send(response, reply(body, content, change))

export async function started(t: Test, behaviour: Behaviour, options: Partial<ConnectOptions> = {}) {
  const { own, arrived } = await listen(t, behaviour, options)
  const service = own.soap(SERVICE)
  return { arrived, own, call: (more: SoapOptions = {}, content = CONTENT) => service.call(content, more) }
}
