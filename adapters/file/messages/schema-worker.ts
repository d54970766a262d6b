/** The worker thread of hold-to-schema.ts. */
import { compileJsonSchema } from '#core/openapi/compile-json-schema.ts'
import { compileXmlSchema, withXmlDocument, type XmlView, type XmlViolation } from '#core/xml/library.ts'
import { splitName } from '#core/xml/tags.ts'
import { ruleOf } from '#core/xml/violation-rule.ts'
import { answerInTurn } from '#platform/threads/thread-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { Found, SchemaQuestion, SchemaSource } from './read-schema.ts'

type Judge = (bytes: Uint8Array) => Found | Promise<Found>

const BOUNDS = { elements: 500_000, nodes: 1_000_000, depth: 128, scope: 1_000, isHuge: true }
const judges = new Map<string, Judge>()
answerInTurn(answer)

async function answer(question: SchemaQuestion): Promise<unknown> {
  const { drop } = question
  if (question.act === 'compile') {
    judges.set(drop, await compile(question.schema))
    return undefined
  }
  const judge = judges.get(drop)
  // Its question before this one has said why.
  if (judge === undefined) throw new Fault('internal_error', { what: 'the schema is not compiled' })
  return judge(question.bytes)
}

async function compile(schema: SchemaSource): Promise<Judge> {
  if (schema.kind === 'json') return compileJsonSchema(schema.text)
  const documents = new Map([...schema.documents].map(([at, bytes]) => [at, bufferOf(bytes)]))
  const compiled = await compileXmlSchema({ main: schema.main, documents }, (what, cause) => {
    const told = what.replaceAll('{http://www.w3.org/2001/XMLSchema}', '')
    return new Fault('invalid_configuration', { what: told.slice(0, 300).toWellFormed(), cause })
  })
  const refuse = (what: string, cause?: unknown): Fault => new Fault('source_failed', { what, cause })
  return async (bytes) => {
    const loan = { ...BOUNDS, bytes: bytes.length, refuse }
    try {
      return await withXmlDocument(bufferOf(bytes), loan, (root) => {
        const found = root.violationOf(compiled)
        return found && { pointer: pointerOf(found, root), rule: ruleOf(found) }
      })
    } catch (cause) {
      if (cause instanceof Fault && cause.code === 'source_failed')
        return { pointer: '', rule: cause.what ?? 'it is not XML' }
      throw cause
    }
  }
}

/**
 * By local names, with the numbers of those that stand more than once. The library names none of a default
 * namespace.
 */
function pointerOf({ path }: XmlViolation, root: XmlView): string {
  let at = root
  let pointer = `/${root.name}`
  for (const step of path.split('/').slice(2)) {
    const [, name = '', number = '1'] = /^([^[]*)(?:\[(\d+)\])?$/.exec(step) ?? []
    const children = childrenOf(at)
    const wanted = children.filter((one) => name === '*' || one.name === splitName(name)[1])
    const found = wanted[Number(number) - 1]
    if (found === undefined) break
    const same = children.filter((one) => one.name === found.name)
    pointer += `/${found.name}${same.length > 1 ? `[${same.indexOf(found) + 1}]` : ''}`
    at = found
  }
  return pointer
}

function childrenOf(element: XmlView): XmlView[] {
  return [...element.content()].filter((item) => typeof item !== 'string' && !('other' in item)) as XmlView[]
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
