/**
 * Reads XML by its schema, and by nothing else: an element that is missing, misplaced or unknown is a fault.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { Fault } from '#schemas/fault.ts'
import { whyNotAllowed } from './check-value.ts'
import {
  attributeKey,
  type ComplexType,
  type ElementModel,
  elementsOf,
  mayBeEmpty,
  type Particle,
  type SimpleType,
  TEXT_KEY,
  type ValueKind,
  XSI,
} from './model.ts'

type Json = Record<string, unknown>
/** Where in the message something is: names of elements, never values. */
export type Refuse = (at: string[], what: string) => Fault
type Reading = {
  /** What the schema does not name is passed over instead of refused. */
  leaveOut: boolean
  /**
   * Whether facets (enumerations, lengths, bounds) are held, and a type that the message names itself is
   * refused.
   */
  isRequest: boolean
  refuse: Refuse
}

/**
 * Digits begin with another one than 0, so that a text of zeros alone has one reading: else a million of them
 * take seconds.
 */
const INTEGER = /^([+-]?)(?:0*([1-9]\d{0,399})|0+)$/
const DECIMAL = /^([+-]?)0*([1-9]\d{0,399})?(?:\.(\d{0,400}))?$/
const FLOAT = /^[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?$/

/** The JSON value of what a system answered; numbers keep all their digits. Throws `source_failed`. */
export function readAnswer(model: ElementModel, element: XmlElement, leaveOut: boolean): unknown {
  const refuse: Refuse = (at, what) => new Fault('source_failed', { what: sentence('the answer', at, what) })
  return read(model, element, { leaveOut, isRequest: false, refuse })
}

/** The same of what a client asks, whose values must be allowed, too. Throws `invalid_input`. */
export function readRequest(model: ElementModel, element: XmlElement): unknown {
  const refuse: Refuse = (at, what) => new Fault('invalid_input', { what: sentence('the request', at, what) })
  return read(model, element, { leaveOut: false, isRequest: true, refuse })
}

function read(model: ElementModel, element: XmlElement, reading: Reading): unknown {
  if (!is(element, model)) throw reading.refuse([], `is ${named(element)}, and not ${model.name}`)
  return readOne(model, element, reading, [model.name])
}

function readOne(model: ElementModel, element: XmlElement, reading: Reading, at: string[]): unknown {
  const { refuse } = reading
  if (reading.isRequest && element.attributes.has(`{${XSI}}type`))
    throw refuse(at, 'names a type (xsi:type): only that of its schema is read')
  const nil = element.attributes.get(`{${XSI}}nil`)
  if (nil === 'true' || nil === '1') {
    if (!model.nillable || element.children.length > 0 || element.text.trim() !== '')
      throw refuse(at, 'is nil, which its schema does not let it be')
    if (reading.isRequest) checkAttributes([], element, reading, at)
    return null
  }
  const type = model.type()
  if (type.kind === 'simple') {
    checkAttributes([], element, reading, at)
    if (element.children.length > 0)
      throw refuse(at, `holds ${named(element.children[0]!)}, and should hold a value`)
    return readValue(type, element.text, at, reading)
  }
  const value: Json = {}
  for (const one of type.attributes) {
    const text = element.attributes.get(one.namespace === '' ? one.name : `{${one.namespace}}${one.name}`)
    if (text !== undefined)
      set(value, attributeKey(one.name), readValue(one.type, text, [...at, attributeKey(one.name)], reading))
    else if (one.required) throw refuse([...at, attributeKey(one.name)], 'is missing')
  }
  checkAttributes(type.attributes, element, reading, at)
  if (type.text !== undefined) {
    if (element.children.length > 0)
      throw refuse(at, `holds ${named(element.children[0]!)}, and should hold a value`)
    set(value, TEXT_KEY, readValue(type.text, element.text, at, reading))
    return value
  }
  if (element.text.trim() !== '') throw refuse(at, 'holds a text, and should hold elements')
  readContent(type, element, value, reading, at)
  return value
}

function readContent(
  type: ComplexType,
  element: XmlElement,
  value: Json,
  reading: Reading,
  at: string[],
): void {
  const { refuse } = reading
  const known = elementsOf(type.content)
  const children = element.children.filter((child) => {
    if (known.some((one) => is(child, one))) return true
    // What `any` lets in has no place in JSON: of an answer it is left out, a request would lose it.
    if (reading.leaveOut || (!reading.isRequest && hasAny(type.content))) return false
    throw refuse(at, `holds ${named(child)}, which its schema does not have`)
  })
  let next = 0
  const readParticle = (particle: Particle): void => {
    if (particle.kind === 'any') return
    if (particle.kind === 'element') {
      readElements(particle)
      return
    }
    const child = children[next]
    const begins = child !== undefined && elementsOf(particle).some((one) => is(child, one))
    if (!begins && mayBeEmpty(particle) && (particle.kind === 'choice' || particle.min === 0)) return
    if (particle.kind === 'sequence') {
      for (const item of particle.items) readParticle(item)
    } else if (particle.kind === 'choice') {
      const chosen = particle.items.find((item) => child && elementsOf(item).some((one) => is(child, one)))
      if (chosen === undefined)
        throw refuse(
          at,
          `has none of: ${elementsOf(particle)
            .map(({ name }) => name)
            .join(', ')}`,
        )
      readParticle(chosen)
    } else {
      const left = elementsOf(particle)
      for (;;) {
        const found = left.findIndex((one) => children[next] && is(children[next]!, one))
        if (found === -1) break
        readElements(left.splice(found, 1)[0]!)
      }
      for (const one of left) if (one.min > 0) throw refuse([...at, one.name], 'is missing')
    }
  }
  const readElements = (one: ElementModel): void => {
    const below = [...at, one.name]
    const all: unknown[] = []
    for (
      let child = children[next];
      child && all.length < one.max && is(child, one);
      child = children[++next]
    )
      all.push(readOne(one, child, reading, below))
    if (all.length < one.min) throw refuse(below, 'is missing, or stands where its schema does not have it')
    if (one.max > 1) set(value, one.name, all)
    else if (all.length > 0) set(value, one.name, all[0])
  }
  if (type.content !== undefined) readParticle(type.content)
  const rest = children[next]
  if (rest !== undefined) throw refuse(at, `holds ${named(rest)} where its schema does not have it`)
}

function checkAttributes(
  known: ComplexType['attributes'],
  { attributes }: XmlElement,
  { leaveOut, refuse }: Reading,
  at: string[],
): void {
  if (leaveOut) return
  // Those of other namespaces say how to read the element.
  for (const name of attributes.keys())
    if (!name.startsWith('{') && !known.some((one) => one.namespace === '' && one.name === name))
      throw refuse(at, `has an attribute ${name.slice(0, 100)}, which its schema does not have`)
}

/** Numbers as they are written: a long or a decimal may have more digits than a number of JavaScript. */
function readValue(type: SimpleType, text: string, at: string[], { isRequest, refuse }: Reading): unknown {
  const { value: kind } = type
  const plain = kind === 'text' ? text : text.trim()
  const value = plainValue(kind, plain)
  if (typeof value === 'object' && 'not' in value) throw refuse(at, value.not)
  const why = isRequest ? whyNotAllowed(type, plain) : undefined
  if (why !== undefined) throw refuse(at, why)
  return value
}

function plainValue(kind: ValueKind, plain: string): string | boolean | number | { not: string } | object {
  if (kind === 'text') return plain
  if (kind === 'token') return plain
  if (kind === 'boolean') {
    if (plain === 'true' || plain === '1') return true
    if (plain === 'false' || plain === '0') return false
    return { not: 'is no boolean' }
  }
  if (kind === 'integer') {
    const found = INTEGER.exec(plain)
    if (found === null) return { not: 'is no whole number' }
    const [, sign = '', digits = '0'] = found
    return JSON.rawJSON((sign === '-' && digits !== '0' ? '-' : '') + digits)
  }
  if (kind === 'decimal') {
    const [, sign = '', whole = '', fraction = ''] = DECIMAL.exec(plain) ?? []
    if (!/\d/.test(plain) || (whole === '' && fraction === '' && !/^[+-]?0+\.?$/.test(plain)))
      return { not: 'is no number' }
    return JSON.rawJSON(
      `${sign === '-' ? '-' : ''}${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`,
    )
  }
  const value = FLOAT.test(plain) ? Number(plain) : Number.NaN
  if (!Number.isFinite(value)) return { not: 'is no number' }
  return value
}

/** An element called `__proto__` is an element. */
function set(value: Json, name: string, found: unknown): void {
  Object.defineProperty(value, name, { value: found, enumerable: true, configurable: true, writable: true })
}

function hasAny(particle: Particle | undefined): boolean {
  if (particle === undefined || particle.kind === 'element') return false
  return particle.kind === 'any' || particle.items.some(hasAny)
}

function is({ name, namespace }: XmlElement, model: ElementModel): boolean {
  return name === model.name && namespace === model.namespace
}

function named({ name, namespace }: XmlElement): string {
  return namespace === '' ? name.slice(0, 100) : `{${namespace.slice(0, 200)}}${name.slice(0, 100)}`
}

function sentence(whole: string, at: string[], what: string): string {
  return `${at.join('.').slice(0, 300) || whole} ${what}`
}
