/** What can be found in a registry: the server looks through all lists that the reader may see. */
import { segmentOf } from '../kit/api.ts'
import type { FoundGroup, Search } from '../kit/find.ts'
import { text, textIfAny } from '../kit/text.ts'

type Kind = 'member' | 'subsystem' | 'server' | 'contract' | 'request' | 'proposal'

type One = { id: string; words?: string; what?: string; state?: string }

const PATHS: Record<Kind, string> = {
  member: '/members',
  subsystem: '/subsystems',
  server: '/security-servers',
  contract: '/contracts',
  request: '/management-requests',
  proposal: '/proposals',
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
              ...found.map((one) => ({ ...wordsOf(kind, one), to: `${PATHS[kind]}/${segmentOf(one.id)}` })),
              ...(more > 0
                ? [
                    {
                      title: text('find.all', { count: total }),
                      to: `${PATHS[kind]}?${new URLSearchParams({ q: typed }).toString()}`,
                    },
                  ]
                : []),
            ],
          }
        })
      },
    },
  ],
  lookUps: [],
}

/** Proposals and requests are called what they would do. */
function wordsOf(kind: Kind, { id, words = '', what = '' }: One): { title: string; beside: string } {
  if (kind === 'proposal') return { title: textIfAny(`operation.${what}`) ?? what, beside: words }
  if (kind === 'request')
    return { title: textIfAny(`kind.${what}`) ?? what, beside: text('find.request', { id, server: words }) }
  return kind === 'contract' ? { title: words, beside: id } : { title: id, beside: words }
}
