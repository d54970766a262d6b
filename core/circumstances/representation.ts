/**
 * What the metadata of a request's record say of a represented party, in English for reports: whether the client asserted it or the
 * server checked it, and by what.
 */

/** Undefined for a record that says nothing of it. Texts of the record are cut: a stranger may have written them. */
export function representationInWords(metadata: unknown): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const said = (name: string): string | undefined => {
    const value = extra?.[`representation${name}`]
    return typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined
  }
  const kind = said('')
  if (kind === undefined) return undefined
  if (kind !== 'checked') return kind === 'asserted' ? 'asserted by the client' : `"${kind}"`
  const facts: [string, string | undefined][] = [
    ['by', said('By')],
    ['as', said('Id')],
    ['at', said('At')],
    ['answer SHA-256', said('Answer')],
  ]
  return [
    'checked',
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])),
  ].join(', ')
}

const MAX_TEXT = 300
