/**
 * Makes the JSON of an element by its model: of a choice one, of what may be left out mostly all, and in the
 * end no more than is needed.
 */
import { cannotMake, type Making } from '#core/openapi/choices.ts'
import { makeValue } from '#core/openapi/make-value.ts'
import {
  attributeKey,
  type ElementModel,
  mayBeEmpty,
  type Particle,
  type SimpleType,
  TEXT_KEY,
} from './model.ts'

type Json = Record<string, unknown>
type Here = { making: Making; depth: number }

const SPARE_DEPTH = 5
const MAX_DEPTH = 40
const MAX_TIMES = 100

/** Texts of types that no format of JSON Schema is. */
const SAMPLES: Record<string, string> = {
  ...{
    year: '2020',
    'year-month': '2020-02',
    month: '--02',
    day: '---15',
    'month-day': '--02-15',
    hex: '0a1b2c',
  },
}

/**
 * What `writeElement` takes. Throws `answer_not_makeable`, `invalid_configuration` for what a model cannot
 * say.
 */
export function makeElement(model: ElementModel, making: Making, depth = 0): unknown {
  making.choices.spend(1, model.name)
  if (depth > MAX_DEPTH) throw cannotMake(model.name, 'it is made of itself without end')
  if (model.nillable && depth >= SPARE_DEPTH) return null
  const type = model.type()
  if (type.kind === 'simple') return makeSimple(type, model.name, making)
  const value: Json = {}
  for (const one of type.attributes)
    if (one.required || depth < SPARE_DEPTH)
      set(value, attributeKey(one.name), makeSimple(one.type, one.name, making))
  if (type.text !== undefined) set(value, TEXT_KEY, makeSimple(type.text, model.name, making))
  fill(value, type.content, { making, depth })
  return value
}

function fill(value: Json, particle: Particle | undefined, here: Here): void {
  if (particle === undefined || particle.kind === 'any') return
  if (particle.kind === 'element') {
    fillElement(value, particle, here)
    return
  }
  const isSpare = here.depth >= SPARE_DEPTH
  if (isSpare && particle.min === 0) return
  if (particle.kind !== 'choice') {
    for (const item of particle.items) fill(value, item, here)
    return
  }
  if (isSpare && particle.items.some(mayBeEmpty)) return
  fill(value, particle.items[isSpare ? 0 : here.making.choices.choose(particle.items.length)], here)
}

function fillElement(value: Json, model: ElementModel, { making, depth }: Here): void {
  const usual = depth >= SPARE_DEPTH ? 0 : model.max > 1 ? 1 + making.choices.choose(2) : 1
  const times = Math.min(Math.max(model.min, usual), model.max)
  if (times > MAX_TIMES) throw cannotMake(model.name, `minOccurs asks for more than ${MAX_TIMES}`)
  if (times === 0) return
  const all: unknown[] = []
  for (let count = 0; count < times; count++) all.push(makeElement(model, making, depth + 1))
  set(value, model.name, model.max > 1 ? all : all[0])
}

function makeSimple({ schema, sample, patterns = [] }: SimpleType, at: string, making: Making): unknown {
  // Which of the two a text follows the schema of the document says in the end.
  const [pattern] = patterns.slice(-1)
  if (schema['enum'] !== undefined) return makeValue(schema, at, making)
  if (pattern !== undefined && schema['type'] === 'string')
    return makeValue({ ...schema, pattern: `^(?:${pattern})$` }, at, making)
  if (sample === undefined) return makeValue(schema, at, making)
  if (Object.hasOwn(SAMPLES, sample)) return SAMPLES[sample]
  return makeValue({ type: 'string', format: sample }, at, making)
}

/** An element called `__proto__` is an element. */
function set(value: Json, name: string, found: unknown): void {
  Object.defineProperty(value, name, { value: found, enumerable: true, configurable: true, writable: true })
}
