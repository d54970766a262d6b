/**
 * The headline of a result: who asked whom for what, and when, by the record of the request, as far as it
 * proves it.
 */
import type { Facts } from './checks-of.ts'
import { locale, text } from './texts.ts'

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
  const isRefused = first.form.kind === 'refusal'
  const purpose = first.circumstances?.contract?.purpose
  const said = { client, service, when: timeText(first.container?.timeStamp?.time ?? first.form.time) }
  return purpose === undefined
    ? text(isRefused ? 'askedRefused' : 'asked', said)
    : text(isRefused ? 'askedForRefused' : 'askedFor', { ...said, purpose })
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

/** Words with their times as people read them: those of the verifier in English, as its words are. */
export function withTimes(words: string, tag: string = locale()): string {
  return words.replace(TIME, (time) => timeText(time, tag))
}

/** "29 November 2026 at 16:46:33 EET", in the reader's zone. */
function timeText(time: string, tag: string = locale()): string {
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) return time
  const form = { dateStyle: 'long', timeStyle: 'long', hourCycle: 'h23' } as const
  return new Intl.DateTimeFormat(tag, form).format(at)
}
