/** Guarantees the shape and size of what the other side sends, by schemas/reconciliation.yaml. */
import { readFile } from 'node:fs/promises'
import type { ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import type { ReconciliationEnvelope, ReconciliationStep, Statement } from '#schemas/reconciliation.ts'
import { refuse } from './refuse-shape.ts'

export type CheckShapes = {
  /** Each throws `invalid_input`, which quotes no value. */
  envelope(value: unknown): ReconciliationEnvelope
  answer(step: ReconciliationStep, value: unknown): unknown
  statement(value: unknown): Statement
}

/** Each schema is compiled once, when something is first checked against it: many a server never compares a day. */
export async function createShapes(): Promise<CheckShapes> {
  const file = new URL('../../../schemas/reconciliation.yaml', import.meta.url)
  const document = parse(await readFile(file, 'utf8')) as object
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const ajv = new Ajv2020({ strict: false, allErrors: false })
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
