/** Operations on deliveries for the agency's operators: what waits, what failed; send again, discard. */
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { isInbox, pushAddress } from '../../local-systems/check-address.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import { abandonReceived, abandonSent } from './abandon.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import { checkRedrive } from './erased-exchanges.ts'
import type { BoxFilter } from './reads-store.ts'
import type { DeliveryRooms } from './rooms.ts'
import { iso } from './rooms.ts'
import type { Sender } from './sender.ts'
import { receivedView, sentView } from './views.ts'

type Box = 'outbox' | 'inbox'
type Asked = Pick<BoxFilter, 'state' | 'delivery'> & {
  box: Box
  inboxId?: string
  before?: number
  limit: number
}

const STATES = {
  outbox: ['waiting', 'delivered', 'done', 'consumed', 'dead', 'abandoned', 'unconfirmed'],
  inbox: ['waiting', 'consumed', 'dead', 'abandoned'],
} as const
const MOST_COUNTED = 100_000
const MOST_INBOXES = 1_000

export function deliveryHandlers(rooms: DeliveryRooms, sender: Pick<Sender, 'wake'>): Handlers {
  const { outbox, inbox, routes } = rooms

  const shownSent = async (rows: StoredOutbox[], clearance: number) => {
    const ways = await routes.byIds([...new Set(rows.map(({ route }) => Number(route)))])
    return rows.map((row) => sentView(row, ways.get(Number(row.route))!, clearance, rooms))
  }
  const shownReceived = (rows: StoredInbox[], clearance: number) =>
    rows.map((row) => {
      const { url } = rooms.localSystems.view().services.get(row.service)?.service ?? { url: '' }
      return receivedView(row, { isPushed: pushAddress(url) !== undefined, clearance }, rooms)
    })
  const viewOf = async (box: Box, position: number, clearance: number) => {
    const row = await (box === 'outbox' ? outbox : inbox).find(position)
    if (row === undefined) throw new Fault('not_found', { what: say`the delivery at ${position}` })
    const [view] =
      box === 'outbox'
        ? await shownSent([row as StoredOutbox], clearance)
        : shownReceived([row as StoredInbox], clearance)
    return view!
  }

  return {
    getDeliveries: async ({ query, caller }) => {
      const { box, state, inboxId, delivery, before, limit } = query as Asked
      const service = inboxId === undefined ? undefined : slashForm(inboxId, 5, 6)
      const clearance = clearanceOf(caller)
      // Who asks for an inbox would learn the parties of what is found.
      const found = service === undefined ? {} : { clearance }
      const filter = { state, service, delivery, before, limit, ...found }
      return {
        items:
          box === 'outbox'
            ? await shownSent(await outbox.list(filter), clearance)
            : shownReceived(await inbox.list(filter), clearance),
        counts: await (box === 'outbox' ? outbox : inbox).counts(STATES[box], MOST_COUNTED),
        inboxes: (box === 'outbox' ? await routes.services(MOST_INBOXES, clearance) : ownInboxes(rooms)).map(
          colonForm,
        ),
      }
    },
    getDelivery: async ({ params, caller }) => {
      const { box, position } = params as { box: Box; position: string }
      const clearance = clearanceOf(caller)
      const view = await viewOf(box, Number(position), clearance)
      const own = [view.record, view.exchangeRecord, view.endRecord].filter((one) => one !== null)
      // By number: of the same id there may be thousands of attempts, and what others used it for.
      const found = await Promise.all(
        own.map((index) =>
          rooms.messageLog.list({ queryId: view.delivery, before: index + 1, limit: 1, clearance }),
        ),
      )
      const receipts = found.flatMap((rows, i) => rows.filter(({ idx }) => Number(idx) === own[i]))
      return {
        ...view,
        receipts: receipts.map(({ idx, kind, direction, time, outcome }) => ({
          ...{ index: Number(idx), kind, direction, time, outcome },
        })),
      }
    },
    redriveDeliveries: async ({ body }) => {
      const { box, positions } = body as { box: Box; positions?: number[] }
      const now = iso(rooms.clock())
      const dead = await (box === 'outbox' ? outbox : inbox).dead(positions)
      await checkRedrive(dead, rooms)
      const found = dead.map(({ position }) => position)
      const revived = await (box === 'outbox' ? outbox : inbox).revive({ positions: found, now })
      if (box === 'outbox') sender.wake()
      return { redriven: revived }
    },
    discardDeliveries: async ({ body }) => {
      const { box, positions } = body as { box: Box; positions: number[] }
      const rows = await Promise.all(
        positions.map((position) => (box === 'outbox' ? outbox : inbox).find(position)),
      )
      const missing = positions.find((_one, i) => rows[i] === undefined)
      if (missing !== undefined) throw new Fault('not_found', { what: say`the delivery at ${missing}` })
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

function ownInboxes({ localSystems }: DeliveryRooms): string[] {
  const services = [...localSystems.view().services.values()]
  return services
    .filter(({ service }) => isInbox(service.url))
    .map(({ service }) => idText(service.id))
    .sort()
    .slice(0, MOST_INBOXES)
}
