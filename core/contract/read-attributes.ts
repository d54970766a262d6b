/**
 * Reads which attributes of a person a contract wants attested by their wallet: a list of what a query to a
 * wallet is made of.
 */
import type { AttestedAttribute, AttributePlace } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { ISSUER_NAME } from '#schemas/trusted-issuer.ts'
import { list, oneOf, optional, pattern, plainText, type Read, record, unique } from './fields.ts'

type Value = NonNullable<AttestedAttribute['values']>[number]

const text = plainText(255)

/** On one line, as people read it in a list. */
const name: Read<string> = (given, at) => {
  const read = text(given, at)
  if (read.includes('\n')) throw wrong(`${at} has a line break`)
  return read
}

const value: Read<Value> = (given, at) => {
  if (typeof given === 'boolean' || Number.isSafeInteger(given)) return given as Value
  return name(given, at)
}

const type = pattern(/^[^\s\p{C}]{1,255}$/u, 'a type of credential without spaces')

const step: Read<string | null> = (given, at) => {
  // Where people write a claim, a star is any member of a list.
  if (given === '*') throw wrong(`${at} is null where any member of a list is meant`)
  return given === null ? null : name(given, at)
}

const place = record<AttributePlace>({
  format: oneOf(['dc+sd-jwt', 'mso_mdoc'] as const),
  type,
  claim: list(step, 1, 8),
  issuers: optional(
    unique(list(pattern(ISSUER_NAME, 'the name of an issuer in the registry'), 1, 16), (one) => one),
  ),
})

const soundPlace: Read<AttributePlace> = (given, at) => {
  const read = place(given, at)
  const { format, claim } = read
  if (format === 'mso_mdoc' && (claim.length !== 2 || claim.includes(null)))
    throw wrong(`${at}.claim is no name space with the name of an element, as mobile documents have them`)
  // A wallet shifts the places in a list as it likes; null alone means any of them, of what has no parts.
  const before = claim.slice(0, -1)
  if (before.includes(null) || (claim.at(-1) === null && before.length === 0))
    throw wrong(`${at}.claim has null elsewhere than at its end, after a name`)
  return read
}

/** Throws `invalid_contract` that names the place. */
export const attestedAttributes: Read<AttestedAttribute[]> = unique(
  list(
    record<AttestedAttribute>({
      name,
      values: optional(unique(list(value, 1, 20), (one) => JSON.stringify(one))),
      // In a credential of one kind it stands at one place.
      from: unique(list(soundPlace, 1, 4), ({ format, type }) => JSON.stringify([format, type])),
    }),
    1,
    8,
  ),
  (one) => one.name,
)

function wrong(what: string): Fault {
  return new Fault('invalid_contract', { what })
}
