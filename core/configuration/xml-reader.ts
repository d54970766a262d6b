/**
 * Reads the children of an element in the order of a schema's sequence. Refuses elements that are missing,
 * repeated, misplaced, mixed with text or in another namespace.
 */

import type { XmlDocument, XmlElement } from '#core/xml/element.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'

export type Sequence = {
  /** The next child, which must be called `name`. */
  one(name: string): XmlElement
  /** The next child if its name is `name`, else undefined. */
  maybe(name: string): XmlElement | undefined
  /** Applies `read` to each following child with this name; returns the results. */
  many<T>(name: string, read: (child: XmlElement) => T): T[]
  text(name: string): string
  maybeText(name: string): string | undefined
  base64(name: string): Buffer
  maybeBase64(name: string): Buffer | undefined
  /** Throws if a child has not been read. */
  end(): void
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const WHITE = /[ \t\r\n]+/g

/** A cursor over the children of `element`, all of them in `namespace`. */
export function sequenceOf(element: XmlElement, code: FaultCode, namespace = ''): Sequence {
  refuseText(element, code)
  return new Cursor(element, code, namespace)
}

/**
 * The same for the children of a document's root, which must not be in a namespace. Each is parsed when it is
 * asked for.
 */
export function documentSequence({ root, next }: XmlDocument, code: FaultCode): Sequence {
  refuseText(root, code)
  return new DocumentCursor(root, code, next)
}

function refuseText(element: XmlElement, code: FaultCode): void {
  if (element.text !== '' && element.text.trim() !== '')
    throw refuse(code, element, 'text stands between its elements')
}

// A class, because a large configuration has a hundred thousand of these; closures for each would cost more
// than everything else here.
class Cursor implements Sequence {
  #next = 0
  readonly #element: XmlElement
  readonly #code: FaultCode
  readonly #namespace: string

  constructor(element: XmlElement, code: FaultCode, namespace: string) {
    this.#element = element
    this.#code = code
    this.#namespace = namespace
  }

  maybe(name: string): XmlElement | undefined {
    const child = this.ahead()
    if (child === undefined || child.name !== name || child.namespace !== this.#namespace) return undefined
    this.pass()
    return child
  }

  /** The child that comes next. */
  protected ahead(): XmlElement | undefined {
    return this.#element.children[this.#next]
  }

  protected pass(): void {
    this.#next += 1
  }

  one(name: string): XmlElement {
    const child = this.maybe(name)
    if (child === undefined) throw refuse(this.#code, this.#element, `${name} is missing or misplaced`)
    return child
  }

  many<T>(name: string, read: (child: XmlElement) => T): T[] {
    const found: T[] = []
    for (let child = this.maybe(name); child !== undefined; child = this.maybe(name)) found.push(read(child))
    return found
  }

  text(name: string): string {
    return textOf(this.one(name), this.#code)
  }

  maybeText(name: string): string | undefined {
    const child = this.maybe(name)
    return child === undefined ? undefined : textOf(child, this.#code)
  }

  base64(name: string): Buffer {
    return base64Of(this.one(name), this.#code)
  }

  maybeBase64(name: string): Buffer | undefined {
    const child = this.maybe(name)
    return child === undefined ? undefined : base64Of(child, this.#code)
  }

  end(): void {
    const extra = this.ahead()
    if (extra !== undefined)
      throw refuse(this.#code, this.#element, `${extra.name.slice(0, 40)} is not expected here`)
  }
}

class DocumentCursor extends Cursor {
  readonly #nextChild: () => XmlElement | undefined
  #ahead: XmlElement | undefined

  constructor(root: XmlElement, code: FaultCode, next: () => XmlElement | undefined) {
    super(root, code, '')
    this.#nextChild = next
    this.#ahead = next()
  }

  protected override ahead(): XmlElement | undefined {
    return this.#ahead
  }

  protected override pass(): void {
    this.#ahead = this.#nextChild()
  }
}

/** The text of an element that contains only text, unchanged. */
export function textOf(element: XmlElement, code: FaultCode): string {
  if (element.children.length > 0) throw refuse(code, element, 'only text is expected in it')
  return element.text
}

/** Decodes xs:base64Binary: white space is allowed anywhere, the rest must be canonical base64. */
export function base64Of(element: XmlElement, code: FaultCode): Buffer {
  const text = textOf(element, code).replace(WHITE, '')
  const bytes = Buffer.from(text, 'base64')
  if (text === '' || !BASE64.test(text) || bytes.toString('base64') !== text) {
    throw refuse(code, element, 'it is not base64')
  }
  return bytes
}

/** An xs:integer between the two bounds. */
export function integerOf(element: XmlElement, code: FaultCode, least: number, most: number): number {
  const text = textOf(element, code).trim()
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most))
    throw refuse(code, element, `a number from ${least} to ${most} is expected`)
  return value
}

/** An xs:boolean. */
export function booleanOf(element: XmlElement, code: FaultCode): boolean {
  const text = textOf(element, code).trim()
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw refuse(code, element, 'true or false is expected')
}

/** An xs:dateTime with its zone. */
export function dateTimeOf(element: XmlElement, code: FaultCode): Date {
  const text = textOf(element, code).trim()
  const date = new Date(text)
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) ||
    Number.isNaN(date.getTime())
  ) {
    throw refuse(code, element, 'a time with its zone is expected')
  }
  return date
}

function refuse(code: FaultCode, element: XmlElement, why: string): Fault {
  return new Fault(code, { what: `${element.name.slice(0, 40)}: ${why}` })
}
