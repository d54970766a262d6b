/**
 * What a contract demands to be attested by a wallet, in short texts: the same in its terms and in the form
 * that asks for them.
 */
export type AttestedAttribute = {
  name: string
  values?: (string | number | boolean)[]
  from: { format: string; type: string; claim: (string | null)[]; issuers?: string[] }[]
}

type Place = AttestedAttribute['from'][number]

/** Behind the claim, before each issuer. */
const ISSUER = ' | '

/** A JSON Pointer; `*` at its end is any member of a list. */
export function claimText(claim: readonly (string | null)[]): string {
  return claim.map((step) => `/${step?.replaceAll('~', '~0').replaceAll('/', '~1') ?? '*'}`).join('')
}

/** The other way round. The first slash may be left out. */
export function claimIn(pointer: string): (string | null)[] {
  const steps = pointer.replace(/^\//, '').split('/')
  return steps.map((step) => (step === '*' ? null : step.replaceAll('~1', '/').replaceAll('~0', '~')))
}

/** A text that would be read as something else stands in quotes. */
export function valueText(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  return valueIn(value) === value ? value : JSON.stringify(value)
}

/** The other way round. What is in quotes is a text. */
export function valueIn(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?\d{1,16}$/.test(text)) return Number(text)
  if (!/^".*"$/.test(text)) return text
  try {
    return String(JSON.parse(text))
  } catch {
    return text
  }
}

/** In one line, with the issuers that count. */
export function placeText({ format, type, claim, issuers = [] }: Place): string {
  return [`${format} ${type} ${claimText(claim)}`, ...issuers].join(ISSUER)
}

/** The other way round. What is wanting is left to the server to say. */
export function placeIn(text: string): Place {
  const [place = '', ...issuers] = text.split(ISSUER).map((one) => one.trim())
  const [, format = '', type = '', pointer = ''] = /^(\S+)\s*(\S*)\s*(.*)$/.exec(place) ?? []
  return { format, type, claim: claimIn(pointer), ...(issuers.length > 0 && { issuers }) }
}
