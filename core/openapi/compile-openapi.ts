/**
 * Compiles an OpenAPI document of 3.0 to 3.2 into what its messages are held against. It takes any amount of
 * time and memory, compiling as well as judging: for a thread that can be ended.
 */
import { compileSchemas } from './compile-schemas.ts'
import { createOperationFinder, type FoundOperation } from './find-operation.ts'
import { judgeRest } from './judge-rest.ts'
import { asObject } from './openapi-operations.ts'
import { parse, refused, versionOf } from './read-document.ts'
import { type Operation, readOperations } from './read-operations.ts'
import type { Compiled, RestMessage } from './rest-message.ts'
import { createSchemas, type Json } from './translate-schemas.ts'

const MAX_TEXT = 500

export type CompiledOpenApi = Compiled<RestMessage> & {
  document: Json
  /** x of OpenAPI 3.x. */
  minor: number
  operations: readonly Operation[]
  find(method: string, path: string): FoundOperation<Operation> | undefined
}

/** Throws `invalid_input` that says what in the document cannot be compiled, and where. */
export function compileOpenApi(text: string): CompiledOpenApi {
  const document = asObject(parse(text).value, 'the document', refused)
  const { minor } = versionOf(document)
  // Names of a document may be as long as it is.
  const refuse = (what: string) => refused(what.slice(0, MAX_TEXT).toWellFormed())
  const schemas = createSchemas({ document, minor, refuse })
  const operations = readOperations({ document, minor, refuse, use: schemas.use })
  const judge = compileSchemas(schemas.all(), refused)
  const find = createOperationFinder(operations)
  return {
    ...{ document, minor, operations, find },
    judge: async (message) => judgeRest(message, { find, judge }),
    free: () => undefined,
  }
}
