/** What a contract demands to be attested by a wallet, in short texts: the same in its terms and in the form that asks for them. */
export type AttestedAttribute = {
  name: string
  values?: (string | number | boolean)[]
  from: { format: string; type: string; claim: (string | null)[]; issuers?: string[] }[]
}

/** A JSON Pointer; `*` at its end is any member of a list. */
export function claimText(claim: readonly (string | null)[]): string {
  return claim.map((step) => `/${step?.replaceAll('~', '~0').replaceAll('/', '~1') ?? '*'}`).join('')
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
