/** Guarantees the shape and size of what the other side sends, by schemas/reconciliation.yaml. */
import type { ValidateFunction } from 'ajv'
import { readDocument } from '#platform/http-service/read-document.ts'
import type { ReconciliationEnvelope, ReconciliationStep, Statement } from '#schemas/reconciliation.ts'
import { refuse } from './refuse-shape.ts'

export type CheckShapes = {
  /** Each check throws `invalid_input`, whose text quotes no value. */
  envelope(value: unknown): ReconciliationEnvelope
  answer(step: ReconciliationStep, value: unknown): unknown
  statement(value: unknown): Statement
}

/** Compiles each schema when it is first used, because many servers never compare a day. */
export async function createShapes(): Promise<CheckShapes> {
  const file = new URL('../../../schemas/reconciliation.yaml', import.meta.url)
  const document = await readDocument<object>(file)
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  // test/configuration-documents.test.ts checks that the document is a valid schema. Checking it here would
  // take longer than compiling a part of it.
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateSchema: false })
  ajv.addSchema(document, 'reconciliation')
  const compiled = new Map<string, ValidateFunction>()
  const check = (pointer: string, value: unknown): void => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `reconciliation#/$defs/${pointer}` })
    compiled.set(pointer, validate)
    if (!validate(value)) refuse(validate.errors)
  }
  return {
    envelope(value) {
      check('envelope', value)
      const checked = value as ReconciliationEnvelope
      check(`questions/${checked.question.step}`, checked.question)
      return checked
    },
    answer(step, value) {
      check(`answers/${step}`, value)
      return value
    },
    statement(value) {
      check('statement', value)
      return value as Statement
    },
  }
}
