/** The headline of a result: who asked whom for what, and when, by the record of the request, as far as it proves it. */
import type { Facts } from './checks-of.ts'

type Named = { client?: unknown; service?: unknown; requestId?: unknown }

/** Undefined for evidence of many exchanges, of none, or that does not name the parties. */
export function headlineOf({ records = [] }: Facts): string | undefined {
  const asked = records.filter(({ form }) => form.kind === 'request' || form.kind === 'refusal')
  const [first] = asked
  const { client, service } = (first?.metadata ?? {}) as Named
  if (first === undefined || typeof client !== 'string' || typeof service !== 'string') return undefined
  const exchanges = asked.map(({ metadata }) => (metadata ?? {}) as Named)
  if (new Set(exchanges.map((one) => JSON.stringify([one.client, one.service, one.requestId]))).size > 1)
    return undefined
  const refused = first.form.kind === 'refusal' ? ', and was refused' : ''
  const purpose = first.circumstances?.contract?.purpose
  const why = purpose === undefined ? '' : ` for “${purpose}”`
  return `${client} asked ${service}${why} on ${whenOf(first.container?.timeStamp?.time ?? first.form.time)}${refused}`
}

/** The verifier's words with their times as people read them. */
export function withTimes(words: string): string {
  return words.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, whenOf)
}

/** "29 November 2026 at 16:46:33 EET", in the reader's zone. The words around it are English, so it is too. */
function whenOf(time: string): string {
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) return time
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'long', hourCycle: 'h23' }).format(
    at,
  )
}
