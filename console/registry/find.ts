/** What can be found in a registry: the server looks through all lists that the reader may see. */
import { segmentOf } from '../kit/api.ts'
import type { FoundGroup, Search } from '../kit/find.ts'
import { text, textIfAny } from '../kit/text.ts'
import { trustServiceId } from './trust-service-place.ts'

type One = { id: string; words?: string; what?: string; state?: string; knownBy?: string }

type Kind = keyof typeof PATHS

const PATHS = {
  member: '/members',
  subsystem: '/subsystems',
  server: '/security-servers',
  group: '/global-groups',
  service: '/catalogue',
  contract: '/contracts',
  request: '/management-requests',
  proposal: '/proposals',
  anchor: '/external-anchors',
  certificationService: '/trust-services',
  timestampingService: '/trust-services',
  person: '/people',
}

export const search: Search = {
  what: 'find.whatRegistry',
  finders: [
    {
      operation: 'findAnything',
      async find(typed, call, signal) {
        const { data } = await call<{ kind: Kind; total: number; found: One[] }[]>('findAnything', {
          ...{ query: { q: typed }, signal },
        })
        return data.map(({ kind, total, found }): FoundGroup => {
          const more = total - found.length
          return {
            title: text(`find.kind.${kind}`),
            found: [
              ...found.map((one) => ({ ...wordsOf(kind, one), to: placeOf(kind, one) })),
              ...(more > 0 ? [{ title: text('find.all', { count: total }), to: listOf(kind, typed) }] : []),
            ],
          }
        })
      },
    },
  ],
  lookUps: [],
}

/** Trust services are parts of one page, and people rows of their list. */
function placeOf(kind: Kind, { id, words = '', knownBy = words }: One): string {
  if (kind === 'person') return listOf(kind, knownBy)
  if (kind === 'certificationService' || kind === 'timestampingService')
    return `${PATHS[kind]}#${trustServiceId(kind, id)}`
  return `${PATHS[kind]}/${segmentOf(id)}`
}

/** The list of all that fit; the page of trust services has no search and shows every one. */
function listOf(kind: Kind, q: string): string {
  if (kind === 'certificationService' || kind === 'timestampingService') return PATHS[kind]
  return `${PATHS[kind]}?${new URLSearchParams({ q }).toString()}`
}

/**
 * Proposals and requests are called what they would do; services, contracts and people are called what people
 * call them.
 */
function wordsOf(kind: Kind, one: One): { title: string; beside?: string } {
  const { id, words = '', what = '', state = '' } = one
  switch (kind) {
    case 'proposal':
      return { title: textIfAny(`operation.${what}`) ?? what, beside: words }
    case 'request':
      return { title: textIfAny(`kind.${what}`) ?? what, beside: text('find.request', { id, server: words }) }
    case 'service':
      return { title: words, beside: besides(id, state === 'offered' ? '' : textIfAny(`catalogue.${state}`)) }
    case 'contract':
      return { title: words, beside: besides(id, state === 'ACTIVE' ? '' : textIfAny(`contract.${state}`)) }
    case 'anchor':
      return { title: words, beside: textIfAny(`federation.${state}`) ?? state }
    case 'certificationService':
    case 'timestampingService':
      return { title: words }
    case 'person':
      return {
        title: words,
        beside: besides(one.knownBy, state === 'active' ? '' : textIfAny(`person.${state}`)),
      }
    default:
      return { title: id, beside: words }
  }
}

/** A state is told when it is not the usual one. */
function besides(...parts: (string | undefined)[]): string {
  return parts.filter(Boolean).join(', ')
}
