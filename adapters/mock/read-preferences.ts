/**
 * Which answer a request wants: `Prefer: code=404, example=unknown` (RFC 7240, with the names that other
 * mocks have).
 */
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'

export type Preferences = {
  code: number | undefined
  example: string | undefined
  /** Whether data is made although there are examples. */
  isMade: boolean
  /** As the answer says which were followed. */
  applied: string[]
}

const MAX_LENGTH = 1_000
const PREFERENCE = /^\s*([A-Za-z]+)\s*(?:=\s*(?:"([^"\\]*)"|([^\s;",]+))\s*)?(?:;.*)?$/
const CODE = /^[2-5]\d\d$/

/**
 * Preferences of other names are ignored, as RFC 7240 wants it. Throws `answer_not_described` for a code that
 * is none.
 */
export function readPreferences(headers: HeaderList): Preferences {
  const given = headers.filter(([name]) => name.toLowerCase() === 'prefer').map(([, value]) => value)
  const found = new Map<string, string>()
  for (const text of given.join(',').slice(0, MAX_LENGTH).split(',')) {
    const [, name, quoted, plain] = PREFERENCE.exec(text) ?? []
    // The first of several counts (RFC 7240 section 2).
    if (name !== undefined && !found.has(name.toLowerCase()))
      found.set(name.toLowerCase(), quoted ?? plain ?? '')
  }
  const code = found.get('code')
  if (code !== undefined && !CODE.test(code))
    throw new Fault('answer_not_described', { what: 'code= wants a status from 200 to 599' })
  const isMade = found.get('dynamic') === 'true'
  const applied = ['code', 'example', 'dynamic'].filter((name) => found.has(name))
  return {
    code: code === undefined ? undefined : Number(code),
    example: found.get('example'),
    isMade,
    applied: applied.map((name) => `${name}=${found.get(name)}`),
  }
}
