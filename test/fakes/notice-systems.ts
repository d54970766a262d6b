/** The notices of a tracker, as schemas/find-usage.yaml says, for one wish of one person and in memory. */
import { NOTICES_PATH } from '#schemas/notices.ts'
import { type Answering, send } from './usage-systems.ts'

/** What comes to an address by a letter. */
export const NOTICE_CODE = '1234 5678'
export const NOTICE_ID = '3f2b1c00-0000-4000-8000-000000000001'
export const NOTICE_SECRET = `whsec_${'A'.repeat(43)}=`

/** `stopped`: tokens of links, and who brought them. Everything else goes to `others`. */
export function keepNotices({ others }: { others?: Answering } = {}): {
  answers: Answering
  stopped: unknown[]
} {
  let notice: Record<string, unknown> | undefined
  const stopped: unknown[] = []
  const answers: Answering = (asked, response) => {
    const { method, path, body, userId } = asked
    if (others !== undefined && !path.startsWith(NOTICES_PATH)) return others(asked, response)
    const given = body as Record<string, string>
    if (path === `${NOTICES_PATH}/stop`) {
      stopped.push([given['token'], userId])
      return send(response, { stopped: true })
    }
    const isConfirmation = path === `${NOTICES_PATH}/confirmation`
    if (isConfirmation && given['code'] !== NOTICE_CODE)
      return send(response, { type: 'invalid_request' }, 400)
    if (isConfirmation) notice = { ...notice, state: 'confirmed' }
    else if (method === 'POST')
      notice = {
        id: NOTICE_ID,
        state: 'asked',
        about: ['uses'],
        ...given,
        address: 'p…@mail.example',
        askedAt: '',
      }
    if (method === 'DELETE') {
      notice = undefined
      return send(response, { ended: 1 })
    }
    if (method === 'POST' && !isConfirmation) return send(response, { notice, secret: NOTICE_SECRET })
    return send(response, { channels: ['email', 'webhook'], notices: notice === undefined ? [] : [notice] })
  }
  return { answers, stopped }
}
