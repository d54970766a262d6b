/** The search in the address, and in the form of the API. Pure. */
import type { Find } from '../../kit/field.tsx'
import { utc } from '../../kit/moment.ts'
import type { Filter } from '../../kit/table-tools.tsx'
import { text } from '../../kit/text.ts'
import { directionText, KIND_OPTIONS, kindText } from '../words.tsx'

/** Made when they are shown, as all others: texts are not loaded before. */
export function firstFilters(find: { clients: Find; services: Find }): Filter[] {
  return [
    { name: 'from', title: 'search.from' },
    { name: 'to', title: 'search.to' },
    {
      name: 'failed',
      title: 'search.state',
      options: [
        { value: '', title: text('common.all') },
        { value: 'true', title: text('search.onlyFailed') },
        { value: 'false', title: text('search.onlyFine') },
      ],
    },
    ...whoAndWhat(find),
    { name: 'queryId', title: 'search.queryId', type: 'text' },
  ]
}

/** Who asks or is asked, and which service. */
export function whoAndWhat({ clients, services }: { clients: Find; services: Find }): Filter[] {
  return [
    { name: 'partyId', title: 'search.party', pick: { find: clients, parts: [3, 4] } },
    { name: 'serviceId', title: 'search.service', pick: { find: services, parts: [5, 6] } },
  ]
}

/** Filters with exact texts of the records, chosen from the existing ones. */
const TERMS = ['contract', 'purpose', 'endpoint'] as const

/** Less common filters. */
export function moreFilters(suggestions: Record<(typeof TERMS)[number], string[]>, servers: Find): Filter[] {
  const all = { value: '', title: text('common.all') }
  return [
    { name: 'outcome', title: 'search.outcome', type: 'text' },
    {
      name: 'kind',
      title: 'search.kind',
      options: [all, ...KIND_OPTIONS.map((value) => ({ value, title: kindText(value) }))],
    },
    {
      name: 'direction',
      title: 'search.direction',
      options: [all, ...['in', 'out'].map((value) => ({ value, title: directionText(value) }))],
    },
    { name: 'peerId', title: 'search.peer', pick: { find: servers, parts: [4] } },
    { name: 'requestId', title: 'search.requestId', type: 'text' },
    ...TERMS.map(
      (name): Filter => ({ name, title: `search.${name}`, type: 'text', suggestions: suggestions[name] }),
    ),
  ]
}

const TIMES = ['from', 'to']
const MORE = [
  'outcome',
  'kind',
  'direction',
  'peerId',
  'requestId',
  ...TERMS,
  'userTerm',
  'representedPartyTerm',
]
const NAMES = [...TIMES, 'failed', 'partyId', 'serviceId', 'queryId', ...MORE]

/** The filters that are not empty. Times in the address are in the reader's zone and are sent as UTC. */
export function filterOf(query: URLSearchParams): Record<string, string> {
  const filter: Record<string, string> = {}
  for (const name of NAMES) {
    const given = query.get(name)?.trim() ?? ''
    const value = TIMES.includes(name) ? utc(given) : given
    if (value !== '') filter[name] = value
  }
  return filter
}

export function hasMore(filter: Record<string, string>): boolean {
  return MORE.some((name) => filter[name] !== undefined)
}

/** A time in the form of an input of local time. */
export function local(time: string): string {
  const at = new Date(time)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
