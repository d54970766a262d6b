/**
 * What operators see of answers that people see first: numbers, and what was decided about one. Neither an
 * answer's content nor a person's name.
 */
import type { PreviewDocument } from '#core/consent/preview-document.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { PreviewStore } from './store.ts'

export function previewHandlers({ previews }: { previews: PreviewStore }): Handlers {
  return {
    getPreviewByNumber: async ({ params }) => {
      const row = await previews.byNumber(params['id']!.toLowerCase())
      if (row === undefined) throw new Fault('not_found', { what: 'there is no preview with this number' })
      const { number, state, client, service, contract, digest, document } = row
      return {
        ...{ number, state, client, service, contract, askedAt: row.asked_at, validUntil: row.valid_until },
        ...{ decidedAt: row.decided_at, givenAt: row.given_at, digest },
        document: documentIn(document),
        releasedBefore: documentIn(row.released),
      }
    },
  }
}

function documentIn(text: string | null): PreviewDocument | null {
  return text === null ? null : (JSON.parse(text) as PreviewDocument)
}

export async function previewCounts(subsystem: string, { previews }: { previews: PreviewStore }) {
  const counts = await previews.counts(subsystem)
  const of = (...states: Parameters<typeof counts.get>[0][]): Whole =>
    states.reduce((all, state) => all + (counts.get(state) ?? 0), 0)
  return {
    ...{ waiting: of('WAITING'), released: of('RELEASED', 'TAKEN'), given: of('GIVEN') },
    ...{ stopped: of('STOPPED'), over: of('VOID') },
  }
}
