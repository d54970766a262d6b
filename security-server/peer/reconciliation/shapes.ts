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

const STEPS: ReconciliationStep[] = ['open', 'commit', 'reveal', 'entries', 'show', 'conclude']

/** Compiles the schemas, once. */
export async function createShapes(): Promise<CheckShapes> {
  const file = new URL('../../../schemas/reconciliation.yaml', import.meta.url)
  const document = parse(await readFile(file, 'utf8')) as object
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  ajv.addSchema(document, 'reconciliation')
  const compile = (pointer: string): ValidateFunction =>
    ajv.compile({ $ref: `reconciliation#/$defs/${pointer}` })
  const all = (kind: string) => new Map(STEPS.map((step) => [step, compile(`${kind}/${step}`)]))
  const [questions, answers] = [all('questions'), all('answers')]
  const [envelope, statement] = [compile('envelope'), compile('statement')]
  return {
    envelope(value) {
      check(envelope, value)
      const checked = value as ReconciliationEnvelope
      check(questions.get(checked.question.step)!, checked.question)
      return checked
    },
    answer(step, value) {
      check(answers.get(step)!, value)
      return value
    },
    statement(value) {
      check(statement, value)
      return value as Statement
    },
  }
}

function check(validate: ValidateFunction, value: unknown): void {
  if (!validate(value)) refuse(validate.errors)
}
