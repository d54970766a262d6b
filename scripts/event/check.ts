/** `concordat event check`: prints what valid events say, and of every other one what is wrong with it. */
import { attributesOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { formOf } from '#core/events/data-form.ts'
import { printable } from '#platform/plain-text.ts'
import { INPUT_OPTIONS, readGiven, sayRefused } from './read-given.ts'
import { argumentsOf, type Surroundings, takesNone } from './surroundings.ts'

const MAX_SHOWN = 160
const WIDTH = 22
const FORMS = { json: 'JSON', text: 'text', bytes: 'binary' } as const

/** 0 where every event is valid, else 1. */
export async function check(args: string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = argumentsOf(args, INPUT_OPTIONS)
  takesNone(positionals)
  const given = await readGiven(values, surroundings)
  for (const { event, place } of given.events) surroundings.out.write(tableOf(event, place))
  sayRefused('check', given, surroundings)
  const { events, refused } = given
  surroundings.out.write(`${events.length} valid, ${refused.length} not valid\n`)
  return refused.length === 0 ? 0 : 1
}

function tableOf(event: CloudEvent, place: string): string {
  const rows = attributesOf(event).map(([name, value]) => [name, shown(String(value))])
  if (event.isJsonImplied) rows.push(['(datacontenttype)', 'application/json, as JSON data without one is'])
  rows.push(['(data)', dataOf(event)])
  const lines = rows.map(([name = '', value = '']) => `  ${name.padEnd(WIDTH)}${value}`)
  return `${[place, ...lines].map(printable).join('\n')}\n`
}

function dataOf({ data, datacontenttype, isJsonImplied }: CloudEvent): string {
  if (data === undefined) return 'none'
  const form = isJsonImplied ? 'json' : formOf(datacontenttype ?? '')
  return `${data.length} bytes, ${FORMS[form]}`
}

function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}... (${text.length} characters)`
}
