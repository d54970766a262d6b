/**
 * What the settings say of each operation, held against the WSDL: every place exists, nothing of a request is
 * lost in silence, and the names are those that X-Road wants. Throws `invalid_configuration` that names what
 * is not so.
 */

import { invalid } from '#core/wsdl/collect-documents.ts'
import { mayBeEmpty } from '#core/wsdl/model.ts'
import { readOperations, type SoapOperation, type SoapOperations } from '#core/wsdl/read-operations.ts'
import { readDocuments } from '../read-documents.ts'
import { IN_BRACES, memberAt, notCovered } from './places.ts'
import { type MappedOperation, type RestAsSoapSettings, WITH_BODY } from './settings.ts'

export type Planned = {
  operation: SoapOperation
  mapped: MappedOperation
  /** How the body of the call is made. */
  body: 'none' | 'whole' | 'rest' | { from: string }
  /** The places that the path takes, and the query. */
  taken: ReadonlySet<string>
}

/** What X-Road's requests always have (message protocol for SOAP, section 2.2). */
const HEADERS = ['client', 'service', 'id', 'protocolVersion']

/** By the name of the request's element, `{namespace}local`. */
export async function planOperations(settings: RestAsSoapSettings): Promise<ReadonlyMap<string, Planned>> {
  const { wsdl, consumer, operations } = settings
  const known = readOperations(await readDocuments(wsdl.file), wsdl.port)
  if (consumer === undefined) checkWhole(known, operations)
  const planned = new Map<string, Planned>()
  for (const mapped of operations) {
    const operation = known.find(mapped.name)
    checkNames(operation)
    const { namespace, name } = operation.input
    const key = `{${namespace}}${name}`
    const other = planned.get(key)?.operation.name
    if (other !== undefined) throw invalid(`${other} and ${mapped.name} have requests of one name, ${name}`)
    planned.set(key, plan(operation, mapped))
  }
  return planned
}

/** The security server offers every operation of the WSDL. */
function checkWhole({ names }: SoapOperations, operations: MappedOperation[]): void {
  const missing = names.find((name) => !operations.some((one) => one.name === name))
  if (missing !== undefined)
    throw invalid(`the operation ${missing} of the WSDL is not mapped: map it, or take it out of the WSDL`)
}

/** A security server refuses messages whose elements are called otherwise (pr-mess). */
function checkNames({ name, version, input, output, xRoadHeaders }: SoapOperation): void {
  const where = `the operation ${name}`
  if (version !== '1.1') throw invalid(`${where}: X-Road's SOAP is 1.1, not ${version}`)
  if (!input.name.startsWith(name) || input.name.endsWith('Response'))
    throw invalid(`${where}: X-Road wants its request to be called ${name}, not ${input.name}`)
  if (!output.name.startsWith(name) || !output.name.endsWith('Response'))
    throw invalid(`${where}: X-Road wants its response to be called ${name}Response, not ${output.name}`)
  const missing = HEADERS.filter((header) => !xRoadHeaders.includes(header))
  if (missing.length > 0)
    throw invalid(
      `${where}: its input does not bind X-Road's ${missing.length > 1 ? 'headers' : 'header'} ${missing.join(', ')} (soap:header)`,
    )
}

function plan(operation: SoapOperation, mapped: MappedOperation): Planned {
  const where = `the operation ${mapped.name}`
  const { input, output } = operation
  const inPath = [...mapped.path.matchAll(IN_BRACES)].map(([, place = '']) => place)
  for (const place of inPath) {
    const member = memberAt(input, place, where)
    if (member.isList || member.type().kind !== 'simple')
      throw invalid(`${where}: ${place} of its path is not one value`)
  }
  const inQuery = Object.values(mapped.query)
  for (const place of inQuery)
    if (memberAt(input, place, where).type().kind !== 'simple')
      throw invalid(`${where}: ${place} of its query is no value`)
  const from = mapped.bodyFrom
  if (from !== undefined) memberAt(input, from, where)
  for (const place of mapped.leftOut) memberAt(input, place, where)
  const standard = WITH_BODY.has(mapped.method) ? 'rest' : 'none'
  const body = from === undefined ? (mapped.body ?? standard) : { from }
  const taken = new Set([...inPath, ...inQuery])
  if (body === 'none' || typeof body === 'object') {
    const covered = [...taken, ...mapped.leftOut, ...(typeof body === 'object' ? [body.from] : [])]
    const left = notCovered(input, new Set(covered))
    if (left !== undefined)
      throw invalid(`${where}: nothing takes ${left} of its request; if nobody needs it, name it in leftOut`)
    if (input.type().kind === 'simple' && taken.size === 0 && body === 'none')
      throw invalid(`${where}: nothing takes the value of its request`)
  }
  if (mapped.answerInto !== undefined) memberAt(output, mapped.answerInto, where)
  const type = output.type()
  const canBeEmpty =
    type.kind === 'complex' &&
    type.text === undefined &&
    !type.attributes.some(({ required }) => required) &&
    (type.content === undefined || mayBeEmpty(type.content))
  if (mapped.empty.length > 0 && !canBeEmpty)
    throw invalid(`${where}: its response cannot be empty, as ${mapped.empty.join(', ')} would make it`)
  return { operation, mapped, body, taken }
}
