/** What is told of an error by a schema: its place and its rule, and no value. */
import type { ErrorObject } from 'ajv/dist/2020.js'

/** The parameters of an error that come from the description, none of which is a value of the message. */
const TOLD = ['type', 'format', 'limit'] as const
/** The parameters that name what an error is about, below its place. */
const NAMING = [
  ...['missingProperty', 'additionalProperty', 'unevaluatedProperty', 'propertyName', 'dependency'],
] as const

/** Items of lists in `whole` are told as `*`; without it by their numbers. */
export function pointerOf({ instancePath, params }: ErrorObject, whole?: unknown): string {
  let value = whole
  let pointer = ''
  const named = NAMING.map((name) => (params as Record<string, unknown>)[name]).find(
    (one) => typeof one === 'string',
  )
  const parts = instancePath.split('/').slice(1)
  for (const part of parts) {
    pointer += Array.isArray(value) ? '/*' : `/${part}`
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    value = (value as Record<string, unknown> | undefined)?.[name]
  }
  return named === undefined ? pointer : `${pointer}/${named.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The keyword that does not hold, with what it wants. */
export function ruleOf({ keyword, params }: ErrorObject): string {
  const told = TOLD.map((name) => (params as Record<string, unknown>)[name]).find((one) => one !== undefined)
  return told === undefined ? keyword : `${keyword} ${[told].flat().join(' or ').slice(0, 60)}`
}
