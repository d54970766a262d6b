/** Operations on deliveries for the agency's operators: what waits, what failed; send again, discard. */
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { abandonReceived, abandonSent } from './abandon.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import type { BoxFilter } from './reads-store.ts'
import type { DeliveryRooms } from './rooms.ts'
import { iso } from './rooms.ts'
import type { Sender } from './sender.ts'

type Box = 'outbox' | 'inbox'
type Asked = Pick<BoxFilter, 'state'> & { box: Box; inboxId?: string; before?: number; limit: number }

const STATES = {
  outbox: ['waiting', 'delivered', 'done', 'consumed', 'dead', 'abandoned'],
  inbox: ['waiting', 'consumed', 'dead', 'abandoned'],
} as const
const MOST_COUNTED = 100_000

export function deliveryHandlers(rooms: DeliveryRooms, sender: Pick<Sender, 'wake'>): Handlers {
  const { outbox, inbox, routes } = rooms

  const shownSent = async (rows: StoredOutbox[]): Promise<object[]> => {
    const ways = await routes.byIds([...new Set(rows.map(({ route }) => Number(route)))])
    return rows.map((row) => {
      const { client, service } = ways.get(Number(row.route))!
      return {
        ...viewOf(row),
        senderId: colonForm(client),
        inboxId: colonForm(service),
        arrived: row.arrived,
      }
    })
  }
  const shownReceived = (rows: StoredInbox[]): object[] =>
    rows.map((row) => ({
      ...viewOf(row),
      senderId: colonForm(row.client),
      inboxId: colonForm(row.service),
      arrived: 'yes',
    }))

  return {
    getDeliveries: async ({ query }) => {
      const { box, state, inboxId, before, limit } = query as Asked
      const service = inboxId === undefined ? undefined : slashForm(inboxId, 5, 6)
      const filter = { state, service, before, limit }
      return {
        items:
          box === 'outbox'
            ? await shownSent(await outbox.list(filter))
            : shownReceived(await inbox.list(filter)),
        counts: await (box === 'outbox' ? outbox : inbox).counts(STATES[box], MOST_COUNTED),
      }
    },
    redriveDeliveries: async ({ body }) => {
      const { box, positions } = body as { box: Box; positions?: number[] }
      const now = iso(rooms.clock())
      const revived = await (box === 'outbox' ? outbox : inbox).revive({ positions, now })
      if (box === 'outbox') sender.wake()
      return { redriven: revived }
    },
    discardDeliveries: async ({ body }) => {
      const { box, positions } = body as { box: Box; positions: number[] }
      const rows = await Promise.all(
        positions.map((position) => (box === 'outbox' ? outbox : inbox).find(position)),
      )
      const missing = positions.find((_one, i) => rows[i] === undefined)
      if (missing !== undefined) throw new Fault('not_found', { what: `the delivery at ${missing}` })
      const done = await Promise.all(
        rows.map((row) =>
          box === 'outbox'
            ? abandonSent(row as StoredOutbox, { reason: 'delivery_discarded' }, rooms)
            : abandonReceived(row as StoredInbox, 'delivery_discarded', rooms),
        ),
      )
      return { discarded: done.filter(Boolean).length }
    },
  }
}

function viewOf(row: StoredOutbox | StoredInbox): object {
  return {
    ...{ position: row.position, delivery: row.delivery, state: row.state, attempts: row.attempts },
    ...{ since: row.since, changedAt: row.changed_at, error: row.error === '' ? null : row.error },
    expiresAt: row.expires_at === '' ? null : row.expires_at,
    record: row.first_record === null ? null : Number(row.first_record),
    endRecord: row.end_record === null ? null : Number(row.end_record),
  }
}
