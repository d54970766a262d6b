/** The headers that pass to the system and back: those of the settings, and no others. */
import type { IncomingHttpHeaders } from 'node:http'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, parseClientId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import type { HeaderSettings } from './settings.ts'

type Headers = Record<string, string | string[] | undefined>
type Values = { headers: IncomingHttpHeaders; client: ClientId | undefined }
type Piece = string | ((values: Values) => string | undefined)

const PLACEHOLDER = /\{([^{}]*)\}/
const CLIENT_PARTS: ReadonlySet<string> = new Set([
  'client.instance',
  'client.memberClass',
  'client.memberCode',
  'client.subsystemCode',
])

/** The headers of a call, by those of the request; `never` is the one that proves who the adapter is. */
export function requestHeaders(
  settings: Pick<HeaderSettings, 'request' | 'set'>,
  never: string | undefined,
): (given: IncomingHttpHeaders) => Record<string, string> {
  const pass = settings.request.map((name) => name.toLowerCase()).filter((name) => name !== never)
  const set = Object.entries(settings.set).map(([name, text]) => ({
    name: name.toLowerCase(),
    pieces: readTemplate(text),
  }))
  const needsClient = set.some(({ pieces }) => pieces.some((piece) => typeof piece !== 'string'))
  return (given) => {
    const values = { headers: given, client: needsClient ? clientOf(given) : undefined }
    const headers: Record<string, string> = {}
    for (const name of pass) {
      const value = given[name]
      if (value !== undefined) headers[name] = [value].flat().join(', ')
    }
    for (const { name, pieces } of set) {
      // A client cannot say what the settings say, not even where they have nothing to say.
      delete headers[name]
      const texts = pieces.map((piece) => (typeof piece === 'string' ? piece : piece(values)))
      if (texts.every((text) => text !== undefined)) headers[name] = texts.join('')
    }
    return headers
  }
}

/** The headers of the answer. */
export function answerHeaders({ answer }: Pick<HeaderSettings, 'answer'>): (given: Headers) => Headers {
  const pass = answer.map((name) => name.toLowerCase())
  return (given) =>
    Object.fromEntries(pass.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]))
}

/**
 * Constant text, `{x-road-userid}` for the value of a header, `{client.memberCode}` for a part of
 * X-Road-Client. Throws Error.
 */
export function readTemplate(text: string): Piece[] {
  return text.split(PLACEHOLDER).map((piece, at): Piece => {
    if (at % 2 === 0) {
      if (/[{}]/.test(piece)) throw new Error('has a brace without its other')
      return piece
    }
    if (CLIENT_PARTS.has(piece)) {
      const part = piece.slice('client.'.length) as keyof ClientId
      return ({ client }) => client?.[part]
    }
    if (!/^x-road-[a-z-]{1,50}$/.test(piece)) throw new Error(`names {${piece}}, which is neither`)
    return ({ headers }) => {
      const value = headers[piece]
      return typeof value === 'string' ? value : undefined
    }
  })
}

function clientOf(given: IncomingHttpHeaders): ClientId | undefined {
  const client = given[HEADER.client]
  if (client === undefined) return undefined
  if (typeof client !== 'string') throw new Fault('invalid_input', { what: 'there are two of X-Road-Client' })
  const parts = parseClientId(client)
  // A code may have letters that no header carries: then it stays as it is encoded.
  return Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [
      name,
      /^[\x20-\x7e]+$/.test(value) ? value : encodeURIComponent(value),
    ]),
  ) as ClientId
}
