/**
 * The attributes that a wallet has to attest, in the form of a contract. What does not fit goes to the server
 * too, which says what is wrong. Pure.
 */
import { type AttestedAttribute, placeIn, placeText, valueIn, valueText } from '../../kit/attested.ts'
import type { Field } from '../../kit/field.tsx'
import { given, line, linesOf, long, optional } from './form-fields.ts'

type Said = (name: string) => string

export function attributeFields(of: AttestedAttribute | undefined, at: number): Field[] {
  return [
    {
      ...line(`attribute${at}Name`, 'contract.attributeName', 255, of?.name),
      hint: 'contract.attributeNameHint' as const,
    },
    {
      ...long(`attribute${at}Values`, 'contract.attributeValues', of?.values?.map(valueText).join('\n')),
      hint: 'contract.attributeValuesHint' as const,
    },
    {
      ...long(`attribute${at}From`, 'contract.attributeFrom', of?.from.map(placeText).join('\n')),
      hint: 'contract.attributeFromHint' as const,
    },
  ].map((field) => ({ ...optional(field), titled: { at: at + 1 } }))
}

/** Undefined where nothing of any was filled in. */
export function attributesOf(said: Said, many: number): object[] | undefined {
  const all = Array.from({ length: many }, (_, at) => {
    const [values, places] = [
      linesOf(said(`attribute${at}Values`)).map(valueIn),
      linesOf(said(`attribute${at}From`)).map(placeIn),
    ]
    return given<unknown>({
      name: said(`attribute${at}Name`) || undefined,
      values: values.length === 0 ? undefined : values,
      from: places.length === 0 ? undefined : places,
    })
  }).filter((one) => Object.keys(one).length > 0)
  return all.length === 0 ? undefined : all
}
