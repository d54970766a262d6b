/** The addresses of the service `consents` for answers that people see first. */
import type { Question } from '../question.ts'
import { previewReleased } from '../read-request.ts'
import { refused } from '../who-acts.ts'
import {
  type Deciding,
  previewByToken,
  previewOf,
  previewsOf,
  releasePreview,
  stopPreview,
} from './own-previews.ts'

export const PREVIEW_PATHS: Record<string, (q: Question) => Promise<object>> = {
  'GET /v1/previews': async ({ search, own, rooms }) => previewsOf(await own(), cursorIn(search), rooms),
  'GET /v1/previews/{number}': async ({ id, own, rooms }) => previewOf(await own(), id, rooms),
  'GET /v1/previewed/{token}': async ({ id, own, rooms }) => previewByToken(await own(), id, rooms),
  'POST /v1/previews/{number}/release': async (q) => {
    const released = previewReleased(await q.json())
    return releasePreview(await deciding(q), { number: q.id, released }, q.rooms)
  },
  'POST /v1/previews/{number}/stop': async (q) => stopPreview(await deciding(q), q.id, q.rooms),
}

async function deciding({ own, acting, sender }: Question): Promise<Deciding> {
  return { own: await own(), byRepresentative: acting().mandate !== undefined, sender }
}

/** Throws `invalid_request` for one that is there more than once. */
function cursorIn(search: URLSearchParams): string | undefined {
  const [cursor, ...others] = search.getAll('cursor')
  if (others.length > 0) throw refused('cursor is given once')
  return cursor
}
