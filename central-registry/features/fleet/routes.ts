/**
 * Handlers of the operations on the fleet: servers with their troubles, probes on demand, outages, campaigns.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import type { ServerReport } from '#schemas/fleet.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, encodedServer, serverOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import {
  type Campaign,
  type CampaignFacts,
  type CampaignServer,
  campaignCsv,
  campaignOf,
} from './campaign.ts'
import { checkMessage } from './documents.ts'
import type { OutageFilter, OutageStore } from './outages-store.ts'
import type { Probe } from './rules.ts'
import type { FleetFilter, FleetStore } from './store.ts'
import type { OutageRow } from './tables.ts'

type Rooms = {
  store: FleetStore
  outages: OutageStore
  campaignFacts(service: number, approved: ConfigurationIndex): Promise<CampaignFacts>
  approved(): Promise<ConfigurationIndex>
  probeNow(server: string): Promise<Probe>
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}

const SEVERITIES = ['none', 'warning', 'error'] as const
const MOST_DAYS = 90

export function fleetHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, outages } = rooms
  const textOf = async (encoded: string): Promise<string> =>
    idText(serverOf(encoded, await instanceOf(rooms.members)))
  const now = (): string => new Date(rooms.clock()).toISOString()
  const campaign = async (id: string): Promise<Campaign> =>
    campaignOf(await rooms.campaignFacts(Number(id), await rooms.approved()))

  return {
    getFleet: async ({ query }) => {
      const asked = query as Page & FleetFilter
      const rows = await store.list(asked)
      const troubles = await store.troublesNow(rows.map(({ id }) => id))
      const described = rows.map((row) => ({
        ...summary(row),
        troubles: troubles.filter(({ server }) => server === row.id).map(troubleView),
      }))
      return listAnswer(described, asked, () => store.count(asked))
    },
    getFleetServer: async ({ params, query }) => {
      const id = await textOf(params['id']!)
      const row = await store.one(id)
      const { troubles, olderBefore } = await store.history(id, (query as { before?: number }).before)
      const report = row.report === null ? undefined : (JSON.parse(row.report) as ServerReport)
      return {
        ...summary(row),
        troubles: (await store.troublesNow([id])).map(troubleView),
        history: troubles.map(({ until, ...one }) => ({ ...troubleView(one), until })),
        olderBefore,
        ...(report === undefined
          ? {}
          : {
              report: {
                ...{ createdAt: report.createdAt, version: report.version },
                ...{ configuration: report.configuration, timeStamping: report.timeStamping },
                ...(report.clockErrorMs === undefined ? {} : { clockErrorMs: report.clockErrorMs }),
                certificates: report.certificates.map(({ member, ...one }) => ({
                  ...one,
                  ...(member === undefined ? {} : { member: encodedId(member) }),
                })),
              },
            }),
      }
    },
    getFleetTroubles: async () => Object.fromEntries(await store.countTroubles()),
    probeSecurityServer: async ({ params }) => {
      const id = await textOf(params['id']!)
      return { ...(await rooms.probeNow(id)), at: now() }
    },
    getOutages: async ({ query }) => {
      const { state, ...page } = query as Page & Pick<OutageFilter, 'state'>
      const asked: OutageFilter = { at: now(), q: page.q, ...(state === undefined ? {} : { state }) }
      const rows = await outages.list({ ...page, ...asked })
      return listAnswer(
        rows.map((row) => outageView(row, now())),
        page,
        () => outages.count(asked),
      )
    },
    addOutage: async ({ body, caller }) => {
      const given = body as { message: string; from?: string; until: string } & Scope
      const at = now()
      const from = given.from === undefined ? at : timeOf(given.from)
      const until = timeOf(given.until)
      const days = (Date.parse(until) - rooms.clock()) / 86_400_000
      if (until <= from || until <= at || days > MOST_DAYS)
        throw new Fault('invalid_input', {
          what: say`until is after from, in the future and within ${MOST_DAYS} days`,
        })
      const servers = await Promise.all((given.servers ?? []).map(textOf))
      for (const server of servers) await store.address(server)
      const row = await outages.add({
        ...{ message: checkMessage(given.message), starts_at: from, ends_at: until },
        member_classes: JSON.stringify(given.memberClasses ?? []),
        servers: JSON.stringify(servers),
        ...{ created_at: at, created_by: named(caller) },
      })
      return outageView(row, at)
    },
    endOutage: ({ params, caller }) => outages.end(Number(params['id']), named(caller), now()),
    getCampaign: async ({ params }) => {
      const { entries: _, ...counts } = await campaign(params['id']!)
      return counts
    },
    getCampaignServers: async ({ params, query }) => {
      const { state, q = '', offset, limit } = query as Page & { state?: CampaignServer['state'] }
      const { entries } = await campaign(params['id']!)
      const found = entries
        .map((one) => ({
          ...one,
          server: encodedServer(one.server),
          certificates: one.certificates.map(({ member, ...more }) => ({
            ...more,
            ...(member === undefined ? {} : { member: encodedId(member) }),
          })),
        }))
        .filter((one) => state === undefined || one.state === state)
        .filter((one) => JSON.stringify(one).toLowerCase().includes(q.toLowerCase()))
      const headers = { 'x-total-count': String(found.length) }
      return answer(found.slice(offset, offset + limit), { headers })
    },
    exportCampaign: async ({ params }) =>
      answer(Buffer.from(campaignCsv(await campaign(params['id']!))), {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': `attachment; filename="campaign-${Number(params['id'])}.csv"`,
        },
      }),
  }
}

type Scope = { memberClasses?: string[]; servers?: string[] }
type Row = Awaited<ReturnType<FleetStore['one']>>

function summary({ report, probe, ...row }: Row) {
  const said = report === null ? undefined : (JSON.parse(report) as ServerReport)
  return {
    id: encodedServer(row.id),
    address: row.address,
    worst: SEVERITIES[Number(row.worst ?? 0)],
    maintenance: row.maintenance !== null,
    version: row.version,
    reportedAt: row.reported_at,
    configuration: said?.configuration ?? null,
    probe: probe === null ? null : { ...(JSON.parse(probe) as Probe), at: row.probed_at },
  }
}

function troubleView(one: { kind: string; severity: number; message: string; since: string }) {
  return {
    kind: one.kind,
    severity: SEVERITIES[Number(one.severity)],
    message: one.message,
    since: one.since,
  }
}

function outageView({ member_classes, servers, ...row }: OutageRow, now: string) {
  const ended = row.ended_at !== null || row.ends_at <= now
  return {
    id: wholeNumber(row.id),
    message: row.message,
    from: row.starts_at,
    until: row.ends_at,
    state: ended ? 'over' : row.starts_at > now ? 'planned' : 'now',
    memberClasses: JSON.parse(member_classes) as string[],
    servers: (JSON.parse(servers) as string[]).map(encodedServer),
    createdAt: row.created_at,
    createdBy: row.created_by,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
  }
}

const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`

function timeOf(text: string): string {
  const time = new Date(text)
  // RFC 3339 allows leap seconds, Date does not.
  if (Number.isNaN(time.getTime())) throw new Fault('invalid_input', { what: say`a time is needed` })
  return time.toISOString()
}
