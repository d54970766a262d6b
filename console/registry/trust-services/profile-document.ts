/** A certificate profile as the fields of a form, and as a document. Pure. The API checks the document. */

export const ATTRIBUTES = [
  ...['C', 'O', 'OU', 'CN', 'L', 'ST', 'serialNumber', 'businessCategory', 'organizationIdentifier'],
]
export const KEY_USAGES = [
  ...['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement'],
]
export const KEY_ALGORITHMS = ['RSA', 'EC']
export const CONDITIONS = ['present', 'absent', 'filled', 'startsWith'] as const
export type PartName = 'instance' | 'memberClass' | 'memberCode' | 'serverCode'
export const PARTS: Record<SideName, PartName[]> = {
  signing: ['instance', 'memberClass', 'memberCode'],
  authentication: ['instance', 'serverCode', 'memberClass'],
}

export type SideName = 'signing' | 'authentication'
export type Requested = { attribute: string; label: string; value: string }
/** `texts` has the allowed beginnings, one a line. */
export type ConditionDraft = { attribute: string; is: string; texts: string }
export type NeedDraft = { attribute: string; equals: string }
/**
 * `from` is "value", "instance" or an attribute, '' for a part that is not read. Numbers are texts while they
 * are typed.
 */
export type PartDraft = {
  from: string
  value: string
  after: string
  by: string
  parts: string
  at: string
  digits: string
}
export type ReadingDraft = {
  when: ConditionDraft[]
  need: NeedDraft[]
  parts: Record<PartName, PartDraft>
}
export type SideDraft = {
  request: Requested[]
  readings: ReadingDraft[]
  keyUsage: string[]
  extendedKeyUsage: string
  keyAlgorithms: string[]
}
export type ProfileDraft = { name: string; title: string } & Record<SideName, SideDraft>

export const NO_REQUEST: Requested = { attribute: '', label: '', value: '' }
const NO_PART: PartDraft = { from: '', value: '', after: '', by: '', parts: '', at: '', digits: '' }
export const NO_READING: ReadingDraft = {
  when: [],
  need: [],
  parts: { instance: NO_PART, memberClass: NO_PART, memberCode: NO_PART, serverCode: NO_PART },
}

type Json = Record<string, unknown>

/** Reads a document as far as it is a profile; members without a field in the form are dropped. */
export function draftOf(document: unknown): ProfileDraft {
  const { name, title, signing, authentication } = fields(document)
  return {
    ...{ name: word(name), title: word(title) },
    ...{ signing: sideOf(signing), authentication: sideOf(authentication) },
  }
}

function sideOf(given: unknown): SideDraft {
  const { request, identify, certificate } = fields(given)
  const { keyUsage, extendedKeyUsage, keyAlgorithms } = fields(certificate)
  return {
    request: items(request).map(({ attribute, label, value }) => ({
      ...{ attribute: word(attribute), label: word(label), value: word(value) },
    })),
    readings: items(identify).map(readingOf),
    keyUsage: words(keyUsage),
    extendedKeyUsage: words(extendedKeyUsage).join(' '),
    keyAlgorithms: words(keyAlgorithms),
  }
}

function readingOf({ when, need, parts }: Json): ReadingDraft {
  const given = fields(parts)
  return {
    when: items(when).map(({ attribute, is, startsWith }) => ({
      attribute: word(attribute),
      is: startsWith === undefined ? word(is) : 'startsWith',
      texts: words(startsWith).join('\n'),
    })),
    need: items(need).map(({ attribute, equals }) => ({ attribute: word(attribute), equals: word(equals) })),
    parts: {
      ...{ instance: partOf(given['instance']), memberClass: partOf(given['memberClass']) },
      ...{ memberCode: partOf(given['memberCode']), serverCode: partOf(given['serverCode']) },
    },
  }
}

function partOf(given: unknown): PartDraft {
  const { value, instance, attribute, after, split, digits } = fields(given)
  const { by, parts, at } = fields(split)
  const from = value !== undefined ? 'value' : instance !== undefined ? 'instance' : word(attribute)
  return {
    ...{ from, value: word(value), after: word(after), by: word(by), digits: word(digits) },
    // People count from one.
    ...{ parts: word(parts), at: typeof at === 'number' ? String(at + 1) : '' },
  }
}

/** The document, without fields that are empty in the form. */
export function documentOf({ name, title, signing, authentication }: ProfileDraft): object {
  return {
    ...{ name, title },
    ...{
      signing: sideDocument('signing', signing),
      authentication: sideDocument('authentication', authentication),
    },
  }
}

function sideDocument(side: SideName, draft: SideDraft): object {
  const { request, readings, keyUsage, extendedKeyUsage, keyAlgorithms } = draft
  const extended = extendedKeyUsage.split(/\s+/).filter(Boolean)
  const certificate = {
    ...(keyUsage.length === 0 ? {} : { keyUsage }),
    ...(extended.length === 0 ? {} : { extendedKeyUsage: extended }),
    ...(keyAlgorithms.length === 0 ? {} : { keyAlgorithms }),
  }
  return {
    request,
    ...(side === 'authentication' && readings.length === 0
      ? {}
      : { identify: readings.map((one) => readingDocument(side, one)) }),
    ...(Object.keys(certificate).length === 0 ? {} : { certificate }),
  }
}

function readingDocument(side: SideName, { when, need, parts }: ReadingDraft): object {
  const conditions = when.map(({ attribute, is, texts }) =>
    is === 'startsWith'
      ? { attribute, startsWith: texts.split('\n').filter((line) => line !== '') }
      : { attribute, is },
  )
  const needs = need.map(({ attribute, equals }) => ({ attribute, ...(equals === '' ? {} : { equals }) }))
  const read = PARTS[side].flatMap((name) => {
    const part = partDocument(parts[name])
    return part === undefined ? [] : [[name, part] as const]
  })
  return {
    ...(conditions.length === 0 ? {} : { when: conditions }),
    ...(needs.length === 0 ? {} : { need: needs }),
    parts: Object.fromEntries(read),
  }
}

function partDocument({ from, value, after, by, parts, at, digits }: PartDraft): object | undefined {
  if (from === '') return undefined
  if (from === 'value') return { value }
  if (from === 'instance') return { instance: true }
  return {
    attribute: from,
    ...(after === '' ? {} : { after }),
    ...(digits === '' ? {} : { digits: count(digits) }),
    ...(by === '' ? {} : { split: { by, parts: count(parts), at: count(at) - 1 } }),
  }
}

/** A text that is no number becomes -1, which the API refuses and names. */
function count(text: string): number {
  return /^\d{1,3}$/.test(text.trim()) ? Number(text) : -1
}

function fields(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function items(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(fields) : []
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.map(word).filter(Boolean) : []
}
