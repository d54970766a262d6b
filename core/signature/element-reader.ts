/**
 * Reads elements of a signature against a fixed schema: known children in a known order, known attributes, no
 * stray text.
 */
import { Fault } from '#schemas/fault.ts'
import { listed, say, type Word } from '#schemas/said.ts'
import { NAMESPACE } from './template.ts'
import type { SignatureElement } from './xml-document.ts'

type Prefix = 'ds' | 'xades'

/** Reads children one after the other; `end` throws if children are left. */
export type ElementReader = {
  one(name: `${Prefix}:${string}`): SignatureElement
  maybe(name: `${Prefix}:${string}`): SignatureElement | undefined
  many(name: `${Prefix}:${string}`, most: number): SignatureElement[]
  end(): void
}

const WHITE = /^[ \t\r\n]*$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A reader for the children of `element`; throws if it has an attribute outside `attributes`. */
export function readElement(element: SignatureElement, attributes: readonly string[] = []): ElementReader {
  checkAttributes(element, attributes)
  if (!WHITE.test(element.text)) throw refuse(element, say`text stands between its elements`)
  let next = 0
  const maybe = (name: `${Prefix}:${string}`): SignatureElement | undefined => {
    const child = element.children[next]
    if (child === undefined || !isNamed(child, name)) return undefined
    next += 1
    return child
  }
  return {
    maybe,
    one: (name) => {
      const child = maybe(name)
      if (child === undefined) throw refuse(element, say`an element is missing in it: ${name}`)
      return child
    },
    many: (name, most) => {
      const found: SignatureElement[] = []
      for (let child = maybe(name); child !== undefined; child = maybe(name)) found.push(child)
      if (found.length > most)
        throw refuse(element, say`it holds more than ${most} elements of the name ${name}`)
      return found
    },
    end: () => {
      const extra = element.children[next]
      if (extra !== undefined)
        throw refuse(element, say`an element is not expected in it: ${extra.name.slice(0, 40)}`)
    },
  }
}

/** Whether an element has this qualified name, with the prefixes of our template. */
export function isNamed(element: SignatureElement, name: `${Prefix}:${string}`): boolean {
  const [prefix, local] = name.split(':') as [Prefix, string]
  return element.name === local && element.namespace === NAMESPACE[prefix]
}

/** The text of an element that contains only text. */
export function textOf(element: SignatureElement, attributes: readonly string[] = []): string {
  checkAttributes(element, attributes)
  if (element.children.length > 0) throw refuse(element, say`only text is expected in it`)
  return element.text
}

/** Decodes a non-empty xs:base64Binary; white space is allowed, the rest must be canonical base64. */
export function base64Of(element: SignatureElement, attributes: readonly string[] = []): Buffer {
  const text = textOf(element, attributes).replace(/[ \t\r\n]+/g, '')
  const bytes = Buffer.from(text, 'base64')
  if (text === '' || !BASE64.test(text) || bytes.toString('base64') !== text) {
    throw refuse(element, say`it is not base64`)
  }
  return bytes
}

/** The value of a required attribute. */
export function attributeOf(element: SignatureElement, name: string): string {
  const value = element.attributes.get(name)
  if (value === undefined) throw refuse(element, say`its attribute ${name} is missing`)
  return value
}

/** The Algorithm attribute of an element that has nothing else. */
export function algorithmOf(element: SignatureElement): string {
  const reader = readElement(element, ['Algorithm'])
  reader.end()
  return attributeOf(element, 'Algorithm')
}

function checkAttributes(element: SignatureElement, known: readonly string[]): void {
  for (const name of element.attributes.keys()) {
    if (!known.includes(name)) throw refuse(element, say`its attribute ${name.slice(0, 40)} is not expected`)
  }
}

/** Creates a `malformed_signature` fault about an element. */
export function refuse(element: SignatureElement, why: Word): Fault {
  return new Fault('malformed_signature', { what: listed([element.name.slice(0, 40), why], ': ') })
}
