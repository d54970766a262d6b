/**
 * Reads the questions to monitoring services as strictly as X-Road's schemas: each element once, in its place
 * and namespace.
 */

import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { readClient } from '#core/transport/soap-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'

export const OPERATIONAL = 'http://x-road.eu/xsd/op-monitoring.xsd'
const ENVIRONMENT = 'http://x-road.eu/xsd/monitoring'

export type OperationalQuestion = {
  from: number
  to: number
  provider: ClientId | undefined
  fields: string[]
}

/** What is asked is a few names. */
const MOST_BYTES = 64 * 1024
const MOST_FIELDS = 200
const LONG = /^[+-]?\d{1,18}$/

export function readOperationalQuestion(message: Buffer): Promise<OperationalQuestion> {
  return asked(message, OPERATIONAL, (children) => {
    const criteria = children.one('searchCriteria')
    const fields = fieldsIn(children.maybe('outputSpec'), OPERATIONAL)
    children.end()
    const inside = sequence(criteria, OPERATIONAL)
    const [from, to] = [long(inside.one('recordsFrom')), long(inside.one('recordsTo'))]
    const client = inside.maybe('client')
    inside.end()
    return { from, to, fields, provider: client && clientIn(client) }
  })
}

/** The provider whose services alone are asked for. */
export function readHealthQuestion(message: Buffer): Promise<ClientId | undefined> {
  return asked(message, OPERATIONAL, (children) => {
    const criteria = children.maybe('filterCriteria')
    children.end()
    if (criteria === undefined) return undefined
    const inside = sequence(criteria, OPERATIONAL)
    const client = inside.maybe('client')
    inside.end()
    return client && clientIn(client)
  })
}

/** The names of the metrics that are asked for; none for all. */
export function readMetricsQuestion(message: Buffer): Promise<string[]> {
  return asked(message, ENVIRONMENT, (children) => {
    const fields = fieldsIn(children.maybe('outputSpec'), ENVIRONMENT)
    children.end()
    return fields
  })
}

type Children = {
  one(name: string): SoapElement
  maybe(name: string): SoapElement | undefined
  end(): void
}

async function asked<T>(message: Buffer, namespace: string, read: (children: Children) => T): Promise<T> {
  if (message.length > MOST_BYTES) throw invalid('a question that large')
  return withSoapDocument(message, (root) => {
    const body = root.children().find(({ name }) => name === 'Body')
    const wrapper = body?.children()[0]
    if (wrapper === undefined || wrapper.namespace !== namespace)
      throw invalid(`the element of the body is not in the namespace ${namespace}`)
    return read(sequence(wrapper, namespace))
  })
}

function sequence(element: SoapElement, namespace: string): Children {
  const children = element.children()
  let next = 0
  const maybe = (name: string): SoapElement | undefined => {
    const child = children[next]
    if (child?.name !== name || child.namespace !== namespace) return undefined
    next += 1
    return child
  }
  return {
    maybe,
    one(name) {
      const child = maybe(name)
      if (child === undefined) throw invalid(`${name} is missing in ${element.name}, or in the wrong place`)
      return child
    },
    end() {
      const child = children[next]
      if (child !== undefined)
        throw invalid(`${child.name.slice(0, 60)} does not belong into ${element.name}`)
    },
  }
}

function fieldsIn(spec: SoapElement | undefined, namespace: string): string[] {
  if (spec === undefined) return []
  const children = spec.children()
  if (children.length > MOST_FIELDS) throw invalid('that many output fields')
  return children.map((child) => {
    if (child.name !== 'outputField' || child.namespace !== namespace)
      throw invalid(`${child.name.slice(0, 60)} does not belong into outputSpec`)
    return child.text().trim()
  })
}

function long(element: SoapElement): number {
  const text = element.text().trim()
  if (!LONG.test(text)) throw invalid(`${element.name} is not a number`)
  return Number(text)
}

function clientIn(element: SoapElement): ClientId {
  try {
    return readClient(element)
  } catch (cause) {
    throw invalid('the client is not an identifier of a member or subsystem', cause)
  }
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_request', { what, cause })
}
