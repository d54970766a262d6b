/**
 * What a SOAP message has at the places of identifiers: its body as JSON, so that a JSON Pointer finds them
 * as in any body, and its user.
 */
import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { Fault } from '#schemas/fault.ts'

type Value = string | Value[] | { [name: string]: Value }

const MAX_DEPTH = 64
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const USER_ID = 'X-Road-UserId'

/**
 * `{"getPerson":{"code":"..."}}`: elements by local name, those that repeat as a list, an element without
 * children as its text. Throws `invalid_soap`.
 */
export function soapBodyJson(message: Buffer): Promise<Buffer> {
  return withSoapDocument(message, (root) => {
    const body = root.children().find(({ name }) => name === 'Body')
    return Buffer.from(JSON.stringify(body === undefined ? {} : jsonOf(body, 0)))
  })
}

/** The user in the header, under the name that it has in REST. Throws `invalid_soap`. */
export function soapHeaders(message: Buffer): Promise<[name: string, value: string][]> {
  return withSoapDocument(message, (root) => {
    const header = root.children().find(({ name }) => name === 'Header')
    const user = header?.children().find(({ name, namespace }) => name === 'userId' && namespace === XROAD)
    return user === undefined ? [] : [[USER_ID, user.text()]]
  })
}

function jsonOf(element: SoapElement, depth: number): Value {
  if (depth > MAX_DEPTH) throw new Fault('invalid_soap', { what: `it is deeper than ${MAX_DEPTH} elements` })
  const children = element.children()
  if (children.length === 0) return element.text()
  const fields = new Map<string, Value>()
  for (const child of children) {
    const value = jsonOf(child, depth + 1)
    const known = fields.get(child.name)
    if (known === undefined) fields.set(child.name, value)
    else if (Array.isArray(known)) known.push(value)
    else fields.set(child.name, [known, value])
  }
  return Object.fromEntries(fields)
}
