/** Numbers within the bounds of a schema. */
import { type Choices, cannotMake } from './choices.ts'
import type { Json } from './translate-schemas.ts'

const SPAN = 1000

/** Throws `answer_not_makeable` where no number lies between the bounds. */
export function makeNumber(schema: Json, at: string, { choose }: Choices): number {
  const isInteger = [schema['type']].flat().includes('integer')
  const step = numberOf(schema['multipleOf']) ?? (isInteger ? 1 : undefined)
  const [low, isLowOut] = bound(schema, 'minimum', 'exclusiveMinimum')
  const [high, isHighOut] = bound(schema, 'maximum', 'exclusiveMaximum')
  const least = low ?? (high === undefined ? 1 : high - SPAN)
  const most = Math.min(high ?? Number.POSITIVE_INFINITY, least + SPAN * (step ?? 1))
  if (step !== undefined && step > 0) {
    const first = Math.ceil(least / step) + (isLowOut && Number.isInteger(least / step) ? 1 : 0)
    const last =
      Math.floor(most / step) - (isHighOut && most === high && Number.isInteger(most / step) ? 1 : 0)
    if (last >= first) return rounded((first + choose(last - first + 1)) * step)
  } else {
    const hundredths = (most - least) * 100
    const tried =
      hundredths > 2 ? rounded(least + (1 + choose(Math.ceil(hundredths) - 1)) / 100) : (least + most) / 2
    if (tried >= least && tried <= most && !(isLowOut && tried === low) && !(isHighOut && tried === high))
      return tried
  }
  throw cannotMake(at, 'no number lies between its bounds')
}

/** The bound, and whether it is no value itself. In OpenAPI 3.0 the second keyword only says which. */
function bound(schema: Json, inclusive: string, exclusive: string): [number | undefined, boolean] {
  const within = numberOf(schema[inclusive])
  const without = numberOf(schema[exclusive])
  if (schema[exclusive] === true) return [within, true]
  if (without === undefined) return [within, false]
  const isTighter = within === undefined || (inclusive === 'minimum' ? without >= within : without <= within)
  return isTighter ? [without, true] : [within, false]
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** 0.1 times 3 is 0.30000000000000004. */
function rounded(value: number): number {
  return Number(value.toPrecision(12))
}
