/** The attributes that a wallet has to attest, in the form of a contract. What does not fit goes to the server too, which says what is wrong. Pure. */
import { type AttestedAttribute, claimText, valueIn, valueText } from '../../kit/attested.ts'
import type { Field } from '../../kit/field.tsx'
import { given, line, linesOf, long, optional } from './form-fields.ts'

type Said = (name: string) => string
type Place = AttestedAttribute['from'][number]

/** Behind the claim, before each issuer. */
const ISSUER = ' | '

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
      ...long(`attribute${at}From`, 'contract.attributeFrom', of?.from.map(lineOf).join('\n')),
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

function lineOf({ format, type, claim, issuers = [] }: Place): string {
  return [`${format} ${type} ${claimText(claim)}`, ...issuers].join(ISSUER)
}

function placeIn(said: string): object {
  const [place = '', ...issuers] = said.split(ISSUER).map((one) => one.trim())
  const [, format = '', type = '', pointer = ''] = /^(\S+)\s*(\S*)\s*(.*)$/.exec(place) ?? []
  const steps = pointer.replace(/^\//, '').split('/')
  const claim = steps.map((step) => (step === '*' ? null : step.replaceAll('~1', '/').replaceAll('~0', '~')))
  return { format, type, claim, ...(issuers.length > 0 && { issuers }) }
}
