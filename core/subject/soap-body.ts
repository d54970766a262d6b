/** The body of a SOAP message as JSON, so that a JSON Pointer finds an identifier in it as in any body. */
import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { Fault } from '#schemas/fault.ts'

type Value = string | Value[] | { [name: string]: Value }

const MAX_DEPTH = 64

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
