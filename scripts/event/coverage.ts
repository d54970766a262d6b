/** Says in words what the signature of an event covers, and what anybody could have changed. */
import { MATERIAL } from '#core/dsse/event-digests.ts'
import type { verifyEvent } from '#core/dsse/verify-event.ts'
import { attributeOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { printable } from '#platform/plain-text.ts'
import type { Holder } from './read-credentials.ts'

const OWN = ['specversion', 'id', 'source', 'type', 'datacontenttype', 'dataschema', 'subject', 'time']

/** Lines, the first with the place of the event. */
export function coverageOf(
  { event, unverified, extensions }: ReturnType<typeof verifyEvent>,
  place: string,
  { named }: Holder,
): string {
  const has = (name: string): boolean => attributeOf(event, name) !== undefined
  const absent = [...OWN.filter((name) => !has(name)), ...(event.data === undefined ? ['data'] : [])]
  const rows: [string, string][] = [
    ['signed by', named],
    ['covered', [...OWN.filter(has).map(inWords), ...dataOf(event)].join(', ')],
    ['covered as absent', listOf(absent)],
    ['extensions covered', listOf([...event.extensions.keys()])],
    ['NOT covered', listOf([...unverified.keys()])],
  ]
  const lines = rows.map(([what, value]) => `  ${what.padEnd(20)}${value}`)
  if (extensions === 'skipped')
    lines.push(
      '  Extensions are signed, but the type of one is not known here: name each with --extension NAME=TYPE.',
    )
  if (unverified.size > 0) lines.push('  What is not covered anybody could have added or changed.')
  lines.push(
    `  Other extensions, ${MATERIAL} itself and the HTTP headers around the event are not covered: one that was removed is not missed.`,
  )
  return `${[place, ...lines].map(printable).join('\n')}\n`
}

function inWords(name: string): string {
  return name === 'time' ? 'time (whole seconds)' : name
}

function dataOf({ data }: CloudEvent): string[] {
  return data === undefined ? [] : [`data (${data.length} bytes)`]
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
